-- SHA-256 of what the pieces of an operation are done on: bars, trained models, versions and code.
ALTER TABLE btkit_operations ADD COLUMN basis TEXT;
