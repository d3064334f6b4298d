-- The journal (db/journal.h): how far each node's has come, with the entries of its last transaction, which may not be in its file
-- yet. And below which no CRL number may ever be again, where an older copy of the inventory was brought up to date or accepted.

CREATE TABLE journal_head (
    node    TEXT NOT NULL PRIMARY KEY,
    seq     INTEGER NOT NULL,
    hash    BLOB NOT NULL CHECK (length(hash) = 32),
    first   INTEGER NOT NULL,
    pending BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE crl_floor (
    authority TEXT NOT NULL,
    shard     INTEGER NOT NULL,
    number    INTEGER NOT NULL,
    PRIMARY KEY (authority, shard)
) STRICT, WITHOUT ROWID;
