/* Issuing CAs for TLS servers at the edge: what they may certify, held to by us and by `openssl verify`, even
 * where the CA's key is in the wrong hands. */
#include "tests/unit/pki/profile_scene.h"

static const char *const permitted[] = {"edge.test", "plant.example.com"};
static const char *const own[] = {"whorl.edge.test", "127.0.0.1", "localhost"};

static const struct device_subject device = {.serial_number = "gw-1"};

static struct certificate_profile edge_profile(const char *dns)
{
    struct certificate_profile profile = plain_profile;
    profile.san_forms = SAN_DNS;
    profile.key_purposes = PURPOSE_CLIENT_AUTH | PURPOSE_SERVER_AUTH;
    (void)snprintf(profile.dns_template, sizeof profile.dns_template, "%s", dns);
    return profile;
}

static void test_the_authority(void **state)
{
    AUTO_PTR(authority) *edge = make_edge(permitted, 2, own, 3);
    AUTO_VAL(buf) text = {0};
    (void)state;
    show(authority_borrow_der(edge), &text);
    assert_has(buf_str(&text), "CN=Edge CA ");
    assert_has(buf_str(&text), "CA:TRUE, pathlen:0");
    assert_has(buf_str(&text), "TLS Web Client Authentication, TLS Web Server Authentication");
    assert_has(buf_str(&text), "X509v3 Name Constraints: critical");
    assert_has(buf_str(&text), "DNS:edge.test");
    assert_has(buf_str(&text), "DNS:plant.example.com");
    assert_has(buf_str(&text), "IP:0.0.0.0/0.0.0.0");
    assert_has(buf_str(&text), "DNS:whorl.edge.test");
    assert_null(strstr(buf_str(&text), "127.0.0.1"));
    assert_int_equal(authority_key_purposes(edge), PURPOSE_CLIENT_AUTH | PURPOSE_SERVER_AUTH);
    assert_true(authority_permits_dns(edge, bytes_str("gw-1.edge.test")));
    assert_false(authority_permits_dns(edge, bytes_str("whorl.edge.test")));
    assert_false(authority_permits_dns(edge, bytes_str("a.whorl.edge.test")));
    assert_false(authority_permits_dns(edge, bytes_str("edge.test.example")));
    assert_true(authority_permits_dns(house.device, bytes_str("anything.example")));
}

static void test_a_server_at_the_edge(void **state)
{
    AUTO_PTR(authority) *edge = make_edge(permitted, 2, own, 3);
    AUTO_VAL(issued) issued = {0};
    const struct certificate_profile profile = edge_profile("{serial}.edge.test");
    (void)state;
    assert_ok(issue_by(edge, &profile, &device, &issued));
    assert_true(verifies(edge, buf_view(&issued.der), "-purpose sslclient"));
    assert_true(verifies(edge, buf_view(&issued.der), "-purpose sslserver -verify_hostname gw-1.edge.test"));
    assert_false(verifies(edge, buf_view(&issued.der), "-purpose sslserver -verify_hostname gw-2.edge.test"));
}

static void test_refuses_names_that_are_not_its_own(void **state)
{
    AUTO_PTR(authority) *edge = make_edge(permitted, 2, own, 3);
    static const char *const names[] = {"{serial}.example.org", "whorl.edge.test", "x.whorl.edge.test",
                                        "{serial}.bad-edge.test"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        AUTO_VAL(issued) issued = {0};
        const struct certificate_profile profile = edge_profile(names[i]);
        assert_error(issue_by(edge, &profile, &device, &issued), ERR_UNPROCESSABLE, "name constraints");
    }
}

/* The thief signs with the edge authority's key what the authority would not: its CA certificate is the same,
 * so clients judge. */
static struct authority *stolen(const struct authority *edge)
{
    struct private_key *key = NULL;
    struct authority *out = NULL;
    assert_ok(keystore_load(house.keystore, "ca-edge", &key));
    assert_ok(authority_load("edge", AUTHORITY_INFRASTRUCTURE, authority_borrow_der(edge), key, &out));
    return out;
}

