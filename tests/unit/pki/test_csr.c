/* Requests: what is accepted, what is refused and with which reason. All requests are made by OpenSSL and
 * then bent by hand. */
#include "tests/unit/pki/pki_fixture.h"

#include "pki/csr.h"
#include "pki/der.h"

static err_t parse(struct bytes der, const struct key_policy *policy)
{
    AUTO_PTR(csr) *csr = NULL;
    return csr_parse(der, policy, &csr);
}

static void add_challenge(X509_REQ *request)
{
    assert_int_equal(X509_REQ_add1_attr_by_NID(request, NID_pkcs9_challengePassword, MBSTRING_ASC,
                                               (const unsigned char *)"dGxzLXVuaXF1ZQ==", -1),
                     1);
}

static void add_challenge_of_two_values(X509_REQ *request)
{
    X509_ATTRIBUTE *attribute =
        X509_ATTRIBUTE_create_by_NID(NULL, NID_pkcs9_challengePassword, MBSTRING_ASC, "one", 3);
    assert_non_null(attribute);
    assert_int_equal(X509_ATTRIBUTE_set1_data(attribute, MBSTRING_ASC, "two", 3), 1);
    assert_int_equal(X509_REQ_add1_attr(request, attribute), 1);
    X509_ATTRIBUTE_free(attribute);
}

static void add_challenge_and_name(X509_REQ *request)
{
    add_challenge(request);
    assert_int_equal(X509_REQ_add1_attr_by_NID(request, NID_pkcs9_unstructuredName, MBSTRING_ASC,
                                               (const unsigned char *)"another", -1),
                     1);
}

static void add_long_challenge(X509_REQ *request)
{
    unsigned char text[256];
    memset(text, 'a', sizeof text);
    /* OpenSSL's own table stops at 255, so the value is set as it is */
    assert_int_equal(X509_REQ_add1_attr_by_NID(request, NID_pkcs9_challengePassword, V_ASN1_PRINTABLESTRING,
                                               text, sizeof text),
                     1);
}

static void add_extensions(X509_REQ *request, const char *const *names, size_t count)
{
    STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
    for (size_t i = 0; i < count; i++) {
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names[i]);
        assert_non_null(extension);
        sk_X509_EXTENSION_push(list, extension);
    }
    assert_int_equal(X509_REQ_add_extensions(request, list), 1);
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}

static void add_san(X509_REQ *request)
{
    const char *const names[] = {"DNS:device.example"};
    add_extensions(request, names, 1);
    add_challenge(request);
}

static void add_two_sans(X509_REQ *request)
{
    const char *const names[] = {"DNS:device.example", "DNS:other.example"};
    add_extensions(request, names, 2);
}

static void test_accepts_each_kind_of_key(void **state)
{
    static const struct {
        const char *type, *digest;
        enum key_alg alg;
        int bits;
    } rows[] = {
        {"P-256", "SHA256", KEY_ALG_P256, 256},  {"P-256", "SHA512", KEY_ALG_P256, 256},
        {"P-384", "SHA384", KEY_ALG_P384, 384},  {"P-384", "SHA256", KEY_ALG_P384, 384},
        {"ED25519", NULL, KEY_ALG_ED25519, 256}, {"RSA", "SHA256", KEY_ALG_RSA, 3072},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO_VAL(buf) der = {0};
        AUTO_VAL(buf) spki = {0};
        AUTO_PTR(csr) *csr = NULL;
        struct sha256 hash;
        AUTO(EVP_PKEY) *key = rows[i].type[0] == 'P'   ? ec_key(rows[i].type)
                              : rows[i].type[0] == 'R' ? EVP_RSA_gen(3072)
                                                       : EVP_PKEY_Q_keygen(NULL, NULL, rows[i].type);
        make_csr(key, rows[i].digest, NULL, &der);
        assert_ok(csr_parse(buf_view(&der), &policy_rsa, &csr));
        spki_of(key, &spki);
        assert_ok(sha256_of(buf_view(&spki), &hash));
        assert_int_equal(csr_borrow_key(csr)->alg, rows[i].alg);
        assert_int_equal(csr_borrow_key(csr)->bits, rows[i].bits);
        assert_memory_equal(csr_borrow_key(csr)->spki_sha256.b, hash.b, SHA256_SIZE);
        assert_true(bytes_equal(csr_borrow_spki(csr), buf_view(&spki)));
        assert_int_equal(csr_borrow_challenge(csr).n, 0);
        assert_int_equal(csr_borrow_san(csr).n, 0);
    }
}

