-- Where an enrolled device stands in the life of its certificate (0 current, 1 due for renewal, 2 expired), kept with the moment at which
-- that changes, so that products and batches show how many are due and expired without counting. A row is there as long as the device is
-- enrolled and has a confirmed certificate. Nothing of it is in the device's own row, so registering costs the same.

CREATE TABLE device_term (
    device  BLOB NOT NULL CHECK (length(device) = 32),
    tenant  BLOB NOT NULL CHECK (length(tenant) = 16),
    renew_at   INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    term    INTEGER NOT NULL CHECK (term BETWEEN 0 AND 2),
    next_at INTEGER,
    PRIMARY KEY (device, tenant)
) STRICT, WITHOUT ROWID;
CREATE INDEX device_term_next ON device_term (next_at, device, tenant) WHERE next_at IS NOT NULL;

-- Enrolled devices of an owner (a product or a batch) by term.
CREATE TABLE device_term_count (
    owner BLOB NOT NULL CHECK (length(owner) = 16),
    term  INTEGER NOT NULL CHECK (term BETWEEN 0 AND 2),
    n     INTEGER NOT NULL,
    PRIMARY KEY (owner, term)
) STRICT, WITHOUT ROWID;

-- Products whose devices' terms are to be found anew, and the last device that was: after a change of the product's renewal, and here for
-- all that stand. A job goes on from there in small steps.
CREATE TABLE device_term_walk (
    product BLOB NOT NULL PRIMARY KEY CHECK (length(product) = 16),
    after   BLOB NOT NULL CHECK (length(after) = 32)
) STRICT, WITHOUT ROWID;
INSERT INTO device_term_walk (product, after) SELECT id, zeroblob(32) FROM product;

-- Orders of lists beside that of the ids.
CREATE INDEX device_by_registered ON device (tenant, registered_at, id);
CREATE INDEX device_by_enrolled ON device (tenant, enrolled_at, id) WHERE enrolled_at IS NOT NULL;
CREATE INDEX token_by_name ON token (tenant, name, id);
