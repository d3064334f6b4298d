/* cms_sign.c, digest_sign.c, code_certificate.c: signatures of keys of the keystore, in pieces and whole,
 * under certificates made for them. */
#include "tests/unit/pki/pki_fixture.h"

#include "pki/boot_cms.h"
#include "pki/certificate.h"
#include "pki/cms_sign.h"
#include "pki/code_certificate.h"
#include "pki/digest_sign.h"

static const int64_t now_ms = 1800000000000;

struct scene {
    struct test_folder folder;
    struct keystore *keystore;
    struct private_key *key;
    struct buf certificate, spki;
};

static void scene_init(struct scene *s, enum key_alg alg)
{
    AUTO(char) *path = NULL;
    *s = (struct scene){.keystore = NULL};
    test_folder_init(&s->folder);
    assert_ok(path_join(s->folder.path, "keys", &path));
    assert_ok(keystore_open_files(path, bytes_str("sixteen bytes or more"), random_system(), &s->keystore));
    assert_ok(keystore_generate(s->keystore, "fw-1", alg, &s->key));
    const struct code_subject subject = {.common_name = "signer",
                                         .not_before_ms = now_ms - 1000,
                                         .not_after_ms = now_ms + 86400000,
                                         .random = random_system()};
    assert_ok(code_certificate_make(s->key, &subject, &s->certificate));
    assert_ok(private_key_spki(s->key, &s->spki));
}

static void scene_clear(struct scene *s)
{
    private_key_free(s->key);
    keystore_free(s->keystore);
    buf_clear(&s->certificate);
    buf_clear(&s->spki);
    test_folder_clear(&s->folder);
}
DEFINE_AUTO_VAL(scene, scene_clear);

static void sign_pieces(const struct scene *s, struct bytes text, bool is_detached, struct buf *der)
{
    AUTO_PTR(cms_signing) *signing = NULL;
    const struct cms_order order = {
        .key = s->key, .certificate = buf_view(&s->certificate), .at_ms = now_ms, .is_detached = is_detached};
    assert_ok(cms_signing_new(&order, &signing));
    for (size_t i = 0; i < text.n; i += 7) {
        size_t n = text.n - i < 7 ? text.n - i : 7;
        assert_ok(cms_signing_add(signing, (struct bytes){text.p + i, n}));
    }
    assert_ok(cms_signing_finish(signing, der));
}

static void a_signature_in_pieces_holds_over_the_whole(void **state)
{
    (void)state;
    static const enum key_alg algs[] = {KEY_ALG_P256, KEY_ALG_P384, KEY_ALG_RSA};
    struct bytes text = bytes_str("software = { version = \"1\"; };\r\n\n and more of it");
    struct bytes other = bytes_str("software = { version = \"2\"; };\r\n\n and more of it");
    for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++) {
        AUTO_VAL(scene) s;
        AUTO_VAL(buf) detached = {0};
        AUTO_VAL(buf) whole = {0};
        struct sha256 digest;
        scene_init(&s, algs[i]);
        sign_pieces(&s, text, true, &detached);
        const struct byte_source source = byte_source_of(&text);
        const struct byte_source wrong = byte_source_of(&other);
        struct boot_cms cms = {
            .cms = buf_view(&detached), .region = {&source, 0, source.size}, .now_ms = now_ms};
        assert_ok(boot_cms_verify(&cms, buf_view(&s.certificate)));
        cms.region.bytes = &wrong;
        assert_int_equal(boot_cms_verify(&cms, buf_view(&s.certificate)).code, ERR_UNPROCESSABLE);
        sign_pieces(&s, text, false, &whole);
        assert_ok(sha256_of(text, &digest));
        cms = (struct boot_cms){
            .cms = buf_view(&whole), .content_digest = BYTES_OF(digest.b), .now_ms = now_ms};
        assert_ok(boot_cms_verify(&cms, buf_view(&s.certificate)));
    }
}

static void a_certificate_of_another_key_signs_nothing(void **state)
{
    (void)state;
    AUTO_VAL(scene) s;
    AUTO_VAL(scene) other;
    AUTO_PTR(cms_signing) *signing = NULL;
    AUTO_VAL(buf) pem = {0};
    AUTO_VAL(buf) taken = {0};
    scene_init(&s, KEY_ALG_P256);
    scene_init(&other, KEY_ALG_P256);
    const struct cms_order order = {.key = s.key, .certificate = buf_view(&other.certificate)};
    assert_error(cms_signing_new(&order, &signing), ERR_UNPROCESSABLE, "another key");
    assert_ok(certificate_to_pem(buf_view(&other.certificate), &pem));
    assert_error(code_certificate_take(buf_view(&pem), buf_view(&s.spki), now_ms, &taken), ERR_UNPROCESSABLE,
                 "another key");
    assert_error(code_certificate_take(buf_view(&pem), buf_view(&other.spki), now_ms + 2 * 86400000, &taken),
                 ERR_UNPROCESSABLE, "not good at this time");
    assert_error(code_certificate_take(bytes_str("x"), buf_view(&s.spki), now_ms, &taken), ERR_UNPROCESSABLE,
                 "a certificate is needed");
    assert_ok(code_certificate_take(buf_view(&pem), buf_view(&other.spki), now_ms, &taken));
    assert_true(bytes_equal(buf_view(&taken), buf_view(&other.certificate)));
}

static void kinds_of_keys_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    AUTO_VAL(scene) p384;
    AUTO_VAL(scene) p256;
    AUTO_VAL(buf) signature = {0};
    uint8_t raw[ECDSA_P256_RAW_SIZE];
    struct sha256 digest;
    struct bytes text = bytes_str("text");
    scene_init(&p384, KEY_ALG_P384);
    scene_init(&p256, KEY_ALG_P256);
    assert_ok(sha256_of(text, &digest));
    assert_error(digest_sign(p384.key, &digest, &signature), ERR_UNPROCESSABLE, "curve");
    assert_error(text_sign_raw(p384.key, text, raw), ERR_UNPROCESSABLE, "P-256");
    assert_error(text_sign_ed25519(p256.key, text, &signature), ERR_UNPROCESSABLE, "Ed25519");
    assert_error(text_verify_raw(buf_view(&p384.spki), text, raw), ERR_UNPROCESSABLE, "P-256");
    assert_ok(text_sign_raw(p256.key, text, raw));
    assert_ok(text_verify_raw(buf_view(&p256.spki), text, raw));
    for (size_t i = 0; i < sizeof raw; i++) {
        raw[i] ^= 1;
        assert_error(text_verify_raw(buf_view(&p256.spki), text, raw), ERR_FORBIDDEN, "does not hold");
        raw[i] ^= 1;
    }
    memset(raw, 0, sizeof raw);
    assert_error(text_verify_raw(buf_view(&p256.spki), text, raw), ERR_FORBIDDEN, "does not hold");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_in_pieces_holds_over_the_whole),
        cmocka_unit_test(a_certificate_of_another_key_signs_nothing),
        cmocka_unit_test(kinds_of_keys_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
