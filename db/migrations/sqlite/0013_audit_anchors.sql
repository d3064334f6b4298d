-- Signed ends of the audit chains, kept in order of time: whoever rewrites or cuts the log afterwards contradicts them.

CREATE TABLE audit_anchor (
    n    INTEGER NOT NULL PRIMARY KEY,
    at   INTEGER NOT NULL,
    content   TEXT NOT NULL,
    root      BLOB NOT NULL CHECK (length(root) = 32),
    signature BLOB NOT NULL
) STRICT;
