-- People: roles (named sets of scopes of one tenant), who has which, what they log in with (only hashes, and a TOTP secret that is sealed
-- by a key outside of this file), their sessions. Every tenant has the built-in roles; this gives them to those that stand.

CREATE TABLE role (
    tenant BLOB NOT NULL CHECK (length(tenant) = 16),
    name   TEXT NOT NULL,
    description TEXT NOT NULL,
    scopes INTEGER NOT NULL,
    is_builtin INTEGER NOT NULL CHECK (is_builtin IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ver    INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE person (
    id     BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant BLOB NOT NULL CHECK (length(tenant) = 16),
    name   TEXT NOT NULL,
    display_name TEXT NOT NULL,
    state  INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2),
    password TEXT NOT NULL,
    totp_sealed BLOB,
    totp_step INTEGER NOT NULL,
    invitation_id BLOB CHECK (invitation_id IS NULL OR length(invitation_id) = 8),
    invitation_sha256 BLOB CHECK (invitation_sha256 IS NULL OR length(invitation_sha256) = 32),
    invitation_expires_at INTEGER,
    activated_at INTEGER,
    last_login_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ver    INTEGER NOT NULL,
    UNIQUE (tenant, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX person_by_tenant ON person (tenant, id);
CREATE INDEX person_by_state ON person (tenant, state, id);
CREATE UNIQUE INDEX person_by_invitation ON person (invitation_id) WHERE invitation_id IS NOT NULL;

CREATE TABLE person_role (
    tenant BLOB NOT NULL CHECK (length(tenant) = 16),
    role   TEXT NOT NULL,
    person BLOB NOT NULL CHECK (length(person) = 16),
    PRIMARY KEY (tenant, role, person)
) STRICT, WITHOUT ROWID;
CREATE INDEX person_role_by_person ON person_role (person, role);

CREATE TABLE recovery_code (
    person BLOB NOT NULL CHECK (length(person) = 16),
    code_sha256 BLOB NOT NULL CHECK (length(code_sha256) = 32),
    PRIMARY KEY (person, code_sha256)
) STRICT, WITHOUT ROWID;

CREATE TABLE person_session (
    id     BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 8),
    tenant BLOB NOT NULL CHECK (length(tenant) = 16),
    person BLOB NOT NULL CHECK (length(person) = 16),
    secret_sha256 BLOB NOT NULL CHECK (length(secret_sha256) = 32),
    address TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX person_session_by_tenant ON person_session (tenant, id);
CREATE INDEX person_session_by_person ON person_session (person, id);
CREATE INDEX person_session_by_expiry ON person_session (expires_at);

-- the bits of fleet/scopes.c, as fleet/roles.c gives them to new tenants (a test compares the two)
INSERT INTO role (tenant, name, description, scopes, is_builtin, created_at, updated_at, ver)
SELECT id, 'admin', 'Everything in this tenant', 1073741824, 1, created_at, created_at, 1 FROM tenant;
INSERT INTO role (tenant, name, description, scopes, is_builtin, created_at, updated_at, ver)
SELECT id, 'operator', 'The daily work with devices', 14938399, 1, created_at, created_at, 1 FROM tenant;
INSERT INTO role (tenant, name, description, scopes, is_builtin, created_at, updated_at, ver)
SELECT id, 'factory', 'Registers devices, and nothing else', 4096, 1, created_at, created_at, 1 FROM tenant;
INSERT INTO role (tenant, name, description, scopes, is_builtin, created_at, updated_at, ver)
SELECT id, 'firmware', 'Uploads and releases firmware', 58720256, 1, created_at, created_at, 1 FROM tenant;
INSERT INTO role (tenant, name, description, scopes, is_builtin, created_at, updated_at, ver)
SELECT id, 'auditor', 'Reads everything, changes nothing', 11248917, 1, created_at, created_at, 1 FROM tenant;
