/* The verdicts of the TLS callback: every weak or malformed certificate that a permissive callback would let
 * in, and what accepted ones leave behind. */
#include "tests/unit/pki/tls_fixture.h"

static struct test_house house;
static struct peer_trust *trust;

static const int64_t now_ms = 1775000000000; /* 2026-03-31 */

static int make_house(void **state)
{
    (void)state;
    test_house_init(&house, KEY_ALG_P256);
    const struct authority *const authorities[] = {house.device};
    assert_ok(peer_trust_new(authorities, 1, &policy_rsa, &trust));
    return 0;
}

static int end_house(void **state)
{
    (void)state;
    peer_trust_free(trust);
    test_house_clear(&house);
    return 0;
}

/* The codes that accepted certificates leave behind: what they are. */
enum {
    SELF_SIGNED = X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
    FOREIGN = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
};

static bool is_accepting(int verdict)
{
    return verdict == X509_V_OK || verdict == SELF_SIGNED || verdict == FOREIGN ||
           verdict == X509_V_ERR_CERT_HAS_EXPIRED || verdict == X509_V_ERR_CERT_NOT_YET_VALID;
}

/* The verdict of the callback on a chain, without TLS. */
static int verdict_on(X509 *leaf, int links)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    STACK_OF(X509) *chain = sk_X509_new_null();
    for (int i = 0; i <= links; i++) {
        sk_X509_push(chain, leaf);
    }
    assert_int_equal(X509_STORE_CTX_init(context, store, leaf, chain), 1);
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context), now_ms / 1000);
    int accepted = peer_verify_chain(context, trust);
    int verdict = X509_STORE_CTX_get_error(context);
    assert_int_equal(accepted, is_accepting(verdict));
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    sk_X509_free(chain);
    return verdict;
}

static int verdict_on_der(struct bytes der)
{
    AUTO(X509) *x509 = NULL;
    assert_ok(certificate_decode(der, &x509));
    return verdict_on(x509, 0);
}

/* Tickets are for those who leave X509_V_OK only: ours, and valid at this moment. */
static void test_dates_of_issued(void **state)
{
    static const struct {
        int64_t from_ms;
        int days, verdict;
    } rows[] = {{-86400000, 2, X509_V_OK},
                {-86400000, 1, X509_V_OK}, /* its last second */
                {-86400000 - 1000, 1, X509_V_ERR_CERT_HAS_EXPIRED},
                {0, 1, X509_V_OK},
                {1000, 1, X509_V_ERR_CERT_NOT_YET_VALID}};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO_VAL(issued) issued = {0};
        issue_device(&house, key, now_ms + rows[i].from_ms, rows[i].days, &issued);
        assert_int_equal(verdict_on_der(buf_view(&issued.der)), rows[i].verdict);
    }
}

static void test_refuses_weak_keys(void **state)
{
    AUTO(EVP_PKEY) *explicit = ec_key("P-256");
    AUTO(EVP_PKEY) *compressed = ec_key("P-256");
    AUTO(EVP_PKEY) *koblitz = ec_key("secp256k1");
    AUTO(EVP_PKEY) *rsa_1024 = EVP_RSA_gen(1024);
    AUTO(EVP_PKEY) *rsa_2048 = EVP_RSA_gen(2048);
    AUTO(EVP_PKEY) *ed448 = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
    assert_int_equal(EVP_PKEY_set_utf8_string_param(explicit, OSSL_PKEY_PARAM_EC_ENCODING, "explicit"), 1);
    assert_int_equal(
        EVP_PKEY_set_utf8_string_param(compressed, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed"),
        1);
    EVP_PKEY *const keys[] = {explicit, compressed, koblitz, rsa_1024, rsa_2048, ed448};
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        AUTO(X509) *x509 = self_signed(keys[i], keys[i] == ed448 ? NULL : "SHA256");
        assert_int_equal(verdict_on(x509, 0), X509_V_ERR_EE_KEY_TOO_SMALL);
    }
}

static void test_refuses_weak_digests(void **state)
{
    AUTO(EVP_PKEY) *rsa = EVP_RSA_gen(3072);
    AUTO(EVP_PKEY) *ec = ec_key("P-256");
    static const char *const digests[] = {"SHA1", "MD5", "SHA224"};
    (void)state;
    for (size_t i = 0; i < sizeof digests / sizeof digests[0]; i++) {
        AUTO(X509) *self = self_signed(rsa, digests[i]);
        const struct foreign f = {
            .key = ec, .signer = rsa, .issuer = "Vendor CA", .digest = digests[i], .version = 2};
        AUTO(X509) *foreign = make_certificate(&f);
        assert_int_equal(verdict_on(self, 0), X509_V_ERR_CA_MD_TOO_WEAK);
        assert_int_equal(verdict_on(foreign, 0), X509_V_ERR_CA_MD_TOO_WEAK);
    }
}

