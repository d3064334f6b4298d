/* What the tests of the life of devices share: an inventory in a folder of its own with two tenants, a clock
 * that stands still, authorities made once per program, and devices: keys, requests, connections. */
#ifndef WHORL_TESTS_FLEET_SCENE_H
#define WHORL_TESTS_FLEET_SCENE_H

#include "tests/unit/inventory_template.h"
#include "tests/unit/pki/pki_fixture.h"

#include "db/authority_rows.h"
#include "db/certificate_rows.h"
#include "db/device_count_rows.h"
#include "db/device_rows.h"
#include "db/product_rows.h"
#include "db/tenant_rows.h"
#include "fleet/enrol.h"
#include "fleet/internal.h"
#include "fleet/publication.h"
#include "fleet/revocation.h"

enum { TENANTS = 2 };
static const int64_t DAY_MS = 86400000LL;
static const int64_t SCENE_AT_MS = 1780272000000; /* 2026-06-01, inside the authorities' validity */
static const char *const TENANT_NAMES[TENANTS] = {"default", "acme"};

struct scene {
    struct test_house house;
    char folder[64], path[96];
    struct manual_clock clock;
    struct db_options db_options;
    struct db *db;
    struct fleet *fleet;
    struct tenant_row tenants[TENANTS];
    struct product_row products[TENANTS];
    struct keystore *keystore; /* of authorities made in a test (authority_scene.h); NULL: none are */
};

/* --- the inventory ---------------------------------------------------------------------------------- */

static inline err_t scene_found(struct db_tx *tx, void *arg)
{
    struct scene *scene = arg;
    for (size_t i = 0; i < TENANTS; i++) {
        TRY(db_tx_uuid(tx, &scene->tenants[i].id));
        TRY(db_tx_uuid(tx, &scene->products[i].id));
        scene->products[i].tenant = scene->tenants[i].id;
        TRY(tenant_rows_insert(tx, &scene->tenants[i]));
        TRY(product_rows_insert(tx, &scene->products[i]));
    }
    return OK;
}

static inline void scene_rows(struct scene *scene)
{
    for (size_t i = 0; i < TENANTS; i++) {
        scene->tenants[i] =
            (struct tenant_row){.created_at = SCENE_AT_MS, .updated_at = SCENE_AT_MS, .ver = 1};
        scene->products[i] = (struct product_row){.name = "default",
                                                  .certificate_ttl_s = 90 * 86400,
                                                  .renew_percent = 66,
                                                  .renew_spread_percent = 10,
                                                  .recovery = RECOVERY_EXPIRED,
                                                  .key_algorithms = 15,
                                                  .ver = 1};
        scene->products[i].created_at = scene->products[i].updated_at = SCENE_AT_MS;
        (void)snprintf(scene->tenants[i].name, NAME_SIZE, "%s", TENANT_NAMES[i]);
    }
}

/** Opens the inventory (again) and makes the fleet on it. */
static inline void scene_start(struct scene *scene)
{
    static const uint8_t salt[SALT_SECRET_SIZE] = {1, 2, 3};
    assert_ok(inventory_open(&scene->db_options, &scene->db));
    struct fleet_options options = {.db = scene->db,
                                    .root = scene->house.root,
                                    .device = scene->house.device,
                                    .infrastructure = scene->house.infrastructure,
                                    .clock = &scene->clock.clock,
                                    .random = random_system(),
                                    .keystore = scene->keystore,
                                    .public_url = "http://pki.example:8080",
                                    .salt_secret = BYTES_OF(salt),
                                    .challenge_ttl_ms = 120 * 1000,
                                    .crl_lifetime_ms = DAY_MS,
                                    .supersede_overlap_ms = DAY_MS};
    assert_ok(fleet_new(&options, &scene->fleet));
}

static inline void scene_stop(struct scene *scene)
{
    fleet_free(scene->fleet);
    scene->fleet = NULL;
    db_close(scene->db);
    scene->db = NULL;
}

/** For cmocka: the authorities once per program, the inventory once per test. */
static inline int scene_group_setup(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    test_house_init(&scene->house, KEY_ALG_P256);
    *state = scene;
    return 0;
}

static inline int scene_group_teardown(void **state)
{
    struct scene *scene = *state;
    test_house_clear(&scene->house);
    free(scene);
    return 0;
}

