-- The schedule of rekeys. A product says how wide the window of renewals is, how long a key lives over renewals (0: without end) and
-- whether it may be certified beyond that, when an overdue device is reported and when one that stays in contact is put in quarantine
-- (0: never). The defaults are what was done before there was a choice.
ALTER TABLE product ADD COLUMN renew_spread_percent INTEGER NOT NULL DEFAULT 10 CHECK (renew_spread_percent BETWEEN 0 AND 49);
ALTER TABLE product ADD COLUMN rekey_period_s INTEGER NOT NULL DEFAULT 0 CHECK (rekey_period_s >= 0);
ALTER TABLE product ADD COLUMN rekey_required INTEGER NOT NULL DEFAULT 0 CHECK (rekey_required IN (0, 1));
ALTER TABLE product ADD COLUMN overdue_alert_after_s INTEGER NOT NULL DEFAULT 0 CHECK (overdue_alert_after_s >= 0);
ALTER TABLE product ADD COLUMN overdue_quarantine_days INTEGER NOT NULL DEFAULT 0 CHECK (overdue_quarantine_days >= 0);

-- new_key_at: from when renewing the old key is not enough. overdue_at: from when the device counts as overdue; is_overdue: it does, and
-- is counted. alerted_at: when that was reported; at most once as long as renew_at or the certificate's end stays.
ALTER TABLE device_term ADD COLUMN new_key_at INTEGER;
ALTER TABLE device_term ADD COLUMN overdue_at INTEGER;
ALTER TABLE device_term ADD COLUMN is_overdue INTEGER NOT NULL DEFAULT 0 CHECK (is_overdue IN (0, 1));
ALTER TABLE device_term ADD COLUMN alerted_at INTEGER;

-- Overdue devices of an owner (a product or a batch).
CREATE TABLE device_overdue_count (
    owner BLOB NOT NULL PRIMARY KEY CHECK (length(owner) = 16),
    n     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- When a device was seen last, and since when it has known, while it was in contact, that it is due. contact_days: on how many days
-- after told_at it was in contact and did not do it; the last of them began at day_at. Written in groups, now and then.
CREATE TABLE device_contact (
    device  BLOB NOT NULL CHECK (length(device) = 32),
    tenant  BLOB NOT NULL CHECK (length(tenant) = 16),
    seen_at INTEGER NOT NULL,
    told_at INTEGER,
    contact_days INTEGER NOT NULL DEFAULT 0,
    day_at  INTEGER,
    PRIMARY KEY (device, tenant)
) STRICT, WITHOUT ROWID;

-- A device's place in its window is found in another way now: the terms of all that stand are found anew by the job.
INSERT OR REPLACE INTO device_term_walk (product, after) SELECT id, zeroblob(32) FROM product;
