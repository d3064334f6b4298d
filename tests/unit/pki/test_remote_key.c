/* Keys whose private half is in another process sign everything that keys of this one do: certificates and
 * CRLs, CMS in pieces, digests, texts, requests. */
#include "tests/unit/pki/signer_fixture.h"

#include <openssl/cms.h>

#include "pki/authority_succession.h"
#include "pki/boot_cms.h"
#include "pki/cms_sign.h"
#include "pki/code_certificate.h"
#include "pki/digest_sign.h"

static const int64_t now_ms = 1800000000000;
static const int64_t day_ms = 86400000;

static void sign_cms(const struct private_key *key, struct buf *der)
{
    AUTO_VAL(buf) certificate = {0};
    AUTO_PTR(cms_signing) *signing = NULL;
    const struct code_subject subject = {.common_name = "signer",
                                         .not_before_ms = now_ms - 1000,
                                         .not_after_ms = now_ms + day_ms,
                                         .random = random_system()};
    assert_ok(code_certificate_make(key, &subject, &certificate));
    const struct cms_order order = {.key = key, .certificate = buf_view(&certificate), .at_ms = now_ms};
    assert_ok(cms_signing_new(&order, &signing));
    assert_ok(cms_signing_add(signing, bytes_str("what is signed")));
    assert_ok(cms_signing_finish(signing, der));
}

static void check_cms(struct bytes der)
{
    const unsigned char *at = der.p;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)der.n);
    assert_non_null(cms);
    assert_int_equal(CMS_verify(cms, NULL, NULL, NULL, NULL, CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY), 1);
    CMS_ContentInfo_free(cms);
}

static void keys_of_firmware_sign_cms_digests_and_requests(void **state)
{
    static const enum key_alg algs[] = {KEY_ALG_P256, KEY_ALG_P384, KEY_ALG_RSA};
    AUTO_VAL(signer_scene) s;
    (void)state;
    signer_scene_init(&s);
    assert_ok(signer_open(&s, "good", 2, 20000));
    for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++) {
        char label[16];
        AUTO_PTR(private_key) *key = NULL;
        AUTO_VAL(buf) cms = {0};
        AUTO_VAL(buf) request = {0};
        AUTO_VAL(buf) signature = {0};
        struct sha256 digest = {.b = {1, 2, 3}};
        (void)snprintf(label, sizeof label, "fw-%zu", i);
        assert_ok(keystore_generate(s.keystore, label, algs[i], &key));
        sign_cms(key, &cms);
        check_cms(buf_view(&cms));
        assert_ok(code_request_make(key, "a request", &request));
        if (algs[i] != KEY_ALG_P384) {
            assert_ok(digest_sign(key, &digest, &signature)); /* which proves it */
        }
    }
}

static void ed25519_signs_texts_and_raw_pairs_come_from_p256(void **state)
{
    AUTO_VAL(signer_scene) s;
    AUTO_PTR(private_key) *edwards = NULL;
    AUTO_PTR(private_key) *p256 = NULL;
    AUTO_VAL(buf) signature = {0};
    uint8_t pair[ECDSA_P256_RAW_SIZE];
    (void)state;
    signer_scene_init(&s);
    assert_ok(signer_open(&s, "good", 1, 20000));
    assert_ok(keystore_generate(s.keystore, "fw-ed", KEY_ALG_ED25519, &edwards));
    assert_ok(keystore_generate(s.keystore, "fw-ec", KEY_ALG_P256, &p256));
    assert_ok(text_sign_ed25519(edwards, bytes_str("a text"), &signature));
    assert_ok(text_sign_raw(p256, bytes_str("a text"), pair));
    assert_ok(text_verify_raw(buf_view(&p256->spki), bytes_str("a text"), pair));
}

/* --- authorities ------------------------------------------------------------------------------------ */

static struct authority_spec spec_of(const char *id, enum authority_role role)
{
    return (struct authority_spec){.id = id,
                                   .role = role,
                                   .organisation = "Test",
                                   .not_before_ms = now_ms,
                                   .not_after_ms = now_ms + 3650 * day_ms,
                                   .publication = {.public_url = "http://localhost"}};
}

static void make_root(struct keystore *keystore, struct authority **out)
{
    const uint8_t serial[SERIAL_SIZE] = {1, 2};
    const struct authority_spec spec = spec_of("root", AUTHORITY_ROOT);
    struct private_key *key = NULL;
    AUTO_VAL(buf) der = {0};
    assert_ok(keystore_generate(keystore, "ca-root", KEY_ALG_P256, &key));
    assert_ok(authority_make_root(&spec, key, serial, &der));
    assert_ok(authority_load("root", AUTHORITY_ROOT, buf_view(&der), key, out));
}

static void make_device(struct keystore *keystore, const struct authority *root, struct authority **out)
{
    const uint8_t serial[SERIAL_SIZE] = {1, 3};
    const struct authority_spec spec = spec_of("device", AUTHORITY_DEVICE);
    struct private_key *key = NULL;
    AUTO_VAL(buf) der = {0};
    assert_ok(keystore_generate(keystore, "ca-device", KEY_ALG_P256, &key));
    assert_ok(authority_make_request(&spec, key, NULL, &der));
    buf_clear(&der);
    assert_ok(authority_make_issuing(&spec, key, root, serial, &der));
    assert_ok(authority_load("device", AUTHORITY_DEVICE, buf_view(&der), key, out));
}

