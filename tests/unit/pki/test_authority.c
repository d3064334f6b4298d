/* Authorities and what they issue, judged by OpenSSL: `openssl verify -x509_strict` and its reading of every
 * field. */
#include "tests/unit/pki/pki_fixture.h"

static struct test_house house;

static int make_house(void **state)
{
    (void)state;
    test_house_init(&house, KEY_ALG_P256);
    return 0;
}

static int end_house(void **state)
{
    (void)state;
    test_house_clear(&house);
    return 0;
}

/* The openssl command's view of a certificate. */
static void show(struct bytes der, struct buf *out)
{
    write_pem_in(&house.folder, "shown.pem", der);
    assert_int_equal(run_in(&house.folder, "openssl x509 -in shown.pem -noout -text -nameopt RFC2253", out),
                     0);
}

static void write_chain(const struct authority *issuing)
{
    write_pem_in(&house.folder, "root.pem", authority_borrow_der(house.root));
    write_pem_in(&house.folder, "issuing.pem", authority_borrow_der(issuing));
}

static void assert_verifies(const struct authority *issuing, struct bytes leaf, const char *purpose,
                            bool is_good)
{
    AUTO_VAL(buf) command = {0};
    AUTO_VAL(buf) output = {0};
    write_chain(issuing);
    write_pem_in(&house.folder, "leaf.pem", leaf);
    assert_ok(buf_printf(
        &command,
        "openssl verify -x509_strict -check_ss_sig -attime 1775000000 -purpose %s -CAfile root.pem "
        "-untrusted issuing.pem leaf.pem",
        purpose));
    int status = run_in(&house.folder, buf_str(&command), &output);
    if ((status == 0) != is_good) {
        fail_msg("purpose %s: %s", purpose, buf_str(&output));
    }
}

static void test_root_profile(void **state)
{
    AUTO_VAL(buf) text = {0};
    (void)state;
    show(authority_borrow_der(house.root), &text);
    assert_has(buf_str(&text), "Version: 3 (0x2)");
    assert_has(buf_str(&text), "Signature Algorithm: ecdsa-with-SHA256");
    assert_has(buf_str(&text), "CN=Root CA ");
    assert_has(buf_str(&text), ",O=Test Works");
    assert_has(buf_str(&text), "X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:2");
    assert_has(buf_str(&text), "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign\n");
    assert_has(buf_str(&text), "X509v3 Subject Key Identifier");
    assert_null(strstr(buf_str(&text), "CRL Distribution"));
    assert_null(strstr(buf_str(&text), "Authority Information"));
    assert_null(strstr(buf_str(&text), "Extended Key Usage"));
    /* 30 years from 2026: beyond 2049 a GeneralizedTime (RFC 5280 §4.1.2.5) */
    struct bytes der = authority_borrow_der(house.root);
    assert_non_null(memmem(der.p, der.n,
                           "\x17\x0d"
                           "260101000000Z",
                           15));
    assert_non_null(memmem(der.p, der.n,
                           "\x18\x0f"
                           "2055",
                           6));
}

static void test_issuing_profiles(void **state)
{
    AUTO_VAL(buf) device = {0};
    AUTO_VAL(buf) infrastructure = {0};
    (void)state;
    show(authority_borrow_der(house.device), &device);
    assert_has(buf_str(&device), "CA:TRUE, pathlen:0");
    assert_has(buf_str(&device), "Extended Key Usage: \n                TLS Web Client Authentication\n");
    assert_has(buf_str(&device), "URI:http://pki.example:8080/crl/root.crl");
    assert_has(buf_str(&device), "CA Issuers - URI:http://pki.example:8080/ca/root.cer");
    assert_null(strstr(buf_str(&device), "OCSP")); /* the root may go offline */
    show(authority_borrow_der(house.infrastructure), &infrastructure);
    assert_has(buf_str(&infrastructure), "CA:TRUE, pathlen:0");
    assert_has(buf_str(&infrastructure), "TLS Web Server Authentication, TLS Web Client Authentication, OCSP "
                                         "Signing, CMC Registration Authority");
}

