-- What a server was asked to have done, and the work on it that is given out to workers. Times are
-- ISO 8601 UTC; expires_at and beaten_at are seconds since 1970.

CREATE TABLE IF NOT EXISTS btkit_operations (
    number           INTEGER PRIMARY KEY AUTOINCREMENT,
    operation_id     TEXT UNIQUE NOT NULL,
    kind             TEXT NOT NULL,     -- the job's
    request          TEXT NOT NULL,     -- JSON: the job
    status           TEXT NOT NULL DEFAULT 'queued'
                     CHECK (status IN ('queued', 'running', 'complete', 'failed', 'cancelled')),
    job_id           TEXT,              -- in btkit_jobs, once something of it is there
    created_at       TEXT NOT NULL,
    started_at       TEXT,
    completed_at     TEXT,
    attempt          INTEGER NOT NULL DEFAULT 1,  -- how often it was queued
    divided          INTEGER CHECK (divided IN (0, 1)),  -- NULL until that is known
    settled          INTEGER NOT NULL DEFAULT 0,  -- units in pieces that are done or crashed
    done             INTEGER,           -- of a whole job: as its worker says
    total            INTEGER,
    unit             TEXT,
    rate             REAL,              -- units a second
    error            TEXT,              -- JSON: type, message, hint, retryable, details
    unmerged         INTEGER NOT NULL DEFAULT 0 CHECK (unmerged IN (0, 1)),  -- a parcel waits
    cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
    bars             TEXT,              -- SHA-256 of those that all pieces are done on
    best             TEXT,              -- JSON: a summary of the pieces so far
    last_event       INTEGER NOT NULL DEFAULT 0,
    idempotency_key  TEXT UNIQUE,
    body_hash        TEXT,
    CHECK (status <> 'failed' OR error IS NOT NULL),
    CHECK ((status IN ('complete', 'failed', 'cancelled')) = (completed_at IS NOT NULL))
);

CREATE INDEX IF NOT EXISTS btkit_operations_by_status ON btkit_operations (status, number);

-- How far each group of a divided operation was cut into pieces: what lies behind the cursor has no
-- row, however much it is.
CREATE TABLE IF NOT EXISTS btkit_operation_groups (
    operation_id TEXT NOT NULL REFERENCES btkit_operations (operation_id) ON DELETE CASCADE,
    grp          INTEGER NOT NULL,
    size         INTEGER NOT NULL CHECK (size >= 0),
    cursor       INTEGER NOT NULL DEFAULT 0 CHECK (cursor BETWEEN 0 AND size),
    PRIMARY KEY (operation_id, grp)
);

-- Pieces that were cut: units [lo, hi) of a group. Group -1 is a whole job, -2 the finishing.
CREATE TABLE IF NOT EXISTS btkit_pieces (
    operation_id TEXT NOT NULL REFERENCES btkit_operations (operation_id) ON DELETE CASCADE,
    grp          INTEGER NOT NULL,
    lo           INTEGER NOT NULL,
    hi           INTEGER NOT NULL,
    status       TEXT NOT NULL CHECK (status IN ('waiting', 'leased', 'done', 'crashed')),
    attempts     INTEGER NOT NULL DEFAULT 0 CHECK (attempts BETWEEN 0 AND 3),
    handed       INTEGER NOT NULL DEFAULT 0,  -- how often, attempts that never began included
    lost_by      TEXT,              -- the worker that was lost with it
    error        TEXT,              -- JSON: what it failed of last
    token_hash   TEXT,              -- of the lease whose content was taken
    sha256       TEXT CHECK (length(sha256) = 64),
    size         INTEGER,           -- of the content, in bytes
    summarised   INTEGER NOT NULL DEFAULT 0 CHECK (summarised IN (0, 1)),
    PRIMARY KEY (operation_id, grp, lo),
    CHECK (hi > lo OR grp < 0),
    CHECK (status <> 'done' OR sha256 IS NOT NULL)
);

CREATE INDEX IF NOT EXISTS btkit_pieces_by_status ON btkit_pieces (operation_id, status, grp, lo);
CREATE INDEX IF NOT EXISTS btkit_pieces_by_token ON btkit_pieces (token_hash);

-- A worker's right to bring a piece back, while it says that it is at work. The row is the fence:
-- without it nothing is taken.
CREATE TABLE IF NOT EXISTS btkit_leases (
    lease_id     TEXT PRIMARY KEY NOT NULL,
    token_hash   TEXT UNIQUE NOT NULL,  -- SHA-256: the token itself is nowhere here
    operation_id TEXT NOT NULL,
    grp          INTEGER NOT NULL,
    lo           INTEGER NOT NULL,
    worker       TEXT NOT NULL,
    bars         TEXT,              -- SHA-256 of the bars that it needs
    attempt      INTEGER NOT NULL,
    granted_at   TEXT NOT NULL,
    begun        INTEGER NOT NULL DEFAULT 0 CHECK (begun IN (0, 1)),
    beaten_at    REAL NOT NULL,
    expires_at   REAL NOT NULL,
    done         INTEGER NOT NULL DEFAULT 0,
    UNIQUE (operation_id, grp, lo),
    FOREIGN KEY (operation_id, grp, lo)
        REFERENCES btkit_pieces (operation_id, grp, lo) ON DELETE CASCADE
);

CREATE INDEX IF NOT EXISTS btkit_leases_by_worker ON btkit_leases (worker);
CREATE INDEX IF NOT EXISTS btkit_leases_by_expiry ON btkit_leases (expires_at);

CREATE TABLE IF NOT EXISTS btkit_operation_events (
    operation_id TEXT NOT NULL REFERENCES btkit_operations (operation_id) ON DELETE CASCADE,
    seq          INTEGER NOT NULL,  -- from 1
    at           TEXT NOT NULL,
    kind         TEXT NOT NULL,
    data         TEXT NOT NULL,     -- JSON
    PRIMARY KEY (operation_id, seq)
);

-- The one server that gives work out.
CREATE TABLE IF NOT EXISTS btkit_server (
    only_one        INTEGER PRIMARY KEY CHECK (only_one = 1),
    host            TEXT NOT NULL,
    pid             INTEGER NOT NULL,
    process_started TEXT NOT NULL,
    heartbeat_at    TEXT NOT NULL
);