static void authorities_make_each_other_and_sign_crls(void **state)
{
    AUTO_VAL(signer_scene) s;
    AUTO_PTR(authority) *root = NULL;
    AUTO_PTR(authority) *device = NULL;
    AUTO_PTR(private_key) *again = NULL;
    AUTO_VAL(buf) crl = {0};
    AUTO_VAL(buf) signature = {0};
    struct sha256 digest = {.b = {1}};
    const struct crl_entry entry = {.serial = {1, 9}, .revoked_at_ms = now_ms, .reason = 1};
    const struct crl_spec spec = {.number = 1,
                                  .this_update_ms = now_ms,
                                  .next_update_ms = now_ms + day_ms,
                                  .entries = &entry,
                                  .count = 1};
    (void)state;
    signer_scene_init(&s);
    assert_ok(signer_open(&s, "good", 2, 20000));
    make_root(s.keystore, &root);
    make_device(s.keystore, root, &device);
    assert_ok(authority_sign_crl(root, &spec, &crl));
    crl.n = 0;
    assert_ok(authority_sign_crl(device, &spec, &crl));
    /* neither any text nor a digest; not destroyed either */
    assert_ok(keystore_load(s.keystore, "ca-device", &again));
    assert_error(private_key_sign(again, bytes_str("any text"), &signature), ERR_SIGNER_REFUSED,
                 "refuses key ca-device");
    assert_error(digest_sign(again, &digest, &signature), ERR_SIGNER_REFUSED, "no digests");
    assert_error(keystore_forget(s.keystore, "ca-device"), ERR_FORBIDDEN, "not destroyed");
    assert_true(keystore_has(s.keystore, "ca-device"));
    assert_int_equal(signature.n, 0);
    struct signer_status status;
    assert_true(keystore_signer_status(s.keystore, &status));
    assert_int_equal(status.outcomes[SIGNER_REFUSED],
                     2); /* not: to be destroyed, which honest ones ask too */
    assert_non_null(strstr(status.refused, "ca-device: an authority signs what can be read"));
    assert_true(status.is_up);
}

/* Its certificate is its own for good: the server cannot tell the next process another story. */
static void a_ca_key_is_held_to_its_certificate(void **state)
{
    AUTO_VAL(signer_scene) s;
    AUTO_PTR(authority) *root = NULL;
    AUTO_PTR(authority) *device = NULL;
    AUTO_PTR(authority) *other = NULL;
    AUTO_VAL(buf) der = {0};
    AUTO_PTR(private_key) *pair = NULL;
    struct private_key *key = NULL;
    const uint8_t serial[SERIAL_SIZE] = {1, 7};
    (void)state;
    signer_scene_init(&s);
    assert_ok(signer_open(&s, "good", 1, 20000));
    make_root(s.keystore, &root);
    make_device(s.keystore, root, &device);
    keystore_free(TAKE(s.keystore));
    /* a certificate of another name for the same key, by a root that the server made up */
    const struct authority_spec wide = {.id = "device",
                                        .role = AUTHORITY_INFRASTRUCTURE,
                                        .organisation = "Mallory",
                                        .not_before_ms = now_ms,
                                        .not_after_ms = now_ms + 3650 * day_ms,
                                        .publication = {.public_url = "http://localhost"}};
    const struct authority_spec spec = spec_of("mine", AUTHORITY_ROOT);
    AUTO_PTR(authority) *mine = NULL;
    assert_ok(private_key_take(ec_key("P-256"), &pair));
    assert_ok(authority_make_root(&spec, pair, serial, &der));
    assert_ok(authority_load("mine", AUTHORITY_ROOT, buf_view(&der), TAKE(pair), &mine));
    assert_ok(signer_open(&s, "good", 1, 20000));
    assert_ok(keystore_load(s.keystore, "ca-device", &key));
    buf_clear(&der);
    assert_ok(authority_make_issuing(&wide, key, mine, serial, &der));
    assert_error(authority_load("device", AUTHORITY_INFRASTRUCTURE, buf_view(&der), key, &other),
                 ERR_SIGNER_REFUSED, "is held to");
    /* its own is welcome again */
    assert_ok(keystore_load(s.keystore, "ca-device", &key));
    assert_ok(authority_load("device", AUTHORITY_DEVICE, authority_borrow_der(device), key, &other));
}

static void what_was_just_made_may_be_forgotten(void **state)
{
    AUTO_VAL(signer_scene) s;
    AUTO_PTR(private_key) *key = NULL;
    AUTO_PTR(private_key) *again = NULL;
    AUTO_VAL(buf) signature = {0};
    struct secret secret = {.bytes = {0}};
    (void)state;
    signer_scene_init(&s);
    assert_ok(signer_open(&s, "good", 1, 20000));
    assert_ok(keystore_generate(s.keystore, "fw-1", KEY_ALG_P256, &key));
    assert_error(keystore_generate(s.keystore, "fw-1", KEY_ALG_P256, &again), ERR_CONFLICT, "exists");
    assert_ok(keystore_forget(s.keystore, "fw-1"));
    assert_false(keystore_has(s.keystore, "fw-1"));
    assert_error(keystore_load(s.keystore, "fw-1", &again), ERR_NOT_FOUND, "");
    assert_error(private_key_sign(key, bytes_str("a text"), &signature), ERR_CRYPTO, "");
    assert_error(keystore_generate(s.keystore, "tls-server", KEY_ALG_P256, &again), ERR_SIGNER_REFUSED,
                 "neither");
    assert_error(keystore_load(s.keystore, "../x", &again), ERR_UNPROCESSABLE, "label");
    assert_error(keystore_secret(s.keystore, "owner-salt", &secret), ERR_INTERNAL, "no secrets");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_firmware_sign_cms_digests_and_requests),
        cmocka_unit_test(ed25519_signs_texts_and_raw_pairs_come_from_p256),
        cmocka_unit_test(authorities_make_each_other_and_sign_crls),
        cmocka_unit_test(a_ca_key_is_held_to_its_certificate),
        cmocka_unit_test(what_was_just_made_may_be_forgotten),
    };
    return is_signer_child(argc, argv) ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
