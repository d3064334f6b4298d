/* Boot keys: reading, naming, and bare signatures over digests and over what comes in pieces. */
#include "tests/unit/pki/pki_fixture.h"

#include "pki/boot_key.h"

#include <openssl/rsa.h>

static EVP_PKEY *ed25519_key(void)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    assert_non_null(key);
    return key;
}

static void sign(EVP_PKEY *key, const EVP_MD *digest, bool is_pss, struct bytes text, struct buf *out)
{
    AUTO(EVP_MD_CTX) *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *options = NULL;
    size_t size = 512;
    assert_int_equal(EVP_DigestSignInit(context, &options, digest, NULL, key), 1);
    if (is_pss) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(options, 32), 1);
    }
    out->n = 0;
    assert_ok(buf_reserve(out, size));
    assert_int_equal(EVP_DigestSign(context, out->p, &size, text.p, text.n), 1);
    out->n = size;
}

static bool region_holds(EVP_PKEY *key, struct bytes text, size_t from, size_t size, struct bytes signature)
{
    AUTO_VAL(buf) spki = {0};
    bool is_good = false;
    const struct byte_source source = byte_source_of(&text);
    const struct byte_region region = {&source, (int64_t)from, (int64_t)size};
    spki_of(key, &spki);
    assert_ok(boot_key_holds_region(buf_view(&spki), &region, signature, &is_good));
    return is_good;
}

/* What OpenSSL signs, of sizes around a piece. */
static void ed25519_holds_over_pieces(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 16383, 16384, 16385, 70000};
    AUTO(EVP_PKEY) *key = ed25519_key();
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) signature = {0};
    for (size_t i = 0; i < 70100; i++) {
        const uint8_t byte = (uint8_t)(i * 7 + i / 256);
        assert_ok(buf_append(&text, &byte, 1));
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        sign(key, NULL, false, (struct bytes){text.p + 3, sizes[i]}, &signature);
        assert_true(region_holds(key, buf_view(&text), 3, sizes[i], buf_view(&signature)));
        assert_false(region_holds(key, buf_view(&text), 4, sizes[i] + 1, buf_view(&signature)));
        for (size_t at = 0; at < 64; at += 9) {
            signature.p[at] ^= 1;
            assert_false(region_holds(key, buf_view(&text), 3, sizes[i], buf_view(&signature)));
            signature.p[at] ^= 1;
        }
    }
    assert_false(region_holds(key, buf_view(&text), 3, 1, (struct bytes){signature.p, 63}));
}

static void ed25519_judges_as_openssl_does(void **state)
{
    (void)state;
    for (int round = 0; round < 40; round++) {
        AUTO(EVP_PKEY) *key = ed25519_key();
        AUTO_VAL(buf) signature = {0};
        uint8_t text[16];
        assert_ok(random_fill(random_system(), text, sizeof text));
        sign(key, NULL, false, BYTES_OF(text), &signature);
        if (round % 2 == 1) {
            uint8_t place = 0;
            assert_ok(random_fill(random_system(), &place, 1));
            signature.p[place % 64] ^= (uint8_t)(1U << place % 8);
        }
        AUTO(EVP_MD_CTX) *context = EVP_MD_CTX_new();
        assert_int_equal(EVP_DigestVerifyInit(context, NULL, NULL, NULL, key), 1);
        bool is_good = EVP_DigestVerify(context, signature.p, signature.n, text, sizeof text) == 1;
        assert_int_equal(region_holds(key, BYTES_OF(text), 0, sizeof text, buf_view(&signature)), is_good);
    }
    openssl_forget_errors();
}