static void test_device_profile(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(issued) issued = {0};
    AUTO_VAL(certificate_facts) facts = {0};
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) spki = {0};
    (void)state;
    issue_device(&house, key, house_from_ms + 999, 365, &issued);
    show(buf_view(&issued.der), &text);
    assert_has(buf_str(&text), "Version: 3 (0x2)");
    assert_has(buf_str(&text), "serialNumber=SN-1");
    assert_has(buf_str(&text), "URI:ni:///sha-256;");
    assert_has(buf_str(&text), "X509v3 Key Usage: critical\n                Digital Signature\n");
    assert_has(buf_str(&text),
               "X509v3 Extended Key Usage: \n                TLS Web Client Authentication\n");
    assert_has(buf_str(&text), "URI:http://pki.example:8080/crl/device.crl");
    assert_has(buf_str(&text), "CA Issuers - URI:http://pki.example:8080/ca/device.cer");
    assert_has(buf_str(&text), "OCSP - URI:http://pki.example:8080/ocsp\n");
    assert_null(strstr(buf_str(&text), "Basic Constraints"));
    assert_verifies(house.device, buf_view(&issued.der), "sslclient", true);
    assert_verifies(house.device, buf_view(&issued.der), "sslserver", false);

    spki_of(key, &spki);
    assert_ok(certificate_read(buf_view(&issued.der), &facts));
    assert_int_equal(facts.serial_size, SERIAL_SIZE);
    assert_memory_equal(facts.serial, issued.serial, SERIAL_SIZE);
    assert_int_equal(facts.not_before_ms, house_from_ms);
    assert_int_equal(facts.not_before_ms, issued.not_before_ms);
    assert_int_equal(facts.not_after_ms, issued.not_after_ms);
    assert_true(bytes_equal(buf_view(&facts.subject), buf_view(&issued.subject)));
    assert_true(bytes_equal(buf_view(&facts.san), buf_view(&issued.san)));
}

/* RFC 7093 §2 method 1 and RFC 6920, computed a second way: OpenSSL's own view of the key, and its base64. */
static void test_key_identifiers(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-384");
    AUTO_VAL(issued) issued = {0};
    AUTO_VAL(buf) spki = {0};
    AUTO(X509) *x509 = NULL;
    unsigned char hash[32];
    unsigned char base64[64];
    (void)state;
    issue_device(&house, key, house_from_ms, 1, &issued);
    assert_ok(certificate_decode(buf_view(&issued.der), &x509));
    const ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(x509);
    assert_int_equal(EVP_Digest(ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits), hash, NULL,
                                EVP_sha256(), NULL),
                     1);
    const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(x509);
    assert_int_equal(ASN1_STRING_length(ski), 20);
    assert_memory_equal(ASN1_STRING_get0_data(ski), hash, 20);

    AUTO(X509) *ca = NULL;
    assert_ok(certificate_decode(authority_borrow_der(house.device), &ca));
    const ASN1_OCTET_STRING *aki = X509_get0_authority_key_id(x509);
    assert_int_equal(ASN1_OCTET_STRING_cmp(aki, X509_get0_subject_key_id(ca)), 0);

    spki_of(key, &spki);
    assert_int_equal(EVP_Digest(spki.p, spki.n, hash, NULL, EVP_sha256(), NULL), 1);
    assert_int_equal(EVP_EncodeBlock(base64, hash, sizeof hash), 44);
    for (size_t i = 0; i < 44; i++) {
        base64[i] = base64[i] == '+' ? '-' : base64[i] == '/' ? '_' : base64[i];
    }
    assert_int_equal(issued.san.n, 2 + 2 + 14 + 43);
    assert_memory_equal(issued.san.p + 4, "ni:///sha-256;", 14);
    assert_memory_equal(issued.san.p + 18, base64, 43);
}

static void test_validity_stays_inside_the_issuer(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(issued) early = {0};
    AUTO_VAL(issued) late = {0};
    (void)state;
    issue_device(&house, key, house_from_ms - 5 * 86400000LL, 6, &early);
    assert_int_equal(early.not_before_ms, house_from_ms);
    issue_device(&house, key, house_from_ms, 100 * 365, &late);
    assert_int_equal(late.not_after_ms, authority_not_after_ms(house.device));
    assert_verifies(house.device, buf_view(&late.der), "sslclient", true);
}

