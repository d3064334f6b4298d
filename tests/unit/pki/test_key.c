/* Public keys: the forms that are accepted, a reason for each that is not, and the plain verification of the
 * challenge protocol. */
#include "tests/unit/pki/pki_fixture.h"

#include "pki/der.h"

static err_t check(struct bytes spki, const struct key_policy *policy)
{
    struct key_info info;
    return key_check_spki(spki, policy, &info);
}

static EVP_PKEY *key_of(const char *type)
{
    return strncmp(type, "RSA", 3) == 0
               ? EVP_RSA_gen(3072)
               : EVP_PKEY_Q_keygen(NULL, NULL, strncmp(type, "ED", 2) == 0 || type[0] == 'X' ? type : "EC",
                                   type);
}

static void test_accepts(void **state)
{
    static const struct {
        const char *type;
        enum key_alg alg;
        int bits;
    } rows[] = {{"P-256", KEY_ALG_P256, 256},
                {"P-384", KEY_ALG_P384, 384},
                {"ED25519", KEY_ALG_ED25519, 256},
                {"RSA", KEY_ALG_RSA, 3072}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO(EVP_PKEY) *key = key_of(rows[i].type);
        AUTO_VAL(buf) spki = {0};
        struct key_info info;
        uint8_t hash[32];
        spki_of(key, &spki);
        assert_ok(key_check_spki(buf_view(&spki), &policy_rsa, &info));
        assert_int_equal(info.alg, rows[i].alg);
        assert_int_equal(info.bits, rows[i].bits);
        assert_int_equal(EVP_Digest(spki.p, spki.n, hash, NULL, EVP_sha256(), NULL), 1);
        assert_memory_equal(info.spki_sha256.b, hash, 32);
    }
}

