/* Devices that enrol under certificate profiles: what stands in their certificates, what they are refused
 * for, and that a refusal changes nothing. */
#include "tests/unit/fleet/contact_scene.h"
#include "tests/unit/fleet/profile_scene.h"

#include "fleet/authority_set.h"
#include "pki/name_constraints.h"

/* --- orders ----------------------------------------------------------------------------------------- */

static void change_profile(struct scene *scene, const char *name, const char *body)
{
    struct faults faults = {.count = 0};
    struct terms terms = terms_of(scene, 0);
    struct named_profile made;
    AUTO(json_t) *document = NULL;
    terms.faults = &faults;
    assert_ok(json_parse(bytes_str(body), 4096, &document));
    assert_ok(certificate_profile_change(scene->fleet, &terms, bytes_str(name), document, &made));
}

static void show(struct scene *scene, const struct enrolment *enrolment, struct buf *out)
{
    write_pem_in(&scene->house.folder, "shown.pem", buf_view(&enrolment->certificate.der));
    assert_int_equal(
        run_in(&scene->house.folder, "openssl x509 -in shown.pem -noout -text -nameopt RFC2253", out), 0);
}

static bool says(struct scene *scene, const struct enrolment *enrolment, const char *word)
{
    AUTO_VAL(buf) text = {0};
    show(scene, enrolment, &text);
    return strstr(buf_str(&text), word) != NULL;
}

static int64_t traces(struct scene *scene)
{
    return scene_number(scene, "SELECT (SELECT COUNT(*) FROM certificate) + (SELECT COUNT(*) FROM audit) + "
                               "(SELECT COUNT(*) FROM device_key) + (SELECT SUM(ver) FROM device)");
}

/* --- what a device lacks ---------------------------------------------------------------------------- */

static void test_refusals_name_the_field_and_change_nothing(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    static const struct {
        const char *profile, *device, *word;
    } rows[] = {
        {"idevid", "UPDATE device SET serial = ''", "no serial number"},
        {"idevid", "UPDATE device SET serial = 'a_b'", "serial number cannot stand"},
        {"named", "UPDATE device SET serial = 'x', model = ''", "no model"},
        {"named", "UPDATE device SET model = 'm m'", "no DNS name"},
        {"p384", "UPDATE device SET serial = 'x'", "P-384 only"},
    };
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    make_profile(scene, "{\"name\":\"named\",\"dns_template\":\"{model}.example.com\"}");
    make_profile(scene, "{\"name\":\"p384\",\"key_algorithms\":[\"P-384\"]}");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO_VAL(enrolment) none = {0};
        assert_ok(use_profile(scene, rows[i].profile, false));
        scene_change(scene, rows[i].device);
        int64_t before = traces(scene);
        assert_error(enrol_by_identity(scene, &unit, key, 0, &none), ERR_UNPROCESSABLE, rows[i].word);
        assert_int_equal(traces(scene), before);
    }
}

static void test_a_product_without_a_profile_has_ldevid(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    assert_string_equal(first.certificate.profile, "ldevid");
    assert_int_equal(first.certificate.profile_version, 1);
    assert_true(says(scene, &first, "URI:ni:///sha-256;"));
    assert_int_equal(
        scene_number(scene,
                     "SELECT COUNT(*) FROM certificate WHERE profile = 'ldevid' AND profile_version = 1"),
        1);
}

/* --- versions --------------------------------------------------------------------------------------- */

static void test_a_renewal_takes_the_next_version(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(EVP_PKEY) *next = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) second = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    make_profile(scene, "{\"name\":\"field\",\"uri_template\":\"urn:x:{tenant}:{serial}\"}");
    assert_ok(use_profile(scene, "field", false));
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    assert_true(says(scene, &first, "URI:urn:x:default:SN-1"));
    change_profile(scene, "field", "{\"uri_template\":\"urn:y:{product}\"}");
    assert_int_equal(contact_by_certificate(scene, buf_view(&first.certificate.der)).proof,
                     PROOF_OPERATIONAL);
    assert_ok(enrol_by_certificate(scene, buf_view(&first.certificate.der), next, 0, &second));
    assert_string_equal(second.certificate.profile, "field");
    assert_int_equal(second.certificate.profile_version, 2);
    for (int version = 1; version <= 2; version++) {
        char sql[128];
        (void)snprintf(
            sql, sizeof sql,
            "SELECT COUNT(*) FROM audit WHERE body LIKE '%%\"profile\":\"field\",\"profile_version\":%d%%'",
            version);
        assert_int_equal(scene_number(scene, sql), 1);
    }
    assert_true(says(scene, &second, "URI:urn:y:default"));
    assert_false(says(scene, &second, "urn:x"));
}

