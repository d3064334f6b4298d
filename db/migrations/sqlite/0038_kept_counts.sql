-- Counts for figures, kept in the transaction that changes what they count. Devices of the whole installation stand beside those of products
-- and batches, under an owner of 16 bytes 255.

INSERT INTO device_count (owner, state, n)
    SELECT x'ffffffffffffffffffffffffffffffff', state, count(*) FROM device GROUP BY state;
INSERT INTO device_term_count (owner, term, n)
    SELECT x'ffffffffffffffffffffffffffffffff', term, count(*) FROM device_term GROUP BY term;
INSERT INTO device_overdue_count (owner, n)
    SELECT x'ffffffffffffffffffffffffffffffff', count(*) FROM device_term WHERE is_overdue = 1;

-- Certificates of an authority by state, those that have ended too.
CREATE TABLE certificate_count (
    authority TEXT NOT NULL,
    state     INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3),
    n         INTEGER NOT NULL,
    PRIMARY KEY (authority, state)
) STRICT, WITHOUT ROWID;
INSERT INTO certificate_count (authority, state, n) SELECT authority, state, count(*) FROM certificate GROUP BY authority, state;

-- Confirmed ones by the day on which they end (days since 1970, UTC).
CREATE TABLE certificate_end_count (
    day       INTEGER NOT NULL,
    authority TEXT NOT NULL,
    n         INTEGER NOT NULL,
    PRIMARY KEY (day, authority)
) STRICT, WITHOUT ROWID;
INSERT INTO certificate_end_count (day, authority, n)
    SELECT not_after / 86400000, authority, count(*) FROM certificate WHERE state = 1 GROUP BY 1, 2;

-- When something that nobody may forget was done last.
CREATE TABLE milestone (
    name TEXT NOT NULL PRIMARY KEY,
    at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO milestone (name, at) SELECT 'backup', max(at) FROM audit WHERE kind = 'backup.made' HAVING max(at) IS NOT NULL;
