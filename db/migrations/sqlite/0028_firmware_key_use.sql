-- What a key of firmware signed, one row for each use that firmware_key.uses counts: n is that count. kind: 0 image (derived, by signing),
-- 1 signature (beside an image), 2 manifest (of a release). subject: its id. digest: SHA-256 of what was signed. No foreign life: what was
-- signed stays listed when the image is gone.
CREATE TABLE firmware_key_use (
    key     BLOB NOT NULL CHECK (length(key) = 16),
    n       INTEGER NOT NULL,
    tenant  BLOB NOT NULL CHECK (length(tenant) = 16),
    kind    INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 2),
    subject BLOB NOT NULL CHECK (length(subject) = 16),
    digest  BLOB NOT NULL CHECK (length(digest) = 32),
    at      INTEGER NOT NULL,
    PRIMARY KEY (key, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX firmware_key_by_tenant ON firmware_key (tenant, id);