static inline int scene_setup(void **state)
{
    struct scene *scene = *state;
    (void)snprintf(scene->folder, sizeof scene->folder, "/tmp/whorl-test-fleet-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    (void)snprintf(scene->path, sizeof scene->path, "%s/whorl.db", scene->folder);
    manual_clock_init(&scene->clock, SCENE_AT_MS);
    scene->db_options = (struct db_options){.path = scene->path,
                                            .node_name = "node-1",
                                            .clock = &scene->clock.clock,
                                            .random = random_system(),
                                            .read_connections = 4,
                                            .queue_limit = 1000};
    scene_rows(scene);
    scene_start(scene);
    assert_ok(db_write(scene->db, scene_found, scene));
    return 0;
}

static inline int scene_teardown(void **state)
{
    struct scene *scene = *state;
    scene_stop(scene);
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", scene->folder);
    return system(command);
}

#define scene_test(function) cmocka_unit_test_setup_teardown(function, scene_setup, scene_teardown)

struct scene_query { /* looks at rows */
    const char *sql;
    int64_t number;
};

static inline err_t scene_take_number(const struct db_row *row, void *arg)
{
    ((struct scene_query *)arg)->number = db_row_int(row, 0);
    return OK;
}

static inline err_t scene_run_query(struct db_tx *tx, void *arg)
{
    return db_run(tx, ((struct scene_query *)arg)->sql, NULL, 0, scene_take_number, arg);
}

/** The first column of the last row. @param sql static text */
static inline int64_t scene_number(struct scene *scene, const char *sql)
{
    struct scene_query query = {.sql = sql};
    assert_ok(db_read(scene->db, scene_run_query, &query));
    return query.number;
}

/** Runs a change. @param sql static text */
static inline void scene_change(struct scene *scene, const char *sql)
{
    struct scene_query query = {.sql = sql};
    assert_ok(db_write(scene->db, scene_run_query, &query));
}

static inline void assert_audit_verifies(struct scene *scene)
{
    struct audit_report report;
    assert_ok(audit_verify(scene->db, &report));
    assert_string_equal(report.first_bad, "");
}

/* --- devices ---------------------------------------------------------------------------------------- */

struct unit {
    EVP_PKEY *identity;
    struct device_id id;
    struct buf spki;
};

static inline void unit_init(struct unit *unit)
{
    *unit = (struct unit){.identity = ec_key("P-256")};
    struct sha256 hash;
    spki_of(unit->identity, &unit->spki);
    assert_ok(sha256_of(buf_view(&unit->spki), &hash));
    memcpy(unit->id.b, hash.b, sizeof unit->id.b);
}

static inline void unit_clear(struct unit *unit)
{
    EVP_PKEY_free(unit->identity);
    buf_clear(&unit->spki);
}
DEFINE_AUTO_VAL(unit, unit_clear);

struct scene_registration {
    struct device_row row;
    bool is_new;
};

static inline err_t scene_insert_device(struct db_tx *tx, void *arg)
{
    struct scene_registration *registration = arg;
    const struct batch_row batch = {.product = registration->row.product};
    TRY(device_rows_insert(tx, &registration->row, BYTES_NONE, &registration->is_new));
    return device_count_rows_add(tx, &batch, DEVICE_REGISTERED, 1);
}

static inline void scene_register(struct scene *scene, size_t tenant, const struct device_id *id)
{
    struct scene_registration registration = {.row = {.id = *id,
                                                      .tenant = scene->tenants[tenant].id,
                                                      .product = scene->products[tenant].id,
                                                      .key_origin = KEY_ORIGIN_BATCH,
                                                      .serial = "SN-1",
                                                      .attributes = "{}",
                                                      .registered_at = SCENE_AT_MS,
                                                      .updated_at = SCENE_AT_MS,
                                                      .ver = 1}};
    assert_ok(db_write(scene->db, scene_insert_device, &registration));
    assert_true(registration.is_new);
}

struct scene_device {
    struct uuid tenant;
    const struct device_id *id;
    struct device_row row;
};

static inline err_t scene_find_device(struct db_tx *tx, void *arg)
{
    struct scene_device *device = arg;
    return device_rows_find(tx, device->tenant, device->id, &device->row);
}

static inline struct device_row scene_device(struct scene *scene, size_t tenant, const struct device_id *id)
{
    struct scene_device device = {.tenant = scene->tenants[tenant].id, .id = id};
    assert_ok(db_read(scene->db, scene_find_device, &device));
    return device.row;
}

/* --- requests --------------------------------------------------------------------------------------- */

struct request_spec {
    EVP_PKEY *key;
    struct bytes subject;  /* DER Name, or none */
    const char *challenge; /* challengePassword, or NULL */
    const char *dns;       /* a subjectAltName, or NULL */
};

static inline void request_add_san(X509_REQ *request, const char *dns)
{
    char text[128];
    (void)snprintf(text, sizeof text, "DNS:%s", dns);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, text);
    STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
    assert_true(sk_X509_EXTENSION_push(extensions, extension) > 0);
    assert_int_equal(X509_REQ_add_extensions(request, extensions), 1);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}

