-- What stands wrong now, each once, and how many there are of each kind, so that nobody counts them.

-- owner: a tenant, or 16 zeros for the installation. since: when it began; updated_at: when it took its present severity.
CREATE TABLE alarm (
    id       BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner    BLOB NOT NULL CHECK (length(owner) = 16),
    kind     TEXT NOT NULL,
    subject  TEXT NOT NULL,
    severity INTEGER NOT NULL CHECK (severity IN (0, 1)),
    detail   TEXT NOT NULL,
    since    INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (owner, kind, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX alarm_by_owner ON alarm (owner, id);

CREATE TABLE alarm_count (
    kind     TEXT NOT NULL,
    severity INTEGER NOT NULL CHECK (severity IN (0, 1)),
    standing INTEGER NOT NULL,
    PRIMARY KEY (kind, severity)
) STRICT, WITHOUT ROWID;
