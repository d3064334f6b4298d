-- Codes for CMP's MAC protection: one a device at a time, made for a registered device only. The secret must be read again to check a MAC,
-- so it is sealed and not hashed; it is gone (empty) once the code was revoked, was used up or has expired. spki_sha256: the key that it was
-- first used for, and good for again until the certificate over it was used. sweep_at: when the code is looked at next, to take the secret of
-- one that has expired, or to forget one that has none any more. failed_attempts: messages that named it and did not know its secret.
CREATE TABLE cmp_code (
    tenant    BLOB NOT NULL CHECK (length(tenant) = 16),
    device    BLOB NOT NULL CHECK (length(device) = 32),
    reference BLOB NOT NULL CHECK (length(reference) = 8),
    sealed    BLOB NOT NULL,
    spki_sha256 BLOB CHECK (spki_sha256 IS NULL OR length(spki_sha256) = 32),
    bound_at   INTEGER,
    not_after  INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    used_at    INTEGER,
    revoked_at INTEGER,
    failed_attempts INTEGER NOT NULL,
    failed_at  INTEGER,
    sweep_at   INTEGER NOT NULL,
    ver INTEGER NOT NULL,
    PRIMARY KEY (tenant, device)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX cmp_code_by_reference ON cmp_code (reference);
CREATE INDEX cmp_code_by_sweep ON cmp_code (sweep_at, reference);
