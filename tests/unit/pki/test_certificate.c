/* Certificates as values: the facts, PEM both ways, and the two structures of EST as the openssl command
 * reads them. */
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

static void test_facts(void **state)
{
    AUTO_VAL(certificate_facts) root = {0};
    AUTO_VAL(certificate_facts) facts = {0};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(issued) issued = {0};
    (void)state;
    assert_ok(certificate_read(authority_borrow_der(house.root), &root));
    assert_true(root.is_self_issued);
    assert_int_equal(root.not_before_ms, house_from_ms);
    assert_int_equal(root.not_after_ms, house_from_ms + 30 * year_ms);
    assert_int_equal(root.key.alg, KEY_ALG_P256);
    assert_memory_equal(root.key.spki_sha256.b, authority_spki_sha256(house.root)->b, SHA256_SIZE);
    assert_int_equal(root.san.n, 0);
    assert_has(root.subject_text, ",O=Test Works");

    issue_device(&house, key, house_from_ms, 365, &issued);
    assert_ok(certificate_read(buf_view(&issued.der), &facts));
    assert_false(facts.is_self_issued);
    assert_has(facts.subject_text, "serialNumber=SN-1");
    assert_int_equal(facts.san.p[0], 0x30);
}

/* Foreign certificates are read whatever their key is; only its kind stays unknown. */
static void test_unusual_certificates(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-521");
    AUTO(X509) *x509 = X509_new();
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(certificate_facts) facts = {0};
    char name[400];
    (void)state;
    memset(name, 'n', sizeof name);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x509), 5), 1);
    assert_non_null(ASN1_TIME_set_string_X509(X509_getm_notBefore(x509), "19500101000000Z") == 1 ? x509
                                                                                                 : NULL);
    assert_non_null(ASN1_TIME_set_string_X509(X509_getm_notAfter(x509), "99991231235959Z") == 1 ? x509
                                                                                                : NULL);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "OU", MBSTRING_ASC,
                                                    (const unsigned char *)name, 60, -1, 0),
                         1);
    }
    assert_int_equal(X509_set_pubkey(x509, key), 1);
    assert_true(X509_sign(x509, key, EVP_sha512()) > 0);
    assert_ok(certificate_encode(x509, &der));
    assert_ok(certificate_read(buf_view(&der), &facts));
    assert_int_equal(facts.key.alg, KEY_ALG_NONE);
    assert_int_equal(facts.serial_size, 1);
    assert_true(facts.not_before_ms < 0);
    assert_int_equal(facts.not_after_ms, 253402300799000);
    assert_int_equal(strlen(facts.subject_text), sizeof facts.subject_text - 1); /* cut, not refused */

    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x509), -5), 1);
    assert_true(X509_sign(x509, key, EVP_sha512()) > 0);
    buf_clear(&der);
    assert_ok(certificate_encode(x509, &der));
    assert_error(certificate_read(buf_view(&der), &facts), ERR_BAD_ENCODING, "serial number");
}

static void test_refuses_what_is_no_certificate(void **state)
{
    struct bytes good = authority_borrow_der(house.root);
    AUTO_VAL(buf) longer = {0};
    AUTO_VAL(certificate_facts) facts = {0};
    (void)state;
    assert_ok(buf_append_bytes(&longer, good));
    assert_ok(buf_append(&longer, "x", 1));
    assert_error(certificate_read(buf_view(&longer), &facts), ERR_BAD_ENCODING, "follow");
    for (size_t n = 0; n < good.n; n++) {
        assert_error(certificate_read((struct bytes){good.p, n}, &facts), ERR_BAD_ENCODING, "");
    }
    assert_error(certificate_read(bytes_str("\x30\x03\x02\x01\x01"), &facts), ERR_BAD_ENCODING, "X.509");
}