static void test_finds_names_and_challenge(void **state)
{
    static const uint8_t san[] = {0x30, 0x10, 0x82, 0x0e, 'd', 'e', 'v', 'i', 'c',
                                  'e',  '.',  'e',  'x',  'a', 'm', 'p', 'l', 'e'};
    static const uint8_t subject[] = {0x30, 0x13, 0x31, 0x11, 0x30, 0x0f, 0x06, 0x03, 0x55, 0x04, 0x03,
                                      0x0c, 0x08, 'a',  ' ',  'd',  'e',  'v',  'i',  'c',  'e'};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(buf) der = {0};
    AUTO_PTR(csr) *csr = NULL;
    (void)state;
    make_csr(key, "SHA256", add_san, &der);
    assert_ok(csr_parse(buf_view(&der), &policy_strict, &csr));
    assert_true(bytes_equal(csr_borrow_san(csr), BYTES_OF(san)));
    assert_true(bytes_equal(csr_borrow_subject(csr), BYTES_OF(subject)));
    assert_true(bytes_is(csr_borrow_challenge(csr), "dGxzLXVuaXF1ZQ=="));
}

static void test_refuses_bad_attributes(void **state)
{
    static const struct {
        void (*edit)(X509_REQ *);
        const char *word;
    } rows[] = {{add_challenge_of_two_values, "challengePassword"},
                {add_long_challenge, "challengePassword"},
                {add_two_sans, "subjectAltName"}};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO_VAL(buf) der = {0};
        make_csr(key, "SHA256", rows[i].edit, &der);
        assert_error(parse(buf_view(&der), &policy_strict), ERR_BAD_CSR, rows[i].word);
    }
}

/* OpenSSL 3.5 makes no request of another version. */
static void test_refuses_another_version(void **state)
{
    static const uint8_t version_1[] = {0x02, 0x01, 0x00};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(buf) der = {0};
    (void)state;
    make_csr(key, "SHA256", NULL, &der);
    uint8_t *at = memmem(der.p, der.n, version_1, sizeof version_1);
    assert_non_null(at);
    at[sizeof version_1 - 1] = 2;
    assert_error(parse(buf_view(&der), &policy_strict), ERR_BAD_CSR, "version");
}

/* OpenSSL makes no request with the same attribute twice: the OID of another one is turned into
 * challengePassword. */
static void test_refuses_two_challenges(void **state)
{
    static const uint8_t unstructured_name[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                                0xf7, 0x0d, 0x01, 0x09, 0x02};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(buf) der = {0};
    (void)state;
    make_csr(key, "SHA256", add_challenge_and_name, &der);
    uint8_t *at = memmem(der.p, der.n, unstructured_name, sizeof unstructured_name);
    assert_non_null(at);
    at[sizeof unstructured_name - 1] = 0x07;
    assert_error(parse(buf_view(&der), &policy_strict), ERR_BAD_CSR, "two challengePassword");
}

static void add_critical_san(X509_REQ *request)
{
    const char *const names[] = {"critical,DNS:device.example"};
    add_extensions(request, names, 1);
}

/* critical BOOLEAN DEFAULT FALSE: spelling it out is BER. */
static void test_refuses_a_default_that_is_spelt_out(void **state)
{
    static const uint8_t san_critical[] = {0x06, 0x03, 0x55, 0x1d, 0x11, 0x01, 0x01, 0xff};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(buf) der = {0};
    (void)state;
    make_csr(key, "SHA256", add_critical_san, &der);
    assert_ok(parse(buf_view(&der), &policy_strict));
    uint8_t *at = memmem(der.p, der.n, san_critical, sizeof san_critical);
    assert_non_null(at);
    at[sizeof san_critical - 1] = 0x00;
    assert_error(parse(buf_view(&der), &policy_strict), ERR_BAD_CSR, "default FALSE");
}