static err_t issue_with(const char *serial_number, int64_t from_ms, struct issued *out)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(buf) der = {0};
    AUTO_PTR(csr) *csr = NULL;
    const struct certificate_spec spec = {
        .not_before_ms = from_ms, .not_after_ms = from_ms + 1000, .publication = test_publication};
    make_csr(key, "SHA256", NULL, &der);
    assert_ok(csr_parse(buf_view(&der), &policy_strict, &csr));
    const struct device_subject subject = {.device_id_hex = "00",
                                           .serial_number = serial_number,
                                           .device_id = {csr_borrow_key(csr)->spki_sha256.b, SHA256_SIZE}};
    return authority_issue_device(house.device, csr, &subject, &spec, out);
}

static void test_refuses_what_cannot_stand_in_a_certificate(void **state)
{
    AUTO_VAL(issued) issued = {0};
    (void)state;
    assert_ok(issue_with("", house_from_ms, &issued));
    assert_null(memmem(issued.subject.p, issued.subject.n, "\x55\x04\x05", 3));
    assert_ok(issue_with("AB:12/3.4-5 (x)", house_from_ms, &issued));
    /* what no PrintableString of 64 holds is left out; who must have it says so in a profile */
    assert_ok(issue_with("under_score", house_from_ms, &issued));
    assert_null(memmem(issued.subject.p, issued.subject.n, "\x55\x04\x05", 3));
    assert_ok(issue_with("0123456789012345678901234567890123456789012345678901234567890123x", house_from_ms,
                         &issued));
    assert_null(memmem(issued.subject.p, issued.subject.n, "\x55\x04\x05", 3));
    assert_error(issue_with("x", house_from_ms + 26 * year_ms, &issued), ERR_UNPROCESSABLE, "not be valid");
    assert_error(issue_with("x", house_from_ms - 2000, &issued), ERR_UNPROCESSABLE, "not be valid");
}

static void test_serials_are_positive_and_of_one_length(void **state)
{
    static const struct {
        uint8_t first, second, expected;
    } rows[] = {{0x00, 0x00, 0x01}, {0x80, 0xff, 0x01}, {0xff, 0, 0x7f}, {0x01, 0, 0x01}, {0x7f, 0x80, 0x7f}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t serial[SERIAL_SIZE] = {rows[i].first, rows[i].second};
        serial_normalise(serial);
        assert_int_equal(serial[0], rows[i].expected);
        assert_int_equal(serial[1], rows[i].second);
    }
}

static void issue_server(const char *const *hosts, size_t count, struct issued *out, err_t *error)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(buf) spki = {0};
    const struct certificate_spec spec = {.serial = {0x42},
                                          .not_before_ms = house_from_ms,
                                          .not_after_ms = house_from_ms + year_ms,
                                          .publication = test_publication};
    spki_of(key, &spki);
    *error = authority_issue_server(house.infrastructure, buf_view(&spki), hosts, count, &spec, out);
}

static void test_server_profile(void **state)
{
    static const char *const hosts[] = {"whorl.example", "*.dev.example", "192.0.2.7", "2001:db8::1"};
    AUTO_VAL(issued) issued = {0};
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) output = {0};
    err_t error;
    (void)state;
    issue_server(hosts, 4, &issued, &error);
    assert_ok(error);
    show(buf_view(&issued.der), &text);
    assert_has(buf_str(&text), "Subject: CN=whorl.example");
    assert_has(buf_str(&text),
               "DNS:whorl.example, DNS:*.dev.example, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:1");
    assert_has(buf_str(&text), "TLS Web Server Authentication");
    assert_has(buf_str(&text), "/crl/infrastructure.crl");
    assert_verifies(house.infrastructure, buf_view(&issued.der), "sslserver", true);
    assert_verifies(house.infrastructure, buf_view(&issued.der), "sslclient", false);
    assert_int_equal(
        run_in(&house.folder,
               "openssl verify -attime 1775000000 -verify_hostname whorl.example -verify_ip 192.0.2.7 "
               "-CAfile root.pem -untrusted issuing.pem leaf.pem",
               &output),
        0);
}

