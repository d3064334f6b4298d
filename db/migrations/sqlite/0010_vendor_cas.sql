-- CAs of chip makers, pinned for a product: a chip with a certificate under one is let in, and comes into the batch when no list
-- registered it. name_hash is of the subject, as a chip's certificate names its issuer: it finds, and proves nothing.

CREATE TABLE vendor_ca (
    id      BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant  BLOB NOT NULL CHECK (length(tenant) = 16),
    product BLOB NOT NULL CHECK (length(product) = 16),
    batch   BLOB NOT NULL CHECK (length(batch) = 16),
    name    TEXT NOT NULL,
    name_hash   INTEGER NOT NULL,
    spki_sha256 BLOB NOT NULL CHECK (length(spki_sha256) = 32),
    subject TEXT NOT NULL,
    not_before INTEGER NOT NULL,
    not_after  INTEGER NOT NULL,
    der BLOB NOT NULL,
    admitted   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    retired_at INTEGER,
    ver INTEGER NOT NULL,
    UNIQUE (tenant, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX vendor_ca_by_tenant ON vendor_ca (tenant, id);
CREATE INDEX vendor_ca_by_product ON vendor_ca (tenant, product, id);
CREATE UNIQUE INDEX vendor_ca_pin ON vendor_ca (product, spki_sha256) WHERE retired_at IS NULL;
CREATE INDEX vendor_ca_by_issuer ON vendor_ca (name_hash, tenant, id) WHERE retired_at IS NULL;