static void test_refuses_other_kinds(void **state)
{
    static const struct {
        const char *type, *word;
    } rows[] = {{"P-521", "P-521"},          {"P-224", "P-224"},
                {"secp256k1", "secp256k1"},  {"brainpoolP256r1", "brainpoolP256r1"},
                {"secp160r1", "this curve"}, {"X25519", "cannot sign"},
                {"X448", "cannot sign"},     {"ED448", "Ed448"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO(EVP_PKEY) *key = key_of(rows[i].type);
        AUTO_VAL(buf) spki = {0};
        spki_of(key, &spki);
        assert_error(check(buf_view(&spki), &policy_rsa_2048), ERR_UNPROCESSABLE, rows[i].word);
    }
}

static void test_refuses_dsa(void **state)
{
    AUTO(EVP_PKEY_CTX) *parameters = EVP_PKEY_CTX_new_from_name(NULL, "DSA", NULL);
    AUTO(EVP_PKEY) *domain = NULL;
    AUTO(EVP_PKEY) *key = NULL;
    AUTO_VAL(buf) spki = {0};
    (void)state;
    assert_int_equal(EVP_PKEY_paramgen_init(parameters), 1);
    assert_int_equal(EVP_PKEY_paramgen(parameters, &domain), 1);
    AUTO(EVP_PKEY_CTX) *generator = EVP_PKEY_CTX_new_from_pkey(NULL, domain, NULL);
    assert_int_equal(EVP_PKEY_keygen_init(generator), 1);
    assert_int_equal(EVP_PKEY_keygen(generator, &key), 1);
    spki_of(key, &spki);
    assert_error(check(buf_view(&spki), &policy_rsa_2048), ERR_UNPROCESSABLE, "DSA");
}

/* An EC key by hand: the point's first byte and size as the row says. */
static void ec_spki(uint8_t form, size_t coordinate_bytes, struct buf *out)
{
    static const uint8_t algorithm[] = {0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                                        0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    uint8_t point[128] = {form};
    struct der_writer w = der_writer(out);
    size_t outer = der_open(&w, DER_SEQUENCE);
    der_put_raw(&w, BYTES_OF(algorithm));
    der_put_bits(&w, (struct bytes){point, 1 + coordinate_bytes});
    der_close(&w, outer);
    assert_ok(der_finish(&w));
}

static void test_refuses_points(void **state)
{
    static const struct {
        uint8_t form;
        size_t size;
        const char *word;
    } rows[] = {{0x02, 32, "compressed"}, {0x03, 32, "compressed"}, {0x06, 64, "hybrid"},
                {0x07, 64, "hybrid"},     {0x04, 63, "size"},       {0x04, 65, "size"},
                {0x00, 0, "size"},        {0x05, 64, "size"},       {0x04, 64, "not lie on the curve"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO_VAL(buf) spki = {0};
        ec_spki(rows[i].form, rows[i].size, &spki);
        assert_error(check(buf_view(&spki), &policy_strict), ERR_UNPROCESSABLE, rows[i].word);
    }
}

static void test_refuses_unnamed_curves(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(buf) explicit = {0};
    (void)state;
    assert_int_equal(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, "explicit"), 1);
    spki_of(key, &explicit);
    assert_error(check(buf_view(&explicit), &policy_strict), ERR_UNPROCESSABLE, "explicit");
}

/* An RSA key by hand: modulus of `bits` bits, its last byte and the exponent as the row says. */
static void rsa_spki(size_t bits, uint8_t last, uint64_t exponent, struct buf *out)
{
    static const uint8_t algorithm[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                        0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};
    AUTO_VAL(buf) key = {0};
    uint8_t modulus[1024];
    memset(modulus, 0x5a, sizeof modulus);
    size_t size = (bits + 7) / 8;
    modulus[0] = (uint8_t)(0x80 >> (8 * size - bits));
    modulus[size - 1] = last;
    struct der_writer k = der_writer(&key);
    size_t pair = der_open(&k, DER_SEQUENCE);
    der_put_unsigned(&k, DER_INTEGER, (struct bytes){modulus, size});
    der_put_int64(&k, DER_INTEGER, (int64_t)exponent);
    der_close(&k, pair);
    assert_ok(der_finish(&k));
    struct der_writer w = der_writer(out);
    size_t outer = der_open(&w, DER_SEQUENCE);
    der_put_raw(&w, BYTES_OF(algorithm));
    der_put_bits(&w, buf_view(&key));
    der_close(&w, outer);
    assert_ok(der_finish(&w));
}

static void test_rsa_policy(void **state)
{
    static const struct {
        size_t bits;
        uint8_t last;
        uint64_t exponent;
        const struct key_policy *policy;
        const char *word; /* NULL: accepted */
    } rows[] = {
        {3072, 1, 65537, &policy_rsa, NULL},
        {4096, 1, 3, &policy_rsa, NULL},
        {3072, 1, 0xffffffff, &policy_rsa, NULL},
        {2048, 1, 65537, &policy_rsa_2048, NULL},
        {3072, 1, 65537, &policy_strict, "not accepted"},
        {3071, 1, 65537, &policy_rsa, "3071"},
        {2048, 1, 65537, &policy_rsa, "2048"},
        {2047, 1, 65537, &policy_rsa_2048, "2047"},
        {1024, 1, 65537, &policy_rsa_2048, "1024"},
        {4097, 1, 65537, &policy_rsa, "4097"},
        {8192, 1, 65537, &policy_rsa, "8192"},
        {3072, 2, 65537, &policy_rsa, "modulus is even"},
        {3072, 1, 65536, &policy_rsa, "exponent is even"},
        {3072, 1, 1, &policy_rsa, "exponent"},
        {3072, 1, 0x100000001, &policy_rsa, "exponent"},
        {3072, 1, 0x7fffffffffffffff, &policy_rsa, "exponent"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO_VAL(buf) spki = {0};
        rsa_spki(rows[i].bits, rows[i].last, rows[i].exponent, &spki);
        if (rows[i].word == NULL) {
            assert_ok(check(buf_view(&spki), rows[i].policy));
        } else {
            assert_error(check(buf_view(&spki), rows[i].policy), ERR_UNPROCESSABLE, rows[i].word);
        }
    }
}

static void test_refuses_other_encodings(void **state)
{
    AUTO(EVP_PKEY) *key = key_of("ED25519");
    AUTO_VAL(buf) spki = {0};
    AUTO_VAL(buf) longer = {0};
    (void)state;
    spki_of(key, &spki);
    assert_ok(buf_append_bytes(&longer, buf_view(&spki)));
    assert_ok(buf_append(&longer, "\0", 1));
    assert_error(check(buf_view(&longer), &policy_strict), ERR_BAD_ENCODING, "follow");
    for (size_t n = 0; n < spki.n; n++) {
        assert_error(check((struct bytes){spki.p, n}, &policy_strict), ERR_BAD_ENCODING, "");
    }
    /* Ed25519 with NULL parameters (RFC 8410 §3 forbids them) */
    static const uint8_t head[] = {0x30, 0x2c, 0x30, 0x07, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x05, 0x00};
    AUTO_VAL(buf) parameters = {0};
    assert_ok(buf_append(&parameters, head, sizeof head));
    assert_ok(buf_append(&parameters, spki.p + 9, spki.n - 9));
    assert_error(check(buf_view(&parameters), &policy_strict), ERR_UNPROCESSABLE, "parameters");
}

static void test_verifies(void **state)
{
    static const struct {
        const char *type, *digest, *wrong;
    } rows[] = {{"P-256", "SHA256", "SHA384"},
                {"P-384", "SHA384", "SHA256"},
                {"RSA", "SHA256", "SHA1"},
                {"ED25519", NULL, NULL}};
    struct bytes text = bytes_str("WHORL-POP-v1");
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO(EVP_PKEY) *key = key_of(rows[i].type);
        AUTO_VAL(buf) spki = {0};
        spki_of(key, &spki);
        const char *const digests[] = {rows[i].digest, rows[i].wrong};
        for (size_t j = 0; j < (rows[i].digest == NULL ? 1 : 2); j++) {
            AUTO(EVP_MD_CTX) *context = EVP_MD_CTX_new();
            uint8_t signature[512];
            size_t size = sizeof signature;
            assert_int_equal(EVP_DigestSignInit_ex(context, NULL, digests[j], NULL, NULL, key, NULL), 1);
            assert_int_equal(EVP_DigestSign(context, signature, &size, text.p, text.n), 1);
            struct bytes made = {signature, size};
            if (j == 1) {
                assert_error(key_verify(buf_view(&spki), text, made), ERR_POP_FAILED, "does not verify");
                continue;
            }
            assert_ok(key_verify(buf_view(&spki), text, made));
            assert_error(key_verify(buf_view(&spki), bytes_str("WHORL-POP-v2"), made), ERR_POP_FAILED,
                         "does not verify");
            assert_error(key_verify(buf_view(&spki), text, BYTES_NONE), ERR_POP_FAILED, "does not verify");
            signature[size - 1] ^= 1;
            assert_error(key_verify(buf_view(&spki), text, made), ERR_POP_FAILED, "does not verify");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),
        cmocka_unit_test(test_refuses_other_kinds),
        cmocka_unit_test(test_refuses_dsa),
        cmocka_unit_test(test_refuses_points),
        cmocka_unit_test(test_refuses_unnamed_curves),
        cmocka_unit_test(test_rsa_policy),
        cmocka_unit_test(test_refuses_other_encodings),
        cmocka_unit_test(test_verifies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
