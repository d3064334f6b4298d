/* nameConstraints read back, and held against what a request asked for; and the ceremony of a CA that has
 * some: told, signed, verified. */
#include "tests/unit/pki/company_fixture.h"

#include "pki/authority_succession.h"
#include "pki/ca_bundle.h"
#include "pki/ceremony.h"
#include "pki/name_constraints_read.h"

static struct test_house house;
static struct company_ca root;
static struct buf request; /* of an edge CA */
static const char *const permitted[] = {"edge.test", "plant.example.com"};
static const char *const own[] = {"whorl.edge.test", "192.0.2.1"};

static int setup(void **state)
{
    AUTO_PTR(private_key) *key = NULL;
    const struct name_constraints names = {permitted, 2, own, 2};
    const struct authority_spec spec = {
        .id = "edge", .role = AUTHORITY_EDGE, .organisation = "Test Works", .names = &names};
    (void)state;
    test_house_init(&house, KEY_ALG_P256);
    company_root(&root);
    assert_ok(keystore_generate(house.keystore, "ca-edge", KEY_ALG_P256, &key));
    return authority_make_request(&spec, key, NULL, &request).code == ERR_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    buf_clear(&request);
    company_clear(&root);
    test_house_clear(&house);
    return 0;
}

/* @param extension as openssl's extfile writes it; NULL: none */
static err_t read_company(const char *extension, struct held_constraints *out)
{
    struct company_ca ca;
    struct company_spec spec = good_device_ca(&root);
    spec.extra = extension;
    company_make(&spec, &ca);
    err_t error = name_constraints_of_certificate(buf_view(&ca.der), out);
    company_clear(&ca);
    return error;
}

#define ADDRESSES ",excluded;IP:0.0.0.0/0.0.0.0,excluded;IP:0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0"

static void what_a_request_asks_for_is_read(void **state)
{
    AUTO_VAL(held_constraints) held = {.excludes_addresses = false};
    (void)state;
    assert_ok(name_constraints_of_request(buf_view(&request), &held));
    assert_int_equal(held.names.permitted_count, 2);
    assert_string_equal(held.names.permitted[0], "edge.test");
    assert_string_equal(held.names.permitted[1], "plant.example.com");
    assert_int_equal(held.names.excluded_count, 1);
    assert_string_equal(held.names.excluded[0], "whorl.edge.test");
    assert_true(held.excludes_addresses);
    assert_ok(name_constraints_check_within(&held, &held));
}

static void what_is_not_there_is_none(void **state)
{
    AUTO_VAL(held_constraints) held = {.excludes_addresses = false};
    AUTO_VAL(held_constraints) asked = {.excludes_addresses = false};
    (void)state;
    assert_ok(read_company(NULL, &held));
    assert_int_equal(held.names.permitted_count, 0);
    assert_ok(name_constraints_of_request(buf_view(&request), &asked));
    assert_error(name_constraints_check_within(&held, &asked), ERR_UNPROCESSABLE, "has no nameConstraints");
    assert_error(name_constraints_of_certificate(buf_view(&request), &held), ERR_UNPROCESSABLE,
                 "not a certificate");
    assert_error(name_constraints_of_request(buf_view(&root.der), &held), ERR_UNPROCESSABLE,
                 "not a certificate request");
}

static void each_other_form_is_refused(void **state)
{
    static const struct {
        const char *extension, *words;
    } bad[] = {
        {"nameConstraints=critical,permitted;email:edge.test", "other names than DNS names"},
        {"nameConstraints=critical,permitted;DNS:edge.test,permitted;IP:10.0.0.0/255.0.0.0",
         "other names than DNS names"},
        {"nameConstraints=critical,permitted;DNS:edge_1.test", "no DNS name"},
        {"nameConstraints=critical,permitted;DNS:*.edge.test", "no DNS name"},
        {"nameConstraints=critical,excluded;DNS:whorl.edge.test", "permit no DNS name"},
        {"2.5.29.30=critical,DER:0500", "not readable"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        AUTO_VAL(held_constraints) held = {.excludes_addresses = false};
        assert_error(read_company(bad[i].extension, &held), ERR_UNPROCESSABLE, bad[i].words);
    }
}

static void a_certificate_permits_no_more_than_was_asked_for(void **state)
{
    static const struct {
        const char *extension, *words; /* NULL: it is taken */
    } all[] = {
        {"nameConstraints=critical,permitted;DNS:edge.test,excluded;DNS:whorl.edge.test" ADDRESSES, NULL},
        {"nameConstraints=critical,permitted;DNS:.EDGE.test,excluded;DNS:edge.test" ADDRESSES, NULL},
        {"nameConstraints=critical,permitted;DNS:plant.example.com" ADDRESSES, NULL}, /* ours is not below */
        {"nameConstraints=critical,permitted;DNS:a.edge.test" ADDRESSES, NULL},
        {"nameConstraints=critical,permitted;DNS:edge.test" ADDRESSES, "do not exclude whorl.edge.test"},
        {"nameConstraints=critical,permitted;DNS:test,excluded;DNS:whorl.edge.test" ADDRESSES,
         "permit test, for which"},
        {"nameConstraints=critical,permitted;DNS:edge.test,excluded;DNS:.whorl.edge.test" ADDRESSES,
         "do not exclude whorl.edge.test"},
        {"nameConstraints=critical,permitted;DNS:edge.test,excluded;DNS:whorl.edge.test",
         "do not exclude all addresses"},
        {"nameConstraints=critical,permitted;DNS:edge.test,excluded;DNS:whorl.edge.test,"
         "excluded;IP:0.0.0.0/0.0.0.0",
         "do not exclude all addresses"},
    };
    AUTO_VAL(held_constraints) asked = {.excludes_addresses = false};
    (void)state;
    assert_ok(name_constraints_of_request(buf_view(&request), &asked));
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        AUTO_VAL(held_constraints) held = {.excludes_addresses = false};
        assert_ok(read_company(all[i].extension, &held));
        err_t error = name_constraints_check_within(&held, &asked);
        if (all[i].words == NULL) {
            assert_ok(error);
        } else {
            assert_error(error, ERR_UNPROCESSABLE, all[i].words);
        }
    }
}

