-- The list of all trades, where a page shows only some of them, goes to object storage as well.
-- A CHECK cannot be changed, so the table is made anew.
CREATE TABLE backtest_uploads_005 (
    object_key      TEXT PRIMARY KEY NOT NULL,
    run_id          TEXT NOT NULL,
    action          TEXT NOT NULL CHECK (action IN ('upload', 'remove')),
    kind            TEXT NOT NULL CHECK (kind IN ('curve', 'json', 'notebook', 'html', 'csv')),
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

INSERT INTO backtest_uploads_005
    (object_key, run_id, action, kind, path, bucket, queued_at, delivered_at, attempts, last_error,
     host, pid, process_started, claimed_at)
SELECT object_key, run_id, action, kind, path, bucket, queued_at, delivered_at, attempts,
       last_error, host, pid, process_started, claimed_at
FROM backtest_uploads;

DROP TABLE backtest_uploads;

ALTER TABLE backtest_uploads_005 RENAME TO backtest_uploads;

CREATE INDEX backtest_uploads_by_run ON backtest_uploads (run_id);