/* A host that is no common name leaves the subject empty and the SAN critical (RFC 5280 §4.2.1.6). */
static void test_server_with_a_long_name(void **state)
{
    static const char *const hosts[] = {
        "a-name-of-more-than-sixty-four-characters.in-a-very-long-domain.example.org"};
    AUTO_VAL(issued) issued = {0};
    AUTO_VAL(buf) text = {0};
    err_t error;
    (void)state;
    issue_server(hosts, 1, &issued, &error);
    assert_ok(error);
    show(buf_view(&issued.der), &text);
    assert_has(buf_str(&text), "X509v3 Subject Alternative Name: critical");
    assert_verifies(house.infrastructure, buf_view(&issued.der), "sslserver", true);
}

static void test_refuses_bad_hosts(void **state)
{
    static const char *const rows[] = {"",         "two words", "under_score.example", "*", "-dash.example",
                                       ".example", "host:8443"};
    AUTO_VAL(issued) issued = {0};
    err_t error;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        issue_server(&rows[i], 1, &issued, &error);
        assert_error(error, ERR_UNPROCESSABLE, "neither");
    }
    issue_server(rows, 0, &issued, &error);
    assert_error(error, ERR_UNPROCESSABLE, "at least one");
}

static void test_device_authority_issues_to_devices_only(void **state)
{
    static const char *const hosts[] = {"whorl.example"};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(buf) spki = {0};
    AUTO_VAL(issued) issued = {0};
    const struct certificate_spec spec = {.not_before_ms = house_from_ms,
                                          .not_after_ms = house_from_ms + 1000};
    (void)state;
    spki_of(key, &spki);
    assert_error(authority_issue_server(house.device, buf_view(&spki), hosts, 1, &spec, &issued),
                 ERR_INTERNAL, "servers");
}

static void test_load_refuses_what_does_not_belong(void **state)
{
    AUTO_PTR(authority) *authority = NULL;
    AUTO_VAL(issued) issued = {0};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    struct private_key *other = NULL;
    (void)state;
    assert_ok(keystore_load(house.keystore, "ca-root", &other));
    assert_error(
        authority_load("device", AUTHORITY_DEVICE, authority_borrow_der(house.device), other, &authority),
        ERR_CRYPTO, "does not belong");
    assert_null(authority);
    issue_device(&house, key, house_from_ms, 1, &issued);
    assert_error(authority_load("x", AUTHORITY_DEVICE, buf_view(&issued.der), NULL, &authority), ERR_CRYPTO,
                 "not a CA");

    /* an offline root can be loaded, but cannot sign */
    AUTO_VAL(buf) der = {0};
    const struct crl_spec crl = {
        .number = 1, .this_update_ms = house_from_ms, .next_update_ms = house_from_ms + 1000};
    assert_ok(authority_load("root", AUTHORITY_ROOT, authority_borrow_der(house.root), NULL, &authority));
    assert_error(authority_sign_crl(authority, &crl, &der), ERR_UNAVAILABLE, "not here");
    assert_memory_equal(authority_spki_sha256(authority), authority_spki_sha256(house.root),
                        sizeof(struct sha256));
}

/* The same house on each algorithm that an authority may use. */
static void test_other_algorithms(void **state)
{
    static const enum key_alg algs[] = {KEY_ALG_P384, KEY_ALG_ED25519};
    struct test_house first = house;
    (void)state;
    for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++) {
        AUTO(EVP_PKEY) *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        AUTO_VAL(issued) issued = {0};
        test_house_init(&house, algs[i]);
        issue_device(&house, key, house_from_ms, 365, &issued);
        assert_verifies(house.device, buf_view(&issued.der), "sslclient", true);
        test_house_clear(&house);
    }
    house = first;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_root_profile),
        cmocka_unit_test(test_issuing_profiles),
        cmocka_unit_test(test_device_profile),
        cmocka_unit_test(test_key_identifiers),
        cmocka_unit_test(test_validity_stays_inside_the_issuer),
        cmocka_unit_test(test_refuses_what_cannot_stand_in_a_certificate),
        cmocka_unit_test(test_serials_are_positive_and_of_one_length),
        cmocka_unit_test(test_server_profile),
        cmocka_unit_test(test_server_with_a_long_name),
        cmocka_unit_test(test_refuses_bad_hosts),
        cmocka_unit_test(test_device_authority_issues_to_devices_only),
        cmocka_unit_test(test_load_refuses_what_does_not_belong),
        cmocka_unit_test(test_other_algorithms),
    };
    return cmocka_run_group_tests(tests, make_house, end_house);
}