/* A version can allow less than the product says: then it is what counts. */
static void test_the_shorter_life_counts(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    make_profile(scene, "{\"name\":\"field\",\"max_lifetime_s\":7776000}");
    assert_ok(use_profile(scene, "field", false));
    scene_change(scene, "UPDATE product SET certificate_ttl_s = 31536000"); /* by who knew no profiles */
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    assert_int_equal(first.certificate.not_after, SCENE_AT_MS + 90 * DAY_MS);
}

/* --- IDevID ----------------------------------------------------------------------------------------- */

static void test_an_idevid_is_for_life(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *second = ec_key("P-256");
    AUTO_VAL(enrolment) idevid = {0};
    AUTO_VAL(enrolment) none = {0};
    AUTO_VAL(enrolment) later = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(use_profile(scene, "idevid", true));
    assert_ok(enrol_by_identity(scene, &unit, unit.identity, 0, &idevid));
    assert_true(idevid.certificate.not_after == NO_EXPIRY_MS);
    assert_true(idevid.renew_after == NO_EXPIRY_MS); /* nothing overflows: it is never due */
    assert_int_equal(idevid.certificate.generation, 0);
    assert_int_equal(contact_by_certificate(scene, buf_view(&idevid.certificate.der)).proof,
                     PROOF_OPERATIONAL);
    assert_ok(enrol_by_certificate(scene, buf_view(&idevid.certificate.der), second, 0, &later));
    assert_int_equal(later.certificate.generation, 1);
    assert_int_equal(contact_by_certificate(scene, buf_view(&later.certificate.der)).proof,
                     PROOF_OPERATIONAL);
    AUTO(EVP_PKEY) *third = ec_key("P-256");
    assert_error(enrol_by_certificate(scene, buf_view(&later.certificate.der), third, 0, &none),
                 ERR_UNPROCESSABLE, "first key");
    assert_ok(use_profile(scene, "ldevid", true)); /* the owner's, from here on */
    assert_ok(enrol_by_certificate(scene, buf_view(&later.certificate.der), third, 0, &none));
    assert_string_equal(none.certificate.profile, "ldevid");
}

static void test_the_identity_key_and_no_other(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) none = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    make_profile(scene, "{\"name\":\"birth\",\"identity_key_only\":true}");
    assert_error(use_profile(scene, "birth", false), ERR_UNPROCESSABLE, "does not certify");
    assert_ok(use_profile(scene, "birth", true));
    assert_error(enrol_by_identity(scene, &unit, key, 0, &none), ERR_UNPROCESSABLE, "for the identity key");
    assert_ok(enrol_by_identity(scene, &unit, unit.identity, 0, &none));
}

/* --- servers at the edge ---------------------------------------------------------------------------- */

struct founding {
    struct scene *scene;
    struct authority_row rows[4];
};

static err_t found_authorities(struct db_tx *tx, void *arg)
{
    const struct founding *founding = arg;
    for (size_t i = 0; i < 4; i++) {
        TRY(authority_rows_insert(tx, &founding->rows[i]));
    }
    return OK;
}

static struct authority_row row_of(const char *id, const char *role, struct bytes der)
{
    struct authority_row row = {
        .role = role, .state = AUTHORITY_ACTIVE, .is_default = true, .certificate = der};
    (void)snprintf(row.id, sizeof row.id, "%s", id);
    (void)snprintf(row.issuer, sizeof row.issuer, "%s", strcmp(id, "root") == 0 ? "" : "root");
    return row;
}

