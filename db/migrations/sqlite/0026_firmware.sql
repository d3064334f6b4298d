-- Firmware: bytes (blob), what a tenant knows of them (image), keys, what is given to a product (release), how it goes out (rollout), and
-- what each device was told and has (firmware_action, device_firmware). Only adds.

-- One file of the store, by the hash of its bytes, for all tenants. state: 0 good, 1 corrupt, 2 being removed. uses: images, SBOMs and
-- signed images that name it; at 0 it may be removed.
CREATE TABLE firmware_blob (
    sha256 BLOB NOT NULL PRIMARY KEY CHECK (length(sha256) = 32),
    sha1   BLOB NOT NULL CHECK (length(sha1) = 20),
    md5    BLOB NOT NULL CHECK (length(md5) = 16),
    size   INTEGER NOT NULL,
    state  INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2),
    uses   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    checked_at INTEGER NOT NULL,
    ver    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX firmware_blob_by_check ON firmware_blob (state, checked_at, sha256);
CREATE INDEX firmware_blob_unused ON firmware_blob (sha256) WHERE uses = 0;

-- An upload that is not whole yet. received: how many bytes are durable. request: canonical JSON, what image is to be made of it.
CREATE TABLE firmware_upload (
    id      BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant  BLOB NOT NULL CHECK (length(tenant) = 16),
    product BLOB NOT NULL CHECK (length(product) = 16),
    size    INTEGER NOT NULL,
    received INTEGER NOT NULL,
    sha256  BLOB CHECK (sha256 IS NULL OR length(sha256) = 32),
    request TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ver     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX firmware_upload_by_tenant ON firmware_upload (tenant, id);
CREATE INDEX firmware_upload_by_expiry ON firmware_upload (expires_at, id);

-- format: 0 raw, 1 mcuboot, 2 esp, 3 swu, 4 rauc. counter: security counter, -1 where the format has none. facts: canonical JSON, what
-- was read in it. state: 0 ready, 1 withdrawn (its bytes are not good any more). derived_from, signing_key: of an image that the server
-- signed. releases: how many name it. hold_until: it may not be deleted before.
CREATE TABLE firmware_image (
    id      BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant  BLOB NOT NULL CHECK (length(tenant) = 16),
    product BLOB NOT NULL CHECK (length(product) = 16),
    sha256  BLOB NOT NULL CHECK (length(sha256) = 32),
    size    INTEGER NOT NULL,
    filename TEXT NOT NULL,
    format  INTEGER NOT NULL CHECK (format BETWEEN 0 AND 4),
    version TEXT NOT NULL,
    counter INTEGER NOT NULL,
    facts   TEXT NOT NULL,
    state   INTEGER NOT NULL CHECK (state BETWEEN 0 AND 1),
    derived_from BLOB CHECK (derived_from IS NULL OR length(derived_from) = 16),
    signing_key  BLOB CHECK (signing_key IS NULL OR length(signing_key) = 16),
    releases   INTEGER NOT NULL,
    hold_until INTEGER,
    hold_reason TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ver     INTEGER NOT NULL,
    UNIQUE (tenant, product, sha256)
) STRICT, WITHOUT ROWID;
CREATE INDEX firmware_image_by_tenant ON firmware_image (tenant, id);
CREATE INDEX firmware_image_by_product ON firmware_image (tenant, product, id);
CREATE INDEX firmware_image_by_bytes ON firmware_image (sha256, id);
CREATE INDEX firmware_image_derived ON firmware_image (derived_from, id) WHERE derived_from IS NOT NULL;

-- Signatures beside an image, as files of their own would be. boot_key or signing_key: under which it verified, or which made it.
CREATE TABLE firmware_signature (
    id      BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant  BLOB NOT NULL CHECK (length(tenant) = 16),
    image   BLOB NOT NULL CHECK (length(image) = 16),
    form    INTEGER NOT NULL CHECK (form BETWEEN 0 AND 2),
    boot_key    BLOB CHECK (boot_key IS NULL OR length(boot_key) = 16),
    signing_key BLOB CHECK (signing_key IS NULL OR length(signing_key) = 16),
    bytes   BLOB NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX firmware_signature_by_image ON firmware_signature (image, id);

-- What a device's boot loader or updater trusts, registered so that the server can check an image as the device will. kind: 0 mcuboot,
-- 1 esp, 2 cms certificate (swu, rauc), 3 detached. public: DER SubjectPublicKeyInfo, or of kind 2 a DER certificate. digest: by which
-- an image names it. state: 0 active, 1 revoked.
CREATE TABLE boot_key (
    id      BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant  BLOB NOT NULL CHECK (length(tenant) = 16),
    product BLOB NOT NULL CHECK (length(product) = 16),
    name    TEXT NOT NULL,
    kind    INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 3),
    public  BLOB NOT NULL,
    digest  BLOB NOT NULL CHECK (length(digest) = 32),
    state   INTEGER NOT NULL CHECK (state BETWEEN 0 AND 1),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ver     INTEGER NOT NULL,
    UNIQUE (tenant, product, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX boot_key_by_product ON boot_key (tenant, product, id);

-- Keys that sign here. role: 0 manifest, 1 mcuboot, 2 cms (swu, rauc), 3 detached. label: in the keystore. state: 0 active, 1 retired,
-- 2 compromised. uses_max: 0 without a bound.
CREATE TABLE firmware_key (
    id      BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant  BLOB NOT NULL CHECK (length(tenant) = 16),
    product BLOB NOT NULL CHECK (length(product) = 16),
    name    TEXT NOT NULL,
    role    INTEGER NOT NULL CHECK (role BETWEEN 0 AND 3),
    algorithm TEXT NOT NULL,
    label   TEXT NOT NULL,
    spki    BLOB NOT NULL,
    spki_sha256 BLOB NOT NULL CHECK (length(spki_sha256) = 32),
    certificate BLOB NOT NULL,
    state   INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2),
    uses    INTEGER NOT NULL,
    uses_max INTEGER NOT NULL,
    last_used_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ver     INTEGER NOT NULL,
    UNIQUE (tenant, product, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX firmware_key_by_product ON firmware_key (tenant, product, id);

-- The statement about the manifest keys of a product's devices that is in force (docs/firmware.md): COSE_Sign1 by the recovery key.
CREATE TABLE firmware_anchors (
    product BLOB NOT NULL PRIMARY KEY CHECK (length(product) = 16),
    tenant  BLOB NOT NULL CHECK (length(tenant) = 16),
    sequence INTEGER NOT NULL,
    signing_spki  BLOB NOT NULL,
    recovery_spki BLOB NOT NULL,
    statement BLOB NOT NULL,
    updated_at INTEGER NOT NULL,
    ver     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is given to the devices of a product and hardware class ('': all of them). state: 0 draft, 1 signing, 2 approved, 3 published,
-- 4 withdrawn. kind: 0 feature, 1 security. manifest: the SUIT envelope once approved. subject_sha256: what was approved.
CREATE TABLE firmware_release (
    id      BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant  BLOB NOT NULL CHECK (length(tenant) = 16),
    product BLOB NOT NULL CHECK (length(product) = 16),
    class   TEXT NOT NULL,
    version TEXT NOT NULL,
    state   INTEGER NOT NULL CHECK (state BETWEEN 0 AND 4),
    kind    INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 1),
    sequence INTEGER NOT NULL,
    counter  INTEGER NOT NULL,
    min_sequence INTEGER NOT NULL,
    rollback_of BLOB CHECK (rollback_of IS NULL OR length(rollback_of) = 16),
    manifest_key BLOB CHECK (manifest_key IS NULL OR length(manifest_key) = 16),
    manifest BLOB NOT NULL,
    manifest_sha256 BLOB CHECK (manifest_sha256 IS NULL OR length(manifest_sha256) = 32),
    subject_sha256  BLOB CHECK (subject_sha256 IS NULL OR length(subject_sha256) = 32),
    support_until INTEGER,
    csaf_url TEXT NOT NULL,
    notes    TEXT NOT NULL,
    sbom_sha256 BLOB CHECK (sbom_sha256 IS NULL OR length(sbom_sha256) = 32),
    sbom_type TEXT NOT NULL,
    reason   TEXT NOT NULL,
    created_by  TEXT NOT NULL,
    approved_by TEXT NOT NULL,
    approved_at  INTEGER,
    published_at INTEGER,
    withdrawn_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ver     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- A version is given once; going back to an older one gives its bytes again, under another sequence.
CREATE UNIQUE INDEX firmware_release_version ON firmware_release (tenant, product, class, version) WHERE rollback_of IS NULL;
CREATE UNIQUE INDEX firmware_release_sequence ON firmware_release (tenant, product, class, sequence);
CREATE INDEX firmware_release_by_sequence ON firmware_release (tenant, product, sequence);
CREATE INDEX firmware_release_by_product_state ON firmware_release (tenant, product, state, id);
CREATE INDEX firmware_release_by_tenant ON firmware_release (tenant, id);
CREATE INDEX firmware_release_by_product ON firmware_release (tenant, product, id);
CREATE INDEX firmware_release_by_state ON firmware_release (tenant, state, id);
CREATE INDEX firmware_release_signing ON firmware_release (id) WHERE state = 1;

-- image: as it was uploaded; signed_image: what is given out, the same or the one derived from it by signing. recipe: JSON, how it is to
-- be signed; '' not at all.
CREATE TABLE firmware_release_image (
    release BLOB NOT NULL CHECK (length(release) = 16),
    place   INTEGER NOT NULL,
    image   BLOB NOT NULL CHECK (length(image) = 16),
    signed_image BLOB CHECK (signed_image IS NULL OR length(signed_image) = 16),
    part    TEXT NOT NULL,
    recipe  TEXT NOT NULL,
    PRIMARY KEY (release, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX firmware_release_image_by_image ON firmware_release_image (image, release);
CREATE INDEX firmware_release_image_by_signed ON firmware_release_image (signed_image, release) WHERE signed_image IS NOT NULL;

-- The newest that was published for a product and class: below it nothing is published any more.
CREATE TABLE firmware_line (
    product BLOB NOT NULL CHECK (length(product) = 16),
    class   TEXT NOT NULL,
    tenant  BLOB NOT NULL CHECK (length(tenant) = 16),
    sequence INTEGER NOT NULL,
    counter  INTEGER NOT NULL,
    version  TEXT NOT NULL,
    release BLOB NOT NULL CHECK (length(release) = 16),
    updated_at INTEGER NOT NULL,
    ver     INTEGER NOT NULL,
    PRIMARY KEY (product, class)
) STRICT, WITHOUT ROWID;

-- A release on its way out. spec: canonical JSON. state: 0 draft, 1 running, 2 paused, 3 finished, 4 cancelled, 5 stopped.
CREATE TABLE rollout (
    id      BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant  BLOB NOT NULL CHECK (length(tenant) = 16),
    product BLOB NOT NULL CHECK (length(product) = 16),
    release BLOB NOT NULL CHECK (length(release) = 16),
    name    TEXT NOT NULL,
    state   INTEGER NOT NULL CHECK (state BETWEEN 0 AND 5),
    spec    TEXT NOT NULL,
    reason  TEXT NOT NULL,
    wave    INTEGER NOT NULL,
    wave_at    INTEGER,
    started_at INTEGER,
    ended_at   INTEGER,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ver     INTEGER NOT NULL,
    UNIQUE (tenant, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX rollout_by_tenant ON rollout (tenant, id);
CREATE INDEX rollout_by_state ON rollout (tenant, state, id);
CREATE INDEX rollout_by_release ON rollout (release, id);
CREATE INDEX rollout_running ON rollout (tenant, started_at, id) WHERE state = 1;

-- Raised with every change of a rollout, of a release that is published or withdrawn, and of what a product says of firmware, so that
-- each process notices those of the others by one small read.
CREATE TABLE rollout_version (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    n   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO rollout_version (one, n) VALUES (1, 0);

-- Kept with every step, never counted. offered = waiting + succeeded + unverified + failed + cancelled. wave_…: of devices of the wave
-- that is open. slot, window: as of rekey_tally.
CREATE TABLE rollout_tally (
    rollout BLOB NOT NULL PRIMARY KEY CHECK (length(rollout) = 16),
    offered   INTEGER NOT NULL,
    waiting   INTEGER NOT NULL,
    succeeded INTEGER NOT NULL,
    unverified INTEGER NOT NULL,
    failed    INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    downloads INTEGER NOT NULL,
    wave INTEGER NOT NULL,
    wave_offered   INTEGER NOT NULL,
    wave_succeeded INTEGER NOT NULL,
    wave_failed    INTEGER NOT NULL,
    last_at INTEGER,
    slot INTEGER NOT NULL,
    window BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What one device was offered. id: of the device, 1 … 2^31-1, no multiple of ten, never used again. state: 0 offered, 1 running,
-- 2 downloaded, 3 installed and not yet confirmed, 4 cancelling, 5 succeeded, 6 unverified, 7 failed, 8 cancelled. due_at: when silence
-- is failure, while it is open. fetched: bytes that it was sent.
CREATE TABLE firmware_action (
    device  BLOB NOT NULL CHECK (length(device) = 32),
    tenant  BLOB NOT NULL CHECK (length(tenant) = 16),
    id      INTEGER NOT NULL CHECK (id BETWEEN 1 AND 2147483647),
    rollout BLOB NOT NULL CHECK (length(rollout) = 16),
    release BLOB NOT NULL CHECK (length(release) = 16),
    state   INTEGER NOT NULL CHECK (state BETWEEN 0 AND 8),
    reason  TEXT NOT NULL,
    wave    INTEGER NOT NULL,
    done    INTEGER NOT NULL,
    of      INTEGER NOT NULL,
    fetched INTEGER NOT NULL,
    offered_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    due_at   INTEGER,
    ended_at INTEGER,
    PRIMARY KEY (device, tenant, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX firmware_action_of_rollout ON firmware_action (rollout, device);
CREATE INDEX firmware_action_by_state ON firmware_action (rollout, state, device);
CREATE INDEX firmware_action_due ON firmware_action (due_at, rollout, device) WHERE due_at IS NOT NULL;

-- What a device said of an action, the last of it.
CREATE TABLE firmware_report (
    device  BLOB NOT NULL CHECK (length(device) = 32),
    tenant  BLOB NOT NULL CHECK (length(tenant) = 16),
    action  INTEGER NOT NULL,
    n       INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    state   INTEGER NOT NULL,
    text    TEXT NOT NULL,
    PRIMARY KEY (device, tenant, action, n)
) STRICT, WITHOUT ROWID;

-- What is known of a device's firmware. controller: the name it polls under besides id and serial, by its first use; ''. last_action: the
-- highest id that it ever had. open_action: the one that is not ended. attributes: canonical JSON of configData. report_n: the number of
-- its next report.
CREATE TABLE device_firmware (
    device  BLOB NOT NULL CHECK (length(device) = 32),
    tenant  BLOB NOT NULL CHECK (length(tenant) = 16),
    controller TEXT NOT NULL,
    attributes TEXT NOT NULL,
    attributes_at INTEGER,
    last_action INTEGER NOT NULL,
    open_action INTEGER,
    report_n    INTEGER NOT NULL,
    installed_release BLOB CHECK (installed_release IS NULL OR length(installed_release) = 16),
    installed_action  INTEGER,
    installed_version TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    counter  INTEGER NOT NULL,
    installed_at INTEGER,
    polled_at INTEGER,
    target_token_sha256 BLOB CHECK (target_token_sha256 IS NULL OR length(target_token_sha256) = 32),
    updated_at INTEGER NOT NULL,
    ver     INTEGER NOT NULL,
    PRIMARY KEY (device, tenant)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX device_firmware_controller ON device_firmware (tenant, controller) WHERE controller <> '';

-- What a product says of how its devices fetch firmware. A product without a row has what the columns' comment in fleet/firmware_policy.h
-- says.
CREATE TABLE firmware_policy (
    product BLOB NOT NULL PRIMARY KEY CHECK (length(product) = 16),
    tenant  BLOB NOT NULL CHECK (length(tenant) = 16),
    poll_s  INTEGER NOT NULL,
    signed_urls   INTEGER NOT NULL CHECK (signed_urls IN (0, 1)),
    target_tokens INTEGER NOT NULL CHECK (target_tokens IN (0, 1)),
    first_use_alias INTEGER NOT NULL CHECK (first_use_alias IN (0, 1)),
    overdue INTEGER NOT NULL CHECK (overdue BETWEEN 0 AND 2),
    updated_at INTEGER NOT NULL,
    ver     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