static inline struct csr *make_request(const struct request_spec *spec)
{
    X509_REQ *request = X509_REQ_new();
    unsigned char *encoded = NULL;
    AUTO_VAL(buf) der = {0};
    struct csr *csr = NULL;
    assert_int_equal(X509_REQ_set_pubkey(request, spec->key), 1);
    if (spec->subject.n > 0) {
        const unsigned char *at = spec->subject.p;
        X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)spec->subject.n);
        assert_int_equal(X509_REQ_set_subject_name(request, name), 1);
        X509_NAME_free(name);
    }
    if (spec->challenge != NULL) {
        assert_int_equal(X509_REQ_add1_attr_by_NID(request, NID_pkcs9_challengePassword, MBSTRING_ASC,
                                                   (const unsigned char *)spec->challenge, -1),
                         1);
    }
    if (spec->dns != NULL) {
        request_add_san(request, spec->dns);
    }
    assert_true(X509_REQ_sign(request, spec->key, EVP_sha256()) > 0);
    int size = i2d_X509_REQ(request, &encoded);
    bytes_of_i2d(size, encoded, &der);
    X509_REQ_free(request);
    assert_ok(csr_parse(buf_view(&der), &policy_rsa, &csr));
    return csr;
}

/* --- what the front says of a connection ------------------------------------------------------------ */

static inline void peer_of_identity(const struct unit *unit, struct peer_identity *out)
{
    *out = (struct peer_identity){.kind = PEER_SELF_SIGNED};
    memcpy(out->certificate.key.spki_sha256.b, unit->id.b, DEVICE_ID_SIZE);
    assert_ok(buf_append_bytes(&out->spki, buf_view(&unit->spki)));
}

/** @param der of a certificate of the device authority */
static inline void peer_of_certificate(struct bytes der, struct peer_identity *out)
{
    *out = (struct peer_identity){.kind = PEER_ISSUED, .authority = "device"};
    assert_ok(certificate_read(der, &out->certificate));
    assert_ok(buf_append_bytes(&out->der, der));
}

static inline struct contact_facts facts_of(const struct peer_identity *peer)
{
    return (struct contact_facts){.peer = peer, .label = "", .address = "192.0.2.7", .request_id = "r-1"};
}

/** Looks the caller up, then enrols it. @param out cleared by the caller */
static inline err_t enrol_with(struct scene *scene, const struct contact_facts *facts, const struct csr *csr,
                               int64_t generation, struct enrolment *out)
{
    struct contact contact;
    TRY(contact_resolve(scene->fleet, facts, &contact));
    struct enrol_order order = {.contact = &contact,
                                .facts = facts,
                                .csr = csr,
                                .generation = generation,
                                .actor = {.name = "device:test", .request_id = facts->request_id}};
    if (facts->peer != NULL) {
        order.subject_of_peer = buf_view(&facts->peer->certificate.subject);
        order.san_of_peer = buf_view(&facts->peer->certificate.san);
    }
    return enrol(scene->fleet, &order, out);
}

/** Under the identity key, by TLS. */
static inline err_t enrol_by_identity(struct scene *scene, const struct unit *unit, EVP_PKEY *key,
                                      int64_t generation, struct enrolment *out)
{
    struct peer_identity peer;
    AUTO_PTR(csr) *csr = make_request(&(struct request_spec){.key = key});
    peer_of_identity(unit, &peer);
    struct contact_facts facts = facts_of(&peer);
    err_t result = enrol_with(scene, &facts, csr, generation, out);
    peer_identity_clear(&peer);
    return result;
}

/** Under an issued certificate, with its own names. */
static inline err_t enrol_by_certificate(struct scene *scene, struct bytes der, EVP_PKEY *key,
                                         int64_t generation, struct enrolment *out)
{
    struct peer_identity peer;
    peer_of_certificate(der, &peer);
    struct request_spec spec = {.key = key, .subject = buf_view(&peer.certificate.subject)};
    AUTO_PTR(csr) *csr = make_request(&spec);
    struct contact_facts facts = facts_of(&peer);
    err_t result = enrol_with(scene, &facts, csr, generation, out);
    peer_identity_clear(&peer);
    return result;
}

static inline err_t revoke_in(struct scene *scene, size_t tenant, const uint8_t *serial, int reason,
                              struct certificate_row *out)
{
    static const struct actor ACTOR = {.name = "token:test", .request_id = ""};
    struct revocation_order order = {scene->tenants[tenant].id, serial, reason};
    return certificate_revoke(scene->fleet, &ACTOR, &order, out);
}

#endif
