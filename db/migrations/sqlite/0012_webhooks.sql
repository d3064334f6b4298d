-- Webhooks: where a tenant's events are sent to, and what became of each. `position` is a number of the tenant's feed: everything up to
-- it stands as a delivery, or was not wanted. `due_at` says when there is something to do (NULL: nothing, or disabled); it is set in the
-- transaction of an event, so that no list of webhooks is ever walked. Secrets are sealed under a key of the keystore.

ALTER TABLE feed ADD COLUMN webhooks INTEGER NOT NULL DEFAULT 0;

CREATE TABLE webhook (
    id     BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant BLOB NOT NULL CHECK (length(tenant) = 16),
    name   TEXT NOT NULL,
    url    TEXT NOT NULL,
    types  TEXT NOT NULL,
    state  INTEGER NOT NULL CHECK (state IN (0, 1)),
    reason TEXT NOT NULL,
    secret BLOB NOT NULL,
    old_secret BLOB,
    rotated_at INTEGER,
    position   INTEGER NOT NULL,
    due_at     INTEGER,
    hold_until INTEGER NOT NULL,
    outages    INTEGER NOT NULL,
    away_since INTEGER,
    waiting    INTEGER NOT NULL,
    delivered  INTEGER NOT NULL,
    failed     INTEGER NOT NULL,
    last_success_at INTEGER,
    last_failure_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ver INTEGER NOT NULL,
    UNIQUE (tenant, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_by_tenant ON webhook (tenant, id);
CREATE INDEX webhook_by_due ON webhook (due_at, id) WHERE due_at IS NOT NULL;

-- state: 0 waiting, 1 delivered, 2 failed. feed is NULL for a test.
CREATE TABLE webhook_delivery (
    id      BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    webhook BLOB NOT NULL CHECK (length(webhook) = 16),
    feed    INTEGER,
    event   TEXT NOT NULL,
    type    TEXT NOT NULL,
    state   INTEGER NOT NULL CHECK (state IN (0, 1, 2)),
    attempts INTEGER NOT NULL,
    first_at INTEGER,
    last_at  INTEGER,
    next_at  INTEGER,
    ended_at INTEGER,
    status   INTEGER NOT NULL,
    error    TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX webhook_delivery_by_feed ON webhook_delivery (webhook, feed) WHERE feed IS NOT NULL;
CREATE INDEX webhook_delivery_by_webhook ON webhook_delivery (webhook, id);
CREATE INDEX webhook_delivery_by_state ON webhook_delivery (webhook, state, id);
CREATE INDEX webhook_delivery_by_due ON webhook_delivery (webhook, next_at, feed) WHERE next_at IS NOT NULL;
CREATE INDEX webhook_delivery_by_end ON webhook_delivery (ended_at, id) WHERE ended_at IS NOT NULL;
