-- Authorities that come and go under a running fleet.
--
-- state: 0 active, 1 retired, 2 compromised, 3 pending, 4 standby, 5 retiring (fleet/authority_set.h says what each may do). A column's check
-- cannot be changed, so it moves into a new one.
ALTER TABLE authority RENAME COLUMN state TO state_before;
ALTER TABLE authority ADD COLUMN state INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 5);
UPDATE authority SET state = state_before;
ALTER TABLE authority DROP COLUMN state_before;

-- tenant: whose it is; NULL: the installation's. issuer: the authority that certified it, '' where that is nobody here or itself.
-- is_default: of those that are active for one role and one tenant, the one that issues where nothing else is said.
-- is_external: its key was never here (a company's root): nothing is signed with it, and its CRL is imported or is elsewhere.
-- predecessor: whom it replaces. request: the DER certification request of a pending one. ends_at: of a retiring one, when the last
-- certificate under it ends; NULL: not known yet. key_purposes: bits of pki/certificate_profile.h, 0: as the role has them.
ALTER TABLE authority ADD COLUMN tenant BLOB CHECK (tenant IS NULL OR length(tenant) = 16);
ALTER TABLE authority ADD COLUMN issuer TEXT NOT NULL DEFAULT '';
ALTER TABLE authority ADD COLUMN is_default INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1));
ALTER TABLE authority ADD COLUMN is_external INTEGER NOT NULL DEFAULT 0 CHECK (is_external IN (0, 1));
ALTER TABLE authority ADD COLUMN predecessor TEXT NOT NULL DEFAULT '';
ALTER TABLE authority ADD COLUMN request BLOB;
ALTER TABLE authority ADD COLUMN ends_at INTEGER;
ALTER TABLE authority ADD COLUMN key_purposes INTEGER NOT NULL DEFAULT 0;
UPDATE authority SET is_default = 1;
UPDATE authority SET issuer = 'root' WHERE role <> 'root';
CREATE UNIQUE INDEX authority_default ON authority (role, COALESCE(tenant, x'')) WHERE is_default = 1 AND state = 0;

-- What one authority here signed for another, beside the certificate that stands in the row of `subject`: cross certificates of a root that
-- is rolled over (kind 1 NewWithOld, 2 OldWithNew), a further certificate of an issuing CA (kind 3), and, from when it is revoked, also
-- that first one (kind 0). What is revoked here is on the CRL of `issuer`.
CREATE TABLE authority_certificate (
    issuer  TEXT NOT NULL,
    serial  BLOB NOT NULL CHECK (length(serial) BETWEEN 1 AND 20),
    subject TEXT NOT NULL,
    kind    INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 3),
    certificate BLOB NOT NULL,
    not_before INTEGER NOT NULL,
    not_after  INTEGER NOT NULL,
    revoked_at INTEGER,
    revocation_reason INTEGER,
    created_at INTEGER NOT NULL,
    ver INTEGER NOT NULL,
    PRIMARY KEY (issuer, serial)
) STRICT, WITHOUT ROWID;
CREATE INDEX authority_certificate_by_subject ON authority_certificate (subject, issuer);

-- Rises with every change of the two tables above, so that one number says that nothing changed.
CREATE TABLE authority_change (
    id  INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    ver INTEGER NOT NULL
) STRICT;
INSERT INTO authority_change (id, ver) VALUES (1, 1);

-- Which of its tenant's authorities issues to the devices of a product; '': the default one.
ALTER TABLE product ADD COLUMN authority TEXT NOT NULL DEFAULT '';
