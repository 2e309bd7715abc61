-- How often a job was begun or taken up again.
ALTER TABLE btkit_jobs ADD COLUMN attempts INTEGER NOT NULL DEFAULT 1;