static void test_refuses_bad_signatures(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(EVP_PKEY) *other = ec_key("P-256");
    const struct foreign f = {.key = key, .signer = other, .digest = "SHA256", .version = 2};
    AUTO(X509) *not_self = make_certificate(&f);
    AUTO_VAL(issued) issued = {0};
    (void)state;
    assert_int_equal(verdict_on(not_self, 0), X509_V_ERR_CERT_SIGNATURE_FAILURE);
    issue_device(&house, key, house_from_ms, 365, &issued);
    assert_int_equal(verdict_on_der(buf_view(&issued.der)), X509_V_OK);
    issued.der.p[issued.der.n - 1] ^= 1;
    assert_int_equal(verdict_on_der(buf_view(&issued.der)), X509_V_ERR_CERT_SIGNATURE_FAILURE);
    issued.der.p[issued.der.n - 1] ^= 1;
    uint8_t *serial_number = memmem(issued.der.p, issued.der.n, "SN-1", 4);
    assert_non_null(serial_number);
    serial_number[3] = '2';
    assert_int_equal(verdict_on_der(buf_view(&issued.der)), X509_V_ERR_CERT_SIGNATURE_FAILURE);
}

/* Signed by an authority of ours, but for another purpose: no device. */
static void test_refuses_other_purposes(void **state)
{
    static const char *const hosts[] = {"whorl.example"};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(buf) spki = {0};
    AUTO_VAL(issued) issued = {0};
    struct peer_trust *both = NULL;
    struct peer_trust *first = trust;
    const struct authority *const authorities[] = {house.device, house.infrastructure};
    const struct certificate_spec spec = {.not_before_ms = house_from_ms,
                                          .not_after_ms = house_from_ms + year_ms,
                                          .publication = test_publication};
    (void)state;
    spki_of(key, &spki);
    assert_ok(authority_issue_server(house.infrastructure, buf_view(&spki), hosts, 1, &spec, &issued));
    assert_int_equal(verdict_on_der(buf_view(&issued.der)), FOREIGN); /* not of the device authority */
    assert_ok(peer_trust_new(authorities, 2, &policy_rsa, &both));
    trust = both;
    assert_int_equal(verdict_on_der(buf_view(&issued.der)), X509_V_ERR_INVALID_PURPOSE);
    trust = first;
    peer_trust_free(both);
}

/* The name of our authority alone makes nobody ours: the key identifier and the signature decide. */
static void test_a_borrowed_issuer_name(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(X509) *ca = NULL;
    AUTO(X509) *x509 = self_signed(key, "SHA256");
    (void)state;
    assert_ok(certificate_decode(authority_borrow_der(house.device), &ca));
    assert_int_equal(X509_set_issuer_name(x509, X509_get_subject_name(ca)), 1);
    assert_true(X509_sign(x509, key, EVP_sha256()) > 0);
    assert_int_equal(verdict_on(x509, 0), X509_V_ERR_INVALID_PURPOSE);

    /* the same name with another key identifier is somebody else's authority */
    unsigned char aki[24] = {0x30, 0x16, 0x80, 0x14, 1, 2, 3};
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    assert_int_equal(ASN1_OCTET_STRING_set(value, aki, sizeof aki), 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_NID(NULL, NID_authority_key_identifier, 0, value);
    assert_int_equal(X509_add_ext(x509, extension, -1), 1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    assert_true(X509_sign(x509, key, EVP_sha256()) > 0);
    AUTO_VAL(buf) der = {0};
    assert_ok(certificate_encode(x509, &der));
    assert_int_equal(verdict_on_der(buf_view(&der)), FOREIGN);
}

static void test_refuses_sizes(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(X509) *good = self_signed(key, "SHA256");
    AUTO(X509) *big = self_signed(key, "SHA256");
    AUTO_VAL(buf) text = {0};
    (void)state;
    assert_int_equal(verdict_on(good, 3), SELF_SIGNED);
    assert_int_equal(verdict_on(good, 4), X509_V_ERR_CERT_CHAIN_TOO_LONG);
    for (int i = 0; i < 900; i++) {
        assert_ok(buf_append_str(&text, "123456789 "));
    }
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_netscape_comment, buf_str(&text));
    assert_int_equal(X509_add_ext(big, extension, -1), 1);
    X509_EXTENSION_free(extension);
    assert_true(X509_sign(big, key, EVP_sha256()) > 0);
    assert_int_equal(verdict_on(big, 0), X509_V_ERR_CERT_CHAIN_TOO_LONG);
}

static void test_refuses_malformed_extensions(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(X509) *x509 = self_signed(key, "SHA256");
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    (void)state;
    assert_int_equal(ASN1_OCTET_STRING_set(value, (const unsigned char *)"\x30\x05nope", 6), 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_NID(NULL, NID_basic_constraints, 1, value);
    assert_int_equal(X509_add_ext(x509, extension, -1), 1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    assert_true(X509_sign(x509, key, EVP_sha256()) > 0);
    assert_int_equal(verdict_on(x509, 0), X509_V_ERR_INVALID_EXTENSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates_of_issued),        cmocka_unit_test(test_refuses_weak_keys),
        cmocka_unit_test(test_refuses_weak_digests),   cmocka_unit_test(test_refuses_bad_signatures),
        cmocka_unit_test(test_refuses_other_purposes), cmocka_unit_test(test_a_borrowed_issuer_name),
        cmocka_unit_test(test_refuses_sizes),          cmocka_unit_test(test_refuses_malformed_extensions),
    };
    return cmocka_run_group_tests(tests, make_house, end_house);
}
