-- Certificate profiles of tenants. A change makes a version and changes none: certificates name the version that they were made by, so a
-- version stays when its profile is deleted, and a new profile of that name goes on counting. version: the newest. deleted_at: NULL, it is there.
CREATE TABLE certificate_profile (
    tenant  BLOB NOT NULL CHECK (length(tenant) = 16),
    name    TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    ver     INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;
-- body: the profile as JSON, as it was checked (fleet/profile_spec.h).
CREATE TABLE certificate_profile_version (
    tenant  BLOB NOT NULL CHECK (length(tenant) = 16),
    name    TEXT NOT NULL,
    version INTEGER NOT NULL,
    body    TEXT NOT NULL,
    actor   TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, name, version)
) STRICT, WITHOUT ROWID;

-- profile: '' is the built-in "ldevid". profile_version: 0 follows the newest.
ALTER TABLE product ADD COLUMN profile TEXT NOT NULL DEFAULT '';
ALTER TABLE product ADD COLUMN profile_version INTEGER NOT NULL DEFAULT 0;
CREATE INDEX product_by_profile ON product (tenant, profile, id) WHERE profile <> '';

-- What a certificate was made by; NULL: before there were profiles; '': it is known from the journal only.
ALTER TABLE certificate ADD COLUMN profile TEXT;
ALTER TABLE certificate ADD COLUMN profile_version INTEGER;