static void test_a_stolen_key_cannot_pose_as_the_server(void **state)
{
    AUTO_PTR(authority) *edge = make_edge(permitted, 2, own, 3);
    AUTO_PTR(authority) *thief = stolen(edge);
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(buf) spki = {0};
    static const struct {
        const char *host;
        const char *purpose;
        bool is_good;
    } rows[] = {{"gw.edge.test", "-verify_hostname gw.edge.test", true},
                {"whorl.edge.test", "-verify_hostname whorl.edge.test", false},
                {"localhost", "-verify_hostname localhost", false},
                {"bank.example", "-verify_hostname bank.example", false},
                {"127.0.0.1", "-verify_ip 127.0.0.1", false},
                {"::1", "-verify_ip ::1", false}};
    (void)state;
    spki_of(key, &spki);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO_VAL(issued) issued = {0};
        const struct certificate_spec spec = {.serial = {0x33},
                                              .not_before_ms = house_from_ms,
                                              .not_after_ms = house_from_ms + year_ms,
                                              .publication = test_publication};
        assert_ok(authority_issue_server(thief, buf_view(&spki), &rows[i].host, 1, &spec, &issued));
        AUTO_VAL(buf) more = {0};
        assert_ok(buf_printf(&more, "-purpose sslserver %s", rows[i].purpose));
        if (verifies(edge, buf_view(&issued.der), buf_str(&more)) != rows[i].is_good) {
            fail_msg("%s", rows[i].host);
        }
    }
}

/* A common name where there is no SAN: old clients read it as a host. */
static void test_a_common_name_is_no_way_around(void **state)
{
    AUTO_PTR(authority) *edge = make_edge(permitted, 2, own, 3);
    AUTO_VAL(issued) issued = {0};
    AUTO_VAL(buf) der = {0};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_PTR(csr) *csr = NULL;
    AUTO_PTR(compiled_profile) *compiled = NULL;
    struct certificate_profile profile = edge_profile("x.edge.test");
    (void)state;
    profile.san_forms = 0;
    profile.subject = SUBJECT_ID_ONLY;
    assert_ok(certificate_profile_compile(&profile, &compiled));
    make_csr(key, "SHA256", NULL, &der);
    assert_ok(csr_parse(buf_view(&der), &policy_strict, &csr));
    const struct device_subject subject = {.device_id_hex = "whorl.edge.test",
                                           .serial_number = "",
                                           .device_id = {csr_borrow_key(csr)->spki_sha256.b, SHA256_SIZE}};
    const struct certificate_spec spec = {.serial = {0x34},
                                          .not_before_ms = house_from_ms,
                                          .not_after_ms = house_from_ms + year_ms,
                                          .publication = test_publication,
                                          .profile = compiled};
    assert_ok(authority_issue_device(edge, csr, &subject, &spec, &issued));
    assert_false(
        verifies(edge, buf_view(&issued.der), "-purpose sslserver -verify_hostname whorl.edge.test"));
}

static size_t faults_of(const char *const *names, size_t count, struct faults *faults)
{
    const struct name_constraints constraints = {names, count, own, 3};
    *faults = (struct faults){.count = 0};
    assert_ok(name_constraints_check(&constraints, "/permitted_dns", faults));
    return faults->count;
}

static void test_what_makes_no_sense(void **state)
{
    static const char *const bad[] = {
        "test",      "*.edge.test", "Edge.test", "10.0.0.1", "", "whorl.edge.test", "deep.whorl.edge.test",
        ".edge.test"};
    static const char *const good[] = {"edge.test", "a.b.example"};
    struct faults faults;
    (void)state;
    assert_int_equal(faults_of(good, 2, &faults), 0);
    assert_int_equal(faults_of(bad, 8, &faults), 8);
    assert_string_equal(faults.items[7].pointer, "/permitted_dns/7");
    assert_int_equal(faults_of(bad, 0, &faults), 1);
    assert_string_equal(faults.items[0].pointer, "/permitted_dns");
}

static void test_without_names_there_is_none(void **state)
{
    AUTO_VAL(buf) der = {0};
    AUTO_PTR(private_key) *key = NULL;
    const uint8_t serial[SERIAL_SIZE] = {1};
    const struct authority_spec spec = {.id = "open",
                                        .role = AUTHORITY_EDGE,
                                        .organisation = "Test Works",
                                        .not_before_ms = house_from_ms,
                                        .not_after_ms = house_from_ms + year_ms,
                                        .publication = test_publication};
    (void)state;
    assert_ok(keystore_generate(house.keystore, "ca-open", KEY_ALG_P256, &key));
    assert_error(authority_make_issuing(&spec, key, house.root, serial, &der), ERR_UNPROCESSABLE,
                 "DNS names that it may certify");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_authority),
        cmocka_unit_test(test_a_server_at_the_edge),
        cmocka_unit_test(test_refuses_names_that_are_not_its_own),
        cmocka_unit_test(test_a_stolen_key_cannot_pose_as_the_server),
        cmocka_unit_test(test_a_common_name_is_no_way_around),
        cmocka_unit_test(test_what_makes_no_sense),
        cmocka_unit_test(test_without_names_there_is_none),
    };
    return cmocka_run_group_tests(tests, make_house, end_house);
}
