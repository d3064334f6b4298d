-- What waits for a second person, who asked and who decided; and work on many devices, which is carried on in small steps and survives
-- the end of the process between two of them. Only adds.

-- Which kinds of action wait (bits, fleet/approval_kinds.c), by owner: a tenant or one of its products. No row: none.
CREATE TABLE dual_control (
    owner BLOB NOT NULL PRIMARY KEY CHECK (length(owner) = 16),
    kinds INTEGER NOT NULL,
    approval_ttl_s INTEGER NOT NULL CHECK (approval_ttl_s > 0),
    updated_at INTEGER NOT NULL,
    ver INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- digest: SHA-256 over kind, request and subject, so that what is approved is what was asked for.
CREATE TABLE approval (
    id      BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant  BLOB NOT NULL CHECK (length(tenant) = 16),
    kind    TEXT NOT NULL,
    state   INTEGER NOT NULL CHECK (state BETWEEN 0 AND 6),
    request TEXT NOT NULL,
    subject TEXT NOT NULL,
    digest  BLOB NOT NULL CHECK (length(digest) = 32),
    requested_by    TEXT NOT NULL,
    requested_owner TEXT NOT NULL,
    requested_at    INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    decided_by      TEXT NOT NULL,
    decided_owner   TEXT NOT NULL,
    decided_at      INTEGER,
    comment TEXT NOT NULL,
    result  TEXT NOT NULL,
    ver     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX approval_by_tenant ON approval (tenant, id);
CREATE INDEX approval_by_state ON approval (tenant, state, id);
-- The same request is asked once.
CREATE UNIQUE INDEX approval_waiting ON approval (tenant, digest) WHERE state = 0;
CREATE INDEX approval_by_expiry ON approval (expires_at, id) WHERE state = 0;

-- cursor: the id of the last device that was done; empty at the start.
CREATE TABLE operation (
    id      BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant  BLOB NOT NULL CHECK (length(tenant) = 16),
    kind    INTEGER NOT NULL,
    state   INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3),
    request TEXT NOT NULL,
    cursor  BLOB NOT NULL CHECK (length(cursor) IN (0, 32)),
    total   INTEGER NOT NULL,
    done    INTEGER NOT NULL,
    skipped INTEGER NOT NULL,
    failed  INTEGER NOT NULL,
    failure TEXT NOT NULL,
    actor   TEXT NOT NULL,
    request_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    finished_at INTEGER,
    ver     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX operation_by_tenant ON operation (tenant, id);
CREATE INDEX operation_by_state ON operation (tenant, state, id);
CREATE INDEX operation_running ON operation (updated_at, id) WHERE state = 0;
