-- What unfinished runs need to be told apart, stopped and taken up again, and what is still to be
-- delivered to object storage. Times are ISO 8601 UTC.

-- One row from a run's start to its completion. A run with the status 'running' whose owner is no
-- more was interrupted; one that failed with a checkpoint of type 'cancellation' was cancelled.
CREATE TABLE IF NOT EXISTS backtest_jobs (
    run_id           TEXT PRIMARY KEY NOT NULL
                     REFERENCES backtest_runs (run_id) ON DELETE CASCADE,
    request          TEXT,     -- JSON: what was asked for; NULL where the run cannot be resumed
    host             TEXT,     -- the owner; NULL where nobody is at work
    pid              INTEGER,
    process_started  TEXT,
    heartbeat_at     TEXT,
    cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1))
);

CREATE TABLE IF NOT EXISTS backtest_checkpoints (
    run_id      TEXT PRIMARY KEY NOT NULL
                REFERENCES backtest_runs (run_id) ON DELETE CASCADE,
    type        TEXT NOT NULL CHECK (type IN ('periodic', 'cancellation')),
    bar_index   INTEGER,  -- the last bar simulated, from 0, warm-up included; NULL before the first
    cash        REAL,
    fingerprint TEXT,     -- of all that the bars to come depend on
    state       BLOB,     -- NumPy arrays (.npz): cash, open lots, pending orders, counters
    saved_at    TEXT NOT NULL,
    CHECK ((bar_index IS NULL) = (state IS NULL))
);

-- Trades and equity so far, in the order they were saved.
CREATE TABLE IF NOT EXISTS backtest_checkpoint_parts (
    run_id  TEXT NOT NULL REFERENCES backtest_checkpoints (run_id) ON DELETE CASCADE,
    part    INTEGER NOT NULL,
    content BLOB NOT NULL,  -- NumPy arrays (.npz)
    PRIMARY KEY (run_id, part)
);

-- Files for object storage, delivered or still to be, and objects still to be removed. No foreign
-- key: a removal outlives its run.
CREATE TABLE IF NOT EXISTS backtest_uploads (
    object_key      TEXT PRIMARY KEY NOT NULL,
    run_id          TEXT NOT NULL,
    action          TEXT NOT NULL CHECK (action IN ('upload', 'remove')),
    kind            TEXT NOT NULL CHECK (kind IN ('curve', 'json', 'notebook', 'html')),
    path            TEXT NOT NULL,  -- the local file
    bucket          TEXT,           -- where it is, once it was delivered
    queued_at       TEXT NOT NULL,
    delivered_at    TEXT,
    attempts        INTEGER NOT NULL DEFAULT 0,
    last_error      TEXT,
    host            TEXT,           -- who is at it now; NULL where nobody is
    pid             INTEGER,
    process_started TEXT,
    claimed_at      TEXT,
    CHECK ((delivered_at IS NULL) OR (bucket IS NOT NULL))
);

CREATE INDEX IF NOT EXISTS backtest_uploads_by_run ON backtest_uploads (run_id);