static void test_refuses_weak_digests(void **state)
{
    static const struct {
        const char *type, *digest, *word;
    } rows[] = {{"P-256", "SHA1", "SHA-1"},   {"P-256", "SHA224", "SHA-224"},
                {"RSA", "SHA1", "SHA-1"},     {"RSA", "MD5", "MD5"},
                {"RSA", "SHA224", "SHA-224"}, {"P-256", "SHA3-256", "algorithm"}};
    AUTO(EVP_PKEY) *ec = ec_key("P-256");
    AUTO(EVP_PKEY) *rsa = EVP_RSA_gen(2048);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO_VAL(buf) der = {0};
        make_csr(rows[i].type[0] == 'R' ? rsa : ec, rows[i].digest, NULL, &der);
        assert_error(parse(buf_view(&der), &policy_rsa_2048), ERR_BAD_CSR, rows[i].word);
    }
}

static void set_point(EVP_PKEY *key, const char *form)
{
    assert_int_equal(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, form),
                     1);
}

static void set_explicit(EVP_PKEY *key)
{
    assert_int_equal(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, "explicit"), 1);
}

static void test_refuses_keys_by_form(void **state)
{
    AUTO(EVP_PKEY) *compressed = ec_key("P-256");
    AUTO(EVP_PKEY) *hybrid = ec_key("P-256");
    AUTO(EVP_PKEY) *explicit = ec_key("P-256");
    AUTO(EVP_PKEY) *p521 = ec_key("P-521");
    AUTO(EVP_PKEY) *koblitz = ec_key("secp256k1");
    AUTO(EVP_PKEY) *rsa_1024 = EVP_RSA_gen(1024);
    AUTO(EVP_PKEY) *rsa_2048 = EVP_RSA_gen(2048);
    set_point(compressed, "compressed");
    set_point(hybrid, "hybrid");
    set_explicit(explicit);
    const struct {
        EVP_PKEY *key;
        const struct key_policy *policy;
        const char *word;
    } rows[] = {
        {compressed, &policy_strict, "compressed"},
        {hybrid, &policy_strict, "hybrid"},
        {explicit, &policy_strict, "explicit"},
        {p521, &policy_strict, "P-521"},
        {koblitz, &policy_strict, "secp256k1"},
        {rsa_1024, &policy_rsa_2048, "1024"},
        {rsa_2048, &policy_rsa, "3072"},
        {rsa_2048, &policy_strict, "RSA keys are not accepted"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO_VAL(buf) der = {0};
        make_csr(rows[i].key, "SHA256", NULL, &der);
        assert_error(parse(buf_view(&der), rows[i].policy), ERR_UNPROCESSABLE, rows[i].word);
    }
    AUTO_VAL(buf) der = {0};
    make_csr(rsa_2048, "SHA256", NULL, &der);
    assert_ok(parse(buf_view(&der), &policy_rsa_2048));
}

/* The offset of the key's point in a P-256 request: behind the constant head of its SPKI. */
static size_t find_point(const struct buf *der)
{
    static const uint8_t head[] = {0x03, 0x42, 0x00, 0x04};
    const uint8_t *at = memmem(der->p, der->n, head, sizeof head);
    assert_non_null(at);
    return (size_t)(at - der->p) + 4;
}

static void test_refuses_a_point_off_the_curve(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(buf) der = {0};
    (void)state;
    make_csr(key, "SHA256", NULL, &der);
    der.p[find_point(&der) + 63] ^= 1;
    assert_error(parse(buf_view(&der), &policy_strict), ERR_UNPROCESSABLE, "curve");
}

static void test_refuses_a_broken_signature(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(EVP_PKEY) *other = ec_key("P-256");
    AUTO_VAL(buf) mine = {0};
    AUTO_VAL(buf) theirs = {0};
    (void)state;
    make_csr(key, "SHA256", NULL, &mine);
    mine.p[mine.n - 1] ^= 1;
    assert_error(parse(buf_view(&mine), &policy_strict), ERR_BAD_CSR, "signature does not verify");
    mine.p[mine.n - 1] ^= 1;
    mine.p[12] ^= 1; /* inside the subject's headers or text: still DER, no longer what was signed */
    err_t error = parse(buf_view(&mine), &policy_strict);
    assert_int_equal(error.code, ERR_BAD_CSR);
    mine.p[12] ^= 1;

    /* the signature of one key over the other key's request */
    make_csr(other, "SHA256", NULL, &theirs);
    memcpy(mine.p + find_point(&mine), theirs.p + find_point(&theirs), 64);
    assert_error(parse(buf_view(&mine), &policy_strict), ERR_BAD_CSR, "signature does not verify");
}

/* The same request with its outermost length in another form. */
static void with_outer_header(const struct buf *der, struct bytes header, struct bytes tail, struct buf *out)
{
    size_t skip = der->p[1] < 0x80 ? 2 : 2 + (der->p[1] & 0x7fU);
    assert_ok(buf_append_bytes(out, header));
    assert_ok(buf_append(out, der->p + skip, der->n - skip));
    assert_ok(buf_append_bytes(out, tail));
}

static void test_refuses_what_is_not_der(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(buf) padded = {0};
    AUTO_VAL(buf) indefinite = {0};
    AUTO_VAL(buf) trailing = {0};
    (void)state;
    make_csr(key, "SHA256", NULL, &der);
    size_t skip = der.p[1] < 0x80 ? 2 : 2 + (der.p[1] & 0x7fU);
    const uint8_t long_length[] = {0x30, 0x83, 0x00, (uint8_t)((der.n - skip) >> 8), (uint8_t)(der.n - skip)};
    with_outer_header(&der, BYTES_OF(long_length), BYTES_NONE, &padded);
    assert_error(parse(buf_view(&padded), &policy_strict), ERR_BAD_CSR, "DER");
    with_outer_header(&der, bytes_str("\x30\x80"), BYTES_OF(((uint8_t[]){0, 0})), &indefinite);
    assert_error(parse(buf_view(&indefinite), &policy_strict), ERR_BAD_CSR, "DER");
    assert_ok(buf_append(&trailing, der.p, der.n));
    assert_ok(buf_append(&trailing, "\0", 1));
    assert_error(parse(buf_view(&trailing), &policy_strict), ERR_BAD_CSR, "1 bytes follow");
    for (size_t n = 0; n < der.n; n++) {
        err_t error = parse((struct bytes){der.p, n}, &policy_strict);
        assert_int_equal(error.code, ERR_BAD_CSR);
    }
}

static void test_refuses_too_much(void **state)
{
    AUTO_VAL(buf) big = {0};
    (void)state;
    assert_ok(buf_reserve(&big, 16385));
    memset(big.p, 0x30, 16385);
    big.n = 16385;
    assert_error(parse(buf_view(&big), &policy_strict), ERR_BAD_CSR, "16385");
    assert_error(parse(BYTES_NONE, &policy_strict), ERR_BAD_CSR, "empty");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts_each_kind_of_key),
        cmocka_unit_test(test_finds_names_and_challenge),
        cmocka_unit_test(test_refuses_bad_attributes),
        cmocka_unit_test(test_refuses_another_version),
        cmocka_unit_test(test_refuses_two_challenges),
        cmocka_unit_test(test_refuses_a_default_that_is_spelt_out),
        cmocka_unit_test(test_refuses_weak_digests),
        cmocka_unit_test(test_refuses_keys_by_form),
        cmocka_unit_test(test_refuses_a_point_off_the_curve),
        cmocka_unit_test(test_refuses_a_broken_signature),
        cmocka_unit_test(test_refuses_what_is_not_der),
        cmocka_unit_test(test_refuses_too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
