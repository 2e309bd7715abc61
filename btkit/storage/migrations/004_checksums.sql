-- What was written, so that what changed since is never taken for it. What an earlier version
-- stored has no row here. Times are ISO 8601 UTC. No foreign key: not only runs have files.
CREATE TABLE IF NOT EXISTS backtest_checksums (
    owner_id   TEXT NOT NULL,     -- a run, a sweep, a walk-forward validation, or 'batch'
    name       TEXT NOT NULL,     -- the file's, with / below its folder; or 'report', 'trades'
    kind       TEXT NOT NULL
               CHECK (kind IN ('rows', 'curve', 'table', 'json', 'notebook', 'html', 'csv', 'spec')),
    sha256     TEXT NOT NULL CHECK (length(sha256) = 64),
    size       INTEGER NOT NULL,  -- bytes
    written_at TEXT NOT NULL,
    PRIMARY KEY (owner_id, name)
);
