-- The house: who runs (node), who owns (tenant, product), what is known (batch, device, device_key), what was issued
-- (authority, certificate, crl), who may call (token), what happened (audit). All times are Unix milliseconds UTC written by C.
-- Ids are 16-byte time-ordered UUIDs made by the node. Every row that a device owns carries the 32-byte device id.

CREATE TABLE node (
    id    BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name  TEXT NOT NULL UNIQUE,
    epoch INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tenant (
    id   BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ver  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE product (
    id     BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant BLOB NOT NULL CHECK (length(tenant) = 16),
    name   TEXT NOT NULL,
    certificate_ttl_s INTEGER NOT NULL,
    renew_percent     INTEGER NOT NULL CHECK (renew_percent BETWEEN 1 AND 99),
    recovery INTEGER NOT NULL CHECK (recovery IN (0, 1, 2)),
    identity_key_certificates INTEGER NOT NULL CHECK (identity_key_certificates IN (0, 1)),
    allow_rsa_2048            INTEGER NOT NULL CHECK (allow_rsa_2048 IN (0, 1)),
    require_channel_binding   INTEGER NOT NULL CHECK (require_channel_binding IN (0, 1)),
    allow_unbound_challenge   INTEGER NOT NULL CHECK (allow_unbound_challenge IN (0, 1)),
    hub_url TEXT NOT NULL,
    hub_ca  TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ver INTEGER NOT NULL,
    UNIQUE (tenant, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE batch (
    id      BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant  BLOB NOT NULL CHECK (length(tenant) = 16),
    product BLOB NOT NULL CHECK (length(product) = 16),
    name    TEXT NOT NULL,
    device_count INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ver INTEGER NOT NULL,
    UNIQUE (tenant, name)
) STRICT, WITHOUT ROWID;

-- (tenant, device id) is unique: another tenant's claim of the same id is a row of its own and never shows.
CREATE TABLE device (
    id      BLOB NOT NULL CHECK (length(id) = 32),
    tenant  BLOB NOT NULL CHECK (length(tenant) = 16),
    batch   BLOB NOT NULL CHECK (length(batch) = 16),
    product BLOB NOT NULL CHECK (length(product) = 16),
    state   INTEGER NOT NULL CHECK (state BETWEEN 0 AND 5),
    claim   INTEGER NOT NULL CHECK (claim BETWEEN 0 AND 2),
    reenrol_allowed INTEGER NOT NULL CHECK (reenrol_allowed IN (0, 1)),
    generation INTEGER NOT NULL,
    spki    BLOB,
    serial  TEXT NOT NULL,
    model   TEXT NOT NULL,
    attributes TEXT NOT NULL,
    registered_at INTEGER NOT NULL,
    enrolled_at INTEGER,
    updated_at INTEGER NOT NULL,
    ver INTEGER NOT NULL,
    PRIMARY KEY (id, tenant)
) STRICT, WITHOUT ROWID;
CREATE INDEX device_by_tenant ON device (tenant, id);
CREATE INDEX device_by_batch ON device (tenant, batch, id);
CREATE INDEX device_by_batch_state ON device (tenant, batch, state, id);
CREATE INDEX device_by_state ON device (tenant, state, id);

-- Every public key that was ever certified or registered, and the one device that it belongs to (invariant I4).
CREATE TABLE device_key (
    spki_sha256 BLOB NOT NULL PRIMARY KEY CHECK (length(spki_sha256) = 32),
    device      BLOB NOT NULL CHECK (length(device) = 32),
    generation  INTEGER NOT NULL,
    first_seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE authority (
    id     TEXT NOT NULL PRIMARY KEY,
    role   TEXT NOT NULL,
    state  INTEGER NOT NULL CHECK (state IN (0, 1, 2)),
    certificate BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ver INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE certificate (
    serial    BLOB NOT NULL CHECK (length(serial) = 16),
    authority TEXT NOT NULL,
    tenant    BLOB NOT NULL CHECK (length(tenant) = 16),
    device    BLOB NOT NULL CHECK (length(device) = 32),
    generation INTEGER NOT NULL,
    state     INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3),
    spki_sha256 BLOB NOT NULL CHECK (length(spki_sha256) = 32),
    not_before INTEGER NOT NULL,
    not_after  INTEGER NOT NULL,
    issued_at  INTEGER NOT NULL,
    confirmed_at INTEGER,
    first_used_at INTEGER,
    superseded_at INTEGER,
    revoked_at INTEGER,
    revocation_reason INTEGER,
    der       BLOB NOT NULL,
    ver       INTEGER NOT NULL,
    PRIMARY KEY (serial, authority)
) STRICT, WITHOUT ROWID;
CREATE INDEX certificate_by_device ON certificate (device, tenant, issued_at);
CREATE INDEX certificate_revoked ON certificate (authority, not_after) WHERE revoked_at IS NOT NULL;
CREATE INDEX certificate_superseded ON certificate (superseded_at) WHERE state = 2 AND revoked_at IS NULL;

CREATE TABLE crl (
    authority TEXT NOT NULL,
    shard     INTEGER NOT NULL,
    number    INTEGER NOT NULL,
    this_update INTEGER NOT NULL,
    next_update INTEGER NOT NULL,
    is_stale  INTEGER NOT NULL CHECK (is_stale IN (0, 1)),
    der       BLOB NOT NULL,
    ver       INTEGER NOT NULL,
    PRIMARY KEY (authority, shard)
) STRICT, WITHOUT ROWID;

-- Nonces that authorised something, kept until they expire (invariant I1).
CREATE TABLE challenge_used (
    nonce      BLOB NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX challenge_used_by_expiry ON challenge_used (expires_at);

CREATE TABLE token (
    id     BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 8),
    tenant BLOB NOT NULL CHECK (length(tenant) = 16),
    name   TEXT NOT NULL,
    secret_sha256 BLOB NOT NULL CHECK (length(secret_sha256) = 32),
    scopes INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    last_used_at INTEGER,
    ver INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX token_by_tenant ON token (tenant, id);

-- An external write by its key, so that a repeat gets the first answer.
CREATE TABLE op (
    tenant BLOB NOT NULL CHECK (length(tenant) = 16),
    idem   BLOB NOT NULL,
    fingerprint BLOB NOT NULL,
    at     INTEGER NOT NULL,
    kind   TEXT NOT NULL,
    result TEXT NOT NULL,
    PRIMARY KEY (tenant, idem)
) STRICT, WITHOUT ROWID;
CREATE INDEX op_by_time ON op (at);

CREATE TABLE audit (
    node  BLOB NOT NULL CHECK (length(node) = 16),
    epoch INTEGER NOT NULL,
    lane  INTEGER NOT NULL,
    seq   INTEGER NOT NULL,
    at    INTEGER NOT NULL,
    tenant BLOB,
    device BLOB,
    actor  TEXT NOT NULL,
    request_id TEXT NOT NULL,
    kind   TEXT NOT NULL,
    result TEXT NOT NULL,
    body   TEXT NOT NULL,
    prev   BLOB NOT NULL CHECK (length(prev) = 32),
    hash   BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (node, epoch, lane, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_by_device ON audit (device, at) WHERE device IS NOT NULL;
