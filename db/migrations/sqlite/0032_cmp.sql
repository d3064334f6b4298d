-- CMP transactions that wait for their certConf or pollReq (RFC 9810 §5.2.8.3, §5.3.22): the request as it came and what its answer
-- was, so that any process can go on with it. certificate: authority and serial of what was granted; '' and NULL: the device was told to
-- wait. nonce: the senderNonce of the last answer. Deleted when it is over, or soon after expires_at.
CREATE TABLE cmp_transaction (
    id      BLOB NOT NULL CHECK (length(id) BETWEEN 16 AND 64),
    key     BLOB NOT NULL CHECK (length(key) = 32),
    sender  BLOB NOT NULL,
    request BLOB NOT NULL,
    nonce   BLOB NOT NULL,
    authority TEXT NOT NULL,
    serial  BLOB CHECK (serial IS NULL OR length(serial) = 16),
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX cmp_transaction_by_expiry ON cmp_transaction (expires_at);
CREATE UNIQUE INDEX cmp_transaction_by_key ON cmp_transaction (key);
