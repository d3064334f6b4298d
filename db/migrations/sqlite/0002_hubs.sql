-- Hubs become things of their own, which products refer to; a product says which key algorithms it certifies (bits, one for each
-- algorithm: 1 P-256, 2 P-384, 4 Ed25519, 8 RSA). What products held of a hub is carried over: URLs were mqtts://HOST[:PORT][/…],
-- and the hub takes the product's id and name.

CREATE TABLE hub (
    id     BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant BLOB NOT NULL CHECK (length(tenant) = 16),
    name   TEXT NOT NULL,
    kind   INTEGER NOT NULL CHECK (kind IN (0)),
    host   TEXT NOT NULL,
    port   INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
    ca     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ver INTEGER NOT NULL,
    UNIQUE (tenant, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX hub_by_tenant ON hub (tenant, id);

INSERT INTO hub (id, tenant, name, kind, host, port, ca, created_at, updated_at, ver)
WITH whole AS (
    SELECT *, substr(hub_url, CASE WHEN instr(hub_url, '://') > 0 THEN instr(hub_url, '://') + 3 ELSE 1 END) || '/' AS rest
    FROM product WHERE hub_url <> ''
), place AS (
    SELECT *, substr(rest, 1, instr(rest, '/') - 1) AS authority FROM whole
), parts AS (
    SELECT *,
        CASE WHEN authority LIKE '[%' THEN substr(authority, 2, instr(authority, ']') - 2)
             WHEN instr(authority, ':') > 0 THEN substr(authority, 1, instr(authority, ':') - 1)
             ELSE authority END AS host,
        CAST(CASE WHEN authority LIKE '[%' THEN substr(authority, instr(authority, ']') + 2)
             WHEN instr(authority, ':') > 0 THEN substr(authority, instr(authority, ':') + 1)
             ELSE '' END AS INTEGER) AS port
    FROM place
)
SELECT id, tenant, name, 0, host, CASE WHEN port BETWEEN 1 AND 65535 THEN port ELSE 8883 END, hub_ca, created_at, updated_at, 1
FROM parts;

ALTER TABLE product ADD COLUMN hub BLOB CHECK (hub IS NULL OR length(hub) = 16);
ALTER TABLE product ADD COLUMN key_algorithms INTEGER NOT NULL DEFAULT 15 CHECK (key_algorithms BETWEEN 1 AND 15);
UPDATE product SET hub = id WHERE hub_url <> '';
ALTER TABLE product DROP COLUMN hub_url;
ALTER TABLE product DROP COLUMN hub_ca;
CREATE INDEX product_by_tenant ON product (tenant, id);
