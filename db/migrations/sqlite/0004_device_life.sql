-- What an operator says of a device and orders of it, the counts of devices by state, and the indexes behind the lists of the
-- management interface. Only adds: nothing that stands is read in another way.

-- labels: a JSON object of short texts, found by device_label. rekey_requested_at: when a rekey was ordered, until a certificate of a
-- generation above rekey_above is confirmed.
ALTER TABLE device ADD COLUMN labels TEXT NOT NULL DEFAULT '{}';
ALTER TABLE device ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE device ADD COLUMN rekey_requested_at INTEGER;
ALTER TABLE device ADD COLUMN rekey_above INTEGER NOT NULL DEFAULT 0;
CREATE INDEX device_by_product ON device (tenant, product, id);
CREATE INDEX device_by_product_state ON device (tenant, product, state, id);
CREATE INDEX device_by_serial ON device (tenant, serial, id);

CREATE TABLE device_label (
    tenant BLOB NOT NULL CHECK (length(tenant) = 16),
    name   TEXT NOT NULL,
    value  TEXT NOT NULL,
    device BLOB NOT NULL CHECK (length(device) = 32),
    PRIMARY KEY (tenant, name, value, device)
) STRICT, WITHOUT ROWID;
CREATE INDEX device_label_by_device ON device_label (device, tenant);

-- Devices of an owner (a product or a batch) by state; changed in the transaction that changes the state.
CREATE TABLE device_count (
    owner BLOB NOT NULL CHECK (length(owner) = 16),
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 5),
    n     INTEGER NOT NULL,
    PRIMARY KEY (owner, state)
) STRICT, WITHOUT ROWID;
INSERT INTO device_count (owner, state, n) SELECT product, state, count(*) FROM device GROUP BY product, state;
INSERT INTO device_count (owner, state, n) SELECT batch, state, count(*) FROM device GROUP BY batch, state;

CREATE INDEX batch_by_tenant ON batch (tenant, id);

-- Certificates are listed in order of their end.
CREATE INDEX certificate_by_end ON certificate (tenant, not_after, serial, authority);
CREATE INDEX certificate_by_state_end ON certificate (tenant, state, not_after, serial, authority);
DROP INDEX certificate_by_device;
CREATE INDEX certificate_by_device ON certificate (device, tenant, not_after, serial, authority);
CREATE INDEX certificate_by_authority_end ON certificate (tenant, authority, not_after, serial);

-- The audit log is listed by time. A refusal is looked for by device only.
CREATE INDEX audit_by_tenant ON audit (tenant, at, node, epoch, lane, seq) WHERE tenant IS NOT NULL;
CREATE INDEX audit_by_kind ON audit (tenant, kind, at, node, epoch, lane, seq) WHERE tenant IS NOT NULL;
CREATE INDEX audit_by_actor ON audit (tenant, actor, at, node, epoch, lane, seq) WHERE tenant IS NOT NULL;
DROP INDEX audit_by_device;
CREATE INDEX audit_by_device ON audit (tenant, device, at, node, epoch, lane, seq) WHERE device IS NOT NULL;
CREATE INDEX audit_refused ON audit (tenant, device, at) WHERE result = 'refused' AND device IS NOT NULL;