static void test_pem(void **state)
{
    AUTO_VAL(buf) pem = {0};
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(buf) none = {0};
    (void)state;
    assert_ok(buf_append_str(&pem, "some words before\n"));
    assert_ok(certificate_to_pem(authority_borrow_der(house.root), &pem));
    assert_ok(certificate_to_pem(authority_borrow_der(house.device), &pem));
    assert_has(buf_str(&pem), "-----BEGIN CERTIFICATE-----\n");
    assert_ok(certificate_from_pem(buf_view(&pem), &der));
    assert_true(bytes_equal(buf_view(&der), authority_borrow_der(house.root)));
    assert_error(certificate_from_pem(bytes_str("no certificate"), &none), ERR_BAD_ENCODING, "no PEM");
    assert_error(certificate_from_pem(BYTES_NONE, &none), ERR_BAD_ENCODING, "no PEM");
    assert_error(
        certificate_from_pem(bytes_str("-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n"
                                       "DEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAA\n"
                                       "-----END CERTIFICATE-----\n"),
                             &none),
        ERR_BAD_ENCODING, "no PEM");
}

static void test_pkcs7(void **state)
{
    const struct bytes ders[] = {authority_borrow_der(house.root), authority_borrow_der(house.device),
                                 authority_borrow_der(house.infrastructure)};
    AUTO_VAL(buf) message = {0};
    AUTO_VAL(buf) empty = {0};
    AUTO_VAL(buf) output = {0};
    (void)state;
    assert_ok(certificates_to_pkcs7(ders, 3, &message));
    write_in(&house.folder, "certs.p7", buf_view(&message));
    assert_int_equal(
        run_in(&house.folder, "openssl pkcs7 -inform DER -in certs.p7 -print_certs -noout", &output), 0);
    assert_has(buf_str(&output), "Root CA");
    assert_has(buf_str(&output), "Device CA");
    assert_has(buf_str(&output), "Infrastructure CA");
    assert_int_equal(run_in(&house.folder, "openssl cms -cmsout -inform DER -in certs.p7 -noout", &output),
                     0);
    assert_ok(certificates_to_pkcs7(ders, 0, &empty));
    write_in(&house.folder, "certs.p7", buf_view(&empty));
    assert_int_equal(run_in(&house.folder, "openssl pkcs7 -inform DER -in certs.p7 -noout", &output), 0);
}

/* CN=ab: one name, written by two clients */
static const uint8_t name_utf8[] = {0x30, 0x0d, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03,
                                    0x55, 0x04, 0x03, 0x0c, 0x02, 'a',  'b'};
static const uint8_t name_printable[] = {0x30, 0x0d, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03,
                                         0x55, 0x04, 0x03, 0x13, 0x02, 'a',  'b'};
static const uint8_t name_other[] = {0x30, 0x0d, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03,
                                     0x55, 0x04, 0x03, 0x0c, 0x02, 'a',  'c'};
static const uint8_t name_trailing[] = {0x30, 0x0d, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03,
                                        0x55, 0x04, 0x03, 0x0c, 0x02, 'a',  'b',  0};

static void test_names_are_compared_by_meaning(void **state)
{
    (void)state;
    assert_true(name_is_same(BYTES_OF(name_utf8), BYTES_OF(name_utf8)));
    assert_true(name_is_same(BYTES_OF(name_utf8), BYTES_OF(name_printable)));
    assert_false(name_is_same(BYTES_OF(name_utf8), BYTES_OF(name_other)));
    assert_false(name_is_same(BYTES_OF(name_utf8), BYTES_OF(name_trailing)));
    assert_false(name_is_same(BYTES_OF(name_utf8), BYTES_NONE));
    assert_false(name_is_same(BYTES_NONE, BYTES_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_compared_by_meaning),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_unusual_certificates),
        cmocka_unit_test(test_refuses_what_is_no_certificate),
        cmocka_unit_test(test_pem),
        cmocka_unit_test(test_pkcs7),
    };
    return cmocka_run_group_tests(tests, make_house, end_house);
}
