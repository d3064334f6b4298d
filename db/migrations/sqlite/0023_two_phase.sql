-- Who asked for a certificate, what an operator lets an identity key do, and what is known of two holders of one key.

-- linked_by: SHA-256 of the public key that asked, which is the device id where that was the identity key; not known of what was issued
-- before. is_stated: the device named the generation itself, so that a second key under the same number is another device's.
ALTER TABLE certificate ADD COLUMN linked_by BLOB CHECK (linked_by IS NULL OR length(linked_by) = 32);
ALTER TABLE certificate ADD COLUMN is_stated INTEGER NOT NULL DEFAULT 0 CHECK (is_stated IN (0, 1));

-- recovery: 0 never, 1 expired, 2 always, 3 approve. A column's check cannot be changed, so it moves into a new one.
ALTER TABLE product RENAME COLUMN recovery TO recovery_before;
ALTER TABLE product ADD COLUMN recovery INTEGER NOT NULL DEFAULT 1 CHECK (recovery BETWEEN 0 AND 3);
UPDATE product SET recovery = recovery_before;
ALTER TABLE product DROP COLUMN recovery_before;
-- 0 alert, 1 quarantine
ALTER TABLE product ADD COLUMN clone_response INTEGER NOT NULL DEFAULT 1 CHECK (clone_response IN (0, 1));

-- A recovery that the policy refused and nobody answered (requested_at), or one that an operator allowed: once, until then.
CREATE TABLE device_recovery (
    device BLOB NOT NULL CHECK (length(device) = 32),
    tenant BLOB NOT NULL CHECK (length(tenant) = 16),
    requested_at  INTEGER,
    allowed_until INTEGER,
    PRIMARY KEY (device, tenant)
) STRICT, WITHOUT ROWID;
CREATE INDEX device_recovery_requested ON device_recovery (tenant, device) WHERE requested_at IS NOT NULL;

-- A certificate that had lost its rights was used when its successor (current_…) had been used already. When that one is used once more,
-- two hold the device's keys.
CREATE TABLE clone_sighting (
    device BLOB NOT NULL CHECK (length(device) = 32),
    tenant BLOB NOT NULL CHECK (length(tenant) = 16),
    old_serial        BLOB NOT NULL CHECK (length(old_serial) = 16),
    current_serial    BLOB NOT NULL CHECK (length(current_serial) = 16),
    current_authority TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (device, tenant)
) STRICT, WITHOUT ROWID;
