-- What a node last held to be the time, and whether its clock has left it since: then nothing is issued and nothing ends by time until
-- somebody confirms the clock. seen_at: a minute old at most while the node serves and is not held. reason: 0 a step against the
-- monotonic clock, 1 behind what was seen before the start, 2 far ahead of it. step_ms: how far, forward positive.

CREATE TABLE node_clock (
    node    TEXT NOT NULL PRIMARY KEY,
    seen_at INTEGER NOT NULL,
    held_since INTEGER,
    reason  INTEGER NOT NULL CHECK (reason BETWEEN 0 AND 2),
    step_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
