-- CRLs in shards: an authority is made with them or without, for its life.

-- crl_shards: 0, or 16 … 256. crl_base: what the addresses of its shards begin with; it stands in certificates and lists alike.
ALTER TABLE authority ADD COLUMN crl_shards INTEGER NOT NULL DEFAULT 0;
ALTER TABLE authority ADD COLUMN crl_base TEXT NOT NULL DEFAULT '';

-- The low eight bits of the serial: a shard is one of these, or every sixteenth, …. Certificates of before are of authorities without shards.
ALTER TABLE certificate ADD COLUMN crl_bucket INTEGER NOT NULL DEFAULT 0;
CREATE INDEX certificate_revoked_bucket ON certificate (authority, crl_bucket, not_after) WHERE revoked_at IS NOT NULL;

-- Rises with every change of the authority's lists, so that one number says that none of 257 has changed.
CREATE TABLE crl_change (
    authority TEXT NOT NULL PRIMARY KEY,
    ver INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