/* --- at the root that is elsewhere ------------------------------------------------------------------------
 */

static struct ceremony *make_ceremony(const struct buf *csr)
{
    struct ceremony *ceremony = NULL;
    assert_ok(ceremony_new(&ceremony));
    ceremony->made_at_ms = house_from_ms;
    (void)snprintf(ceremony->issuer, sizeof ceremony->issuer, "root");
    (void)snprintf(ceremony->public_url, sizeof ceremony->public_url, "%s", test_publication.public_url);
    assert_ok(buf_append_bytes(&ceremony->issuer_der, authority_borrow_der(house.root)));
    ceremony->certificates[0] = (struct ceremony_certificate){
        .kind = CEREMONY_ISSUING, .authority = "edge", .role = AUTHORITY_EDGE, .lifetime_days = 3652};
    assert_ok(buf_append_bytes(&ceremony->certificates[0].der, buf_view(csr)));
    ceremony->certificate_count = 1;
    return ceremony;
}

static void a_root_binds_an_edge_ca_to_its_names(void **state)
{
    AUTO_PTR(ceremony) *asked = make_ceremony(&request);
    AUTO_PTR(ceremony) *ceremony = NULL;
    AUTO_VAL(buf) file = {0}, words = {0}, pem = {0};
    AUTO_VAL(ca_bundle) bundle = {.count = 0};
    AUTO_VAL(held_constraints) held = {.excludes_addresses = false};
    const struct ceremony_signer signer = {
        .authority = house.root, .random = random_system(), .now_ms = house_from_ms + 86400000};
    (void)state;
    assert_ok(ceremony_write(asked, &file));
    assert_ok(ceremony_read(buf_view(&file), &ceremony));
    assert_ok(ceremony_describe(ceremony, &signer, &words));
    assert_has(buf_str(&words), "role         edge\n");
    assert_has(buf_str(&words), "purposes     clientAuth serverAuth\n");
    assert_has(buf_str(&words), "only below   edge.test plant.example.com\n");
    assert_has(buf_str(&words), "never        whorl.edge.test\n");
    assert_ok(ceremony_sign(ceremony, &signer, &pem));
    assert_ok(ca_bundle_add(buf_view(&pem), &bundle));
    assert_ok(name_constraints_of_certificate(buf_view(&bundle.items[0].der), &held));
    assert_int_equal(held.names.permitted_count, 2);
    assert_true(held.excludes_addresses);
    assert_ok(name_constraints_check_within(&held, &held));
}

static void one_without_names_is_not_signed(void **state)
{
    AUTO_PTR(private_key) *key = NULL;
    AUTO_VAL(buf) bare = {0}, pem = {0};
    const struct authority_spec spec = {.id = "edge", .role = AUTHORITY_EDGE, .organisation = "Test Works"};
    const struct ceremony_signer signer = {
        .authority = house.root, .random = random_system(), .now_ms = house_from_ms + 86400000};
    (void)state;
    assert_ok(keystore_load(house.keystore, "ca-edge", &key));
    assert_ok(authority_make_request(&spec, key, NULL, &bare));
    AUTO_PTR(ceremony) *ceremony = make_ceremony(&bare);
    assert_error(ceremony_sign(ceremony, &signer, &pem), ERR_UNPROCESSABLE, "edge has no nameConstraints");
    assert_int_equal(pem.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_request_asks_for_is_read),
        cmocka_unit_test(what_is_not_there_is_none),
        cmocka_unit_test(each_other_form_is_refused),
        cmocka_unit_test(a_certificate_permits_no_more_than_was_asked_for),
        cmocka_unit_test(a_root_binds_an_edge_ca_to_its_names),
        cmocka_unit_test(one_without_names_is_not_signed),
    };
    return cmocka_run_group_tests_name("name_constraints_read", tests, setup, teardown);
}
