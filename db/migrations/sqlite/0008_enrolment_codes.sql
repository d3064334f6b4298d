-- Enrolment codes: each admits use_limit devices of its product, which come into its batch. A code of kind 0 is for one device: the one
-- that it was made for, or the first that uses it; one of kind 1 is for many. Of the secret only the SHA-256 is kept.

CREATE TABLE enrolment_code (
    id      BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 8),
    tenant  BLOB NOT NULL CHECK (length(tenant) = 16),
    product BLOB NOT NULL CHECK (length(product) = 16),
    batch   BLOB NOT NULL CHECK (length(batch) = 16),
    kind    INTEGER NOT NULL CHECK (kind IN (0, 1)),
    name    TEXT NOT NULL,
    secret_sha256 BLOB NOT NULL CHECK (length(secret_sha256) = 32),
    device  BLOB CHECK (device IS NULL OR length(device) = 32),
    serial  TEXT NOT NULL,
    use_limit  INTEGER NOT NULL CHECK (use_limit >= 1),
    used       INTEGER NOT NULL CHECK (used BETWEEN 0 AND use_limit),
    not_before INTEGER NOT NULL,
    not_after  INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER,
    ver INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX enrolment_code_by_tenant ON enrolment_code (tenant, id);
CREATE INDEX enrolment_code_by_product ON enrolment_code (tenant, product, id);
