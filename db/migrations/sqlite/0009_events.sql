-- The feed of a tenant: its audit records that changed something, numbered 1, 2, 3 … in the order of their commits (the row of the
-- counter is changed in the same transaction, so it is locked until the number is visible). Records that stand have no number: the
-- feed begins here, the audit log goes further back. The number is no part of the hash chain.

CREATE TABLE feed (
    tenant BLOB NOT NULL PRIMARY KEY CHECK (length(tenant) = 16),
    n      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE audit ADD COLUMN feed INTEGER;
CREATE UNIQUE INDEX audit_by_feed ON audit (tenant, feed) WHERE feed IS NOT NULL;
