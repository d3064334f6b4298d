-- A token may have two live secrets while it is rotated, and may be good from some addresses only (a list of CIDRs; '': from all).

ALTER TABLE token ADD COLUMN old_sha256 BLOB CHECK (old_sha256 IS NULL OR length(old_sha256) = 32);
ALTER TABLE token ADD COLUMN rotated_at INTEGER;
ALTER TABLE token ADD COLUMN sources TEXT NOT NULL DEFAULT '';
