-- A list of a hundred thousand entries has five megabytes: a revocation that only says that it is stale must not write them again.

CREATE TABLE crl_der (
    authority TEXT NOT NULL,
    shard INTEGER NOT NULL,
    der   BLOB NOT NULL,
    PRIMARY KEY (authority, shard)
) STRICT;
INSERT INTO crl_der (authority, shard, der) SELECT authority, shard, der FROM crl WHERE number > 0;
ALTER TABLE crl DROP COLUMN der;
