-- Devices that change their owner within one installation: offers, and what is left at the owner before. Only adds.

-- The tenant's row of a device that it gave to another tenant: retired, and no claim to the id any more; back by another transfer only.
ALTER TABLE device ADD COLUMN transferred_at INTEGER;

-- batch: of the tenant that offers, when a whole batch is offered; otherwise transfer_device holds the ids. product, to_batch: of the
-- tenant that accepted. moved, failed: devices, while and after it is carried out.
CREATE TABLE transfer (
    id        BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant    BLOB NOT NULL CHECK (length(tenant) = 16),
    to_tenant BLOB NOT NULL CHECK (length(to_tenant) = 16),
    state     INTEGER NOT NULL CHECK (state BETWEEN 0 AND 5),
    batch     BLOB CHECK (batch IS NULL OR length(batch) = 16),
    device_count INTEGER NOT NULL,
    note      TEXT NOT NULL,
    offered_by TEXT NOT NULL,
    offered_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    decided_by TEXT NOT NULL,
    decided_at INTEGER,
    product   BLOB CHECK (product IS NULL OR length(product) = 16),
    to_batch  BLOB CHECK (to_batch IS NULL OR length(to_batch) = 16),
    operation BLOB CHECK (operation IS NULL OR length(operation) = 16),
    moved     INTEGER NOT NULL,
    failed    INTEGER NOT NULL,
    ver       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX transfer_outgoing ON transfer (tenant, id);
CREATE INDEX transfer_incoming ON transfer (to_tenant, id);
CREATE INDEX transfer_by_expiry ON transfer (expires_at, id) WHERE state = 0;

CREATE TABLE transfer_device (
    transfer BLOB NOT NULL CHECK (length(transfer) = 16),
    device   BLOB NOT NULL CHECK (length(device) = 32),
    PRIMARY KEY (transfer, device)
) STRICT, WITHOUT ROWID;
