-- Back ends that log in by a TLS client certificate: which key is whose, and what it may do. A key stands in one row that is not revoked.

CREATE TABLE client_certificate (
    id     BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant BLOB NOT NULL CHECK (length(tenant) = 16),
    name   TEXT NOT NULL,
    spki_sha256 BLOB NOT NULL CHECK (length(spki_sha256) = 32),
    scopes INTEGER NOT NULL,
    sources TEXT NOT NULL,
    owner  TEXT NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER,
    revoked_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ver    INTEGER NOT NULL,
    UNIQUE (tenant, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_certificate_by_tenant ON client_certificate (tenant, id);
CREATE UNIQUE INDEX client_certificate_by_key ON client_certificate (spki_sha256) WHERE revoked_at IS NULL;
