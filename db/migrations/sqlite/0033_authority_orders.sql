-- Orders for CA keys that are under way: written before the key is made, gone when the certificate stands (or, where somebody else signs, the
-- request). So a process that is killed between the two finds what it has begun.
--
-- kind: 0 a further authority, which stands by; 1 a successor, which takes its predecessor's place; 2 a successor of a compromised one.
-- key_algorithm: 1 P-256, 2 P-384, 4 Ed25519, 8 RSA. lifetime_days: 0: as its role has it. permitted_dns: a JSON list, or ''.
-- is_external: somebody else signs: a request is made of the key.
-- failure: of the last attempt, or ''. actor, request_id: of who ordered it.
CREATE TABLE authority_order (
    authority  TEXT NOT NULL PRIMARY KEY,
    kind       INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 2),
    key_algorithm INTEGER NOT NULL,
    lifetime_days INTEGER NOT NULL,
    permitted_dns TEXT NOT NULL,
    is_external INTEGER NOT NULL CHECK (is_external IN (0, 1)),
    failure    TEXT NOT NULL,
    attempt_at INTEGER,
    actor      TEXT NOT NULL,
    request_id TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
