-- Everything that was asked for, one row a job: runs, option runs, walk-forward validations,
-- sweeps, batches. Times are ISO 8601 UTC.

-- A job with the status 'running' whose owner is no more was interrupted. The outcome of a run is
-- in backtest_runs, backtest_metrics and backtest_trades; that of all others is their document.
CREATE TABLE IF NOT EXISTS btkit_jobs (
    job_id           TEXT PRIMARY KEY NOT NULL,
    kind             TEXT NOT NULL,  -- the command: run, options-sim, walk-forward, sweep, batch
    status           TEXT NOT NULL
                     CHECK (status IN ('running', 'complete', 'failed', 'cancelled')),
    run_id           TEXT UNIQUE     -- the job's own id where it is a run; NULL for all others
                     REFERENCES backtest_runs (run_id) ON DELETE CASCADE,
    parent_id        TEXT            -- the job that this one is a part of
                     REFERENCES btkit_jobs (job_id) ON DELETE CASCADE,
    part             INTEGER,        -- its place among the parent's parts, from 1
    created_at       TEXT NOT NULL,
    -- What a list shows of a job that is no run; a run has these in backtest_runs.
    completed_at     TEXT,
    error_message    TEXT,
    strategy_name    TEXT,
    strategy_version TEXT,
    symbol           TEXT,
    interval         TEXT,
    start_date       TEXT,
    end_date         TEXT,
    passed           INTEGER CHECK (passed IN (0, 1)),
    document         TEXT,           -- the JSON that the command printed
    request          TEXT,           -- JSON: what was asked for; NULL where it cannot be resumed
    done             INTEGER,        -- how far it is: done of total units
    total            INTEGER,
    unit             TEXT,
    host             TEXT,           -- the owner; NULL where nobody is at work
    pid              INTEGER,
    process_started  TEXT,
    heartbeat_at     TEXT,
    cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
    CHECK (run_id IS NULL OR run_id = job_id),
    CHECK ((parent_id IS NULL) = (part IS NULL))
);

CREATE INDEX IF NOT EXISTS btkit_jobs_by_time ON btkit_jobs (created_at);
CREATE INDEX IF NOT EXISTS btkit_jobs_by_parent ON btkit_jobs (parent_id, part);

-- The runs there are. Until now only unfinished ones had a row, in a table of their own.
INSERT OR IGNORE INTO btkit_jobs
    (job_id, kind, status, run_id, created_at, request, host, pid, process_started, heartbeat_at,
     cancel_requested)
SELECT r.run_id,
       CASE
           WHEN json_valid(j.request) AND json_extract(j.request, '$.kind') = 'options-sim'
               THEN 'options-sim'
           WHEN json_valid(r.report) AND json_type(r.report, '$.spreads') IS NOT NULL
               THEN 'options-sim'
           ELSE 'run'
       END,
       CASE WHEN r.status = 'failed' AND c.type = 'cancellation' THEN 'cancelled'
            ELSE r.status END,
       r.run_id, r.created_at, j.request, j.host, j.pid, j.process_started, j.heartbeat_at,
       coalesce(j.cancel_requested, 0)
FROM backtest_runs r
LEFT JOIN backtest_jobs j ON j.run_id = r.run_id
LEFT JOIN backtest_checkpoints c ON c.run_id = r.run_id
ORDER BY r.rowid;

DROP TABLE backtest_jobs;
