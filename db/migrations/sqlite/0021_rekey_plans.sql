-- Rekey plans of kind campaign: orders to make new keys, for all devices that a filter means. A campaign is one row; what it is about is
-- found device by device, when each comes next. Only adds.

-- spec: canonical JSON (fleet/rekey_spec.h). state: 0 draft, 1 running, 2 paused, 3 finished, 4 cancelled, 5 stopped.
CREATE TABLE rekey_plan (
    id     BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant BLOB NOT NULL CHECK (length(tenant) = 16),
    name   TEXT NOT NULL,
    state  INTEGER NOT NULL CHECK (state BETWEEN 0 AND 5),
    spec   TEXT NOT NULL,
    reason TEXT NOT NULL,
    wave   INTEGER NOT NULL,
    wave_at    INTEGER,
    started_at INTEGER,
    ended_at   INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ver    INTEGER NOT NULL,
    UNIQUE (tenant, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX rekey_plan_by_tenant ON rekey_plan (tenant, id);
CREATE INDEX rekey_plan_by_state ON rekey_plan (tenant, state, id);
CREATE INDEX rekey_plan_running ON rekey_plan (tenant, started_at, id) WHERE state = 1;

-- Raised with every change of a plan, so that each process notices those of the others by one small read.
CREATE TABLE rekey_version (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    n   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO rekey_version (one, n) VALUES (1, 0);

-- How far a campaign is: kept with every step, never counted. wave_…: of devices that were told in the wave of `wave`. window: how many
-- were told in the last slots of the rate limit, `slot` being the newest (fleet/rekey_rate.h).
CREATE TABLE rekey_tally (
    plan BLOB NOT NULL PRIMARY KEY CHECK (length(plan) = 16),
    told INTEGER NOT NULL,
    waiting   INTEGER NOT NULL,
    confirmed INTEGER NOT NULL,
    failed    INTEGER NOT NULL,
    skipped   INTEGER NOT NULL,
    wave INTEGER NOT NULL,
    wave_told INTEGER NOT NULL,
    wave_confirmed INTEGER NOT NULL,
    last_at INTEGER,
    slot INTEGER NOT NULL,
    window BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Devices that a campaign has told. state: 0 told, 1 confirmed, 2 failed, 3 skipped. above: the generation that the new key must exceed.
-- due_at: when it has failed, while it is told.
CREATE TABLE rekey_member (
    plan   BLOB NOT NULL CHECK (length(plan) = 16),
    device BLOB NOT NULL CHECK (length(device) = 32),
    tenant BLOB NOT NULL CHECK (length(tenant) = 16),
    state  INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3),
    reason TEXT NOT NULL,
    wave   INTEGER NOT NULL,
    above  INTEGER NOT NULL,
    told_at  INTEGER NOT NULL,
    due_at   INTEGER,
    ended_at INTEGER,
    PRIMARY KEY (plan, device)
) STRICT, WITHOUT ROWID;
CREATE INDEX rekey_member_by_state ON rekey_member (plan, state, device);
CREATE INDEX rekey_member_by_device ON rekey_member (device, tenant, state, plan);
CREATE INDEX rekey_member_due ON rekey_member (due_at, plan, device) WHERE due_at IS NOT NULL;