/* S + L is the same number for a careless reader (RFC 8032 §5.1.7: decode S as below L). */
static void ed25519_takes_one_form_of_s(void **state)
{
    (void)state;
    static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                                      0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                                      0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
    AUTO(EVP_PKEY) *key = ed25519_key();
    AUTO_VAL(buf) signature = {0};
    struct bytes text = bytes_str("once");
    sign(key, NULL, false, text, &signature);
    assert_true(region_holds(key, text, 0, text.n, buf_view(&signature)));
    unsigned carry = 0;
    for (size_t i = 0; i < 32; i++) {
        carry += (unsigned)signature.p[32 + i] + order[i];
        signature.p[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_false(region_holds(key, text, 0, text.n, buf_view(&signature)));
}

static void the_others_hold_over_regions(void **state)
{
    (void)state;
    AUTO(EVP_PKEY) *p256 = ec_key("P-256");
    AUTO(EVP_PKEY) *p384 = ec_key("P-384");
    AUTO(EVP_PKEY) *rsa = EVP_RSA_gen(2048);
    const struct {
        EVP_PKEY *key;
        const EVP_MD *digest;
        bool is_pss, is_good;
    } rows[] = {{p256, EVP_sha256(), false, true}, {p384, EVP_sha384(), false, true},
                {rsa, EVP_sha256(), false, true},  {rsa, EVP_sha256(), true, true},
                {p256, EVP_sha1(), false, false},  {p384, EVP_sha256(), false, false},
                {rsa, EVP_sha1(), false, false}};
    struct bytes text = bytes_str("what is signed");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO_VAL(buf) signature = {0};
        sign(rows[i].key, rows[i].digest, rows[i].is_pss, text, &signature);
        assert_int_equal(region_holds(rows[i].key, text, 0, text.n, buf_view(&signature)), rows[i].is_good);
        assert_false(region_holds(rows[i].key, text, 1, text.n - 1, buf_view(&signature)));
        assert_false(region_holds(p256 == rows[i].key ? p384 : p256, text, 0, text.n, buf_view(&signature)));
    }
}

static err_t fails(void *context, int64_t at, uint8_t *out, size_t n)
{
    (void)context;
    (void)at;
    (void)out;
    (void)n;
    return ERR(ERR_IO, "the disk is gone");
}

static void errors_of_the_source_come_through(void **state)
{
    (void)state;
    AUTO(EVP_PKEY) *ed25519 = ed25519_key();
    AUTO(EVP_PKEY) *p256 = ec_key("P-256");
    EVP_PKEY *const keys[] = {ed25519, p256};
    const struct byte_source source = {.read = fails, .size = 100};
    const struct byte_region region = {&source, 0, 100}, beyond = {&source, 0, 101};
    for (size_t i = 0; i < 2; i++) {
        AUTO_VAL(buf) spki = {0};
        bool is_good = true;
        uint8_t signature[64] = {0};
        spki_of(keys[i], &spki);
        assert_error(boot_key_holds_region(buf_view(&spki), &region, BYTES_OF(signature), &is_good), ERR_IO,
                     "gone");
        assert_false(is_good);
        assert_error(boot_key_holds_region(buf_view(&spki), &beyond, BYTES_OF(signature), &is_good),
                     ERR_UNPROCESSABLE, "behind the end");
    }
}

static void keys_are_read_in_every_form(void **state)
{
    (void)state;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(EVP_PKEY) *curve = ec_key("P-521");
    AUTO_VAL(buf) spki = {0};
    AUTO_VAL(buf) other = {0};
    AUTO_VAL(buf) out = {0};
    struct key_info info;
    spki_of(key, &spki);
    spki_of(curve, &other);
    assert_ok(boot_key_read(buf_view(&spki), &out, &info));
    assert_true(bytes_equal(buf_view(&spki), buf_view(&out)) && info.alg == KEY_ALG_P256);
    assert_error(boot_key_read(buf_view(&other), &out, &info), ERR_UNPROCESSABLE, "P-521");
    static const char *const bad[] = {"", "words", "\x30\x00", "-----BEGIN PUBLIC KEY-----\nMAA=\n",
                                      "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_error(boot_key_read(bytes_str(bad[i]), &out, &info), ERR_UNPROCESSABLE, "");
        assert_error(boot_certificate_read(bytes_str(bad[i]), &out), ERR_UNPROCESSABLE, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ed25519_holds_over_pieces),         cmocka_unit_test(ed25519_judges_as_openssl_does),
        cmocka_unit_test(ed25519_takes_one_form_of_s),       cmocka_unit_test(the_others_hold_over_regions),
        cmocka_unit_test(errors_of_the_source_come_through), cmocka_unit_test(keys_are_read_in_every_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