/* The scene goes on with a keystore, and with an authority for servers at the edge in it. */
static void open_edge(struct scene *scene, struct buf *der)
{
    static const char *const permitted[] = {"edge.internal", "plant.example.com"};
    const struct name_constraints names = {.permitted = permitted, .permitted_count = 2};
    AUTO_PTR(private_key) *key = NULL;
    const uint8_t serial[SERIAL_SIZE] = {9};
    const struct authority_spec spec = {.id = "edge",
                                        .role = AUTHORITY_EDGE,
                                        .organisation = "Test Works",
                                        .not_before_ms = house_from_ms,
                                        .not_after_ms = house_from_ms + 25 * year_ms,
                                        .publication = test_publication,
                                        .names = &names};
    assert_ok(keystore_generate(scene->house.keystore, "ca-edge", KEY_ALG_P256, &key));
    assert_ok(authority_make_issuing(&spec, key, scene->house.root, serial, der));
    struct founding founding = {
        .rows = {
            row_of("root", "root", authority_borrow_der(scene->house.root)),
            row_of("device", "device", authority_borrow_der(scene->house.device)),
            row_of("infrastructure", "infrastructure", authority_borrow_der(scene->house.infrastructure)),
            row_of("edge", "edge", buf_view(der))}};
    assert_ok(db_write(scene->db, found_authorities, &founding));
    scene->fleet->options.keystore = scene->house.keystore;
    assert_ok(authority_set_reload(scene->fleet));
}

static void test_a_server_at_the_edge(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) server = {0};
    AUTO_VAL(buf) edge = {0};
    AUTO_VAL(buf) out = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    make_profile(scene, "{\"name\":\"gateway\",\"authority_role\":\"edge\",\"key_purposes\":[\"client_auth\","
                        "\"server_auth\"],\"dns_template\":\"{serial}.plant.example.com\"}");
    make_profile(scene, "{\"name\":\"foreign\",\"authority_role\":\"edge\",\"key_purposes\":[\"client_auth\","
                        "\"server_auth\"],\"dns_template\":\"{serial}.example.org\"}");
    assert_error(use_profile(scene, "gateway", false), ERR_UNPROCESSABLE,
                 "no active authority of the role edge");
    open_edge(scene, &edge);
    assert_error(use_profile(scene, "foreign", false), ERR_UNPROCESSABLE, "name constraints");
    assert_ok(use_profile(scene, "edge-tls-server", false));
    assert_ok(use_profile(scene, "gateway", false));
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &server));
    assert_string_equal(server.certificate.authority, "edge");
    assert_true(says(scene, &server, "DNS:sn-1.plant.example.com"));
    assert_true(says(scene, &server, "URI:http://pki.example:8080/crl/edge.crl"));
    write_pem_in(&scene->house.folder, "root.pem", authority_borrow_der(scene->house.root));
    write_pem_in(&scene->house.folder, "edge.pem", buf_view(&edge));
    write_pem_in(&scene->house.folder, "leaf.pem", buf_view(&server.certificate.der));
    assert_int_equal(
        run_in(&scene->house.folder,
               "openssl verify -x509_strict -attime 1781000000 -purpose sslserver -verify_hostname "
               "sn-1.plant.example.com -CAfile root.pem -untrusted edge.pem leaf.pem",
               &out),
        0);
    assert_int_not_equal(
        run_in(&scene->house.folder,
               "openssl verify -x509_strict -attime 1781000000 -purpose sslserver "
               "-verify_hostname sn-2.plant.example.com -CAfile root.pem -untrusted edge.pem "
               "leaf.pem",
               &out),
        0);
    /* it is a device like any other at the door */
    struct peer_identity peer;
    struct contact contact;
    peer_of_certificate(buf_view(&server.certificate.der), &peer);
    (void)snprintf(peer.authority, sizeof peer.authority, "edge");
    struct contact_facts facts = facts_of(&peer);
    assert_ok(contact_resolve(scene->fleet, &facts, &contact));
    assert_int_equal(contact.proof, PROOF_OPERATIONAL);
    peer_identity_clear(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_refusals_name_the_field_and_change_nothing),
        scene_test(test_a_product_without_a_profile_has_ldevid),
        scene_test(test_a_renewal_takes_the_next_version),
        scene_test(test_the_shorter_life_counts),
        scene_test(test_an_idevid_is_for_life),
        scene_test(test_the_identity_key_and_no_other),
        scene_test(test_a_server_at_the_edge),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
