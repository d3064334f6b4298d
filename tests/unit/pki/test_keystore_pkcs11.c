/* Keys in a token: made there, found again by another process's eyes, used by authorities, CMS and digests,
 * and gone when they are forgotten; a house that is mixed. */
#include "tests/unit/pki/token_fixture.h"

#include <openssl/provider.h>

#include "pki/cms_sign.h"
#include "pki/code_certificate.h"
#include "pki/digest_sign.h"

static struct test_token token;

static int make_token(void **state)
{
    (void)state;
    test_token_init(&token);
    return 0;
}

static int end_token(void **state)
{
    (void)state;
    test_token_clear(&token);
    return 0;
}

static bool has_file(const char *name)
{
    AUTO(char) *path = NULL;
    assert_ok(path_join(token.keys, name, &path));
    return file_exists(path);
}

static void test_keys_are_made_in_the_token(void **state)
{
    static const struct {
        const char *label;
        enum key_alg alg;
        int bits;
    } rows[] = {
        {"ca-p256", KEY_ALG_P256, 256}, {"ca-p384", KEY_ALG_P384, 384}, {"fw-rsa", KEY_ALG_RSA, 3072}};
    (void)state;
    skip_without(token);
    AUTO_PTR(keystore) *keystore = token_open(&token);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO_PTR(private_key) *made = NULL;
        AUTO_PTR(private_key) *loaded = NULL;
        AUTO_PTR(private_key) *second = NULL;
        AUTO_VAL(buf) name = {0};
        assert_false(keystore_has(keystore, rows[i].label));
        assert_ok(keystore_generate(keystore, rows[i].label, rows[i].alg, &made));
        assert_int_equal(made->info.alg, rows[i].alg);
        assert_int_equal(made->info.bits, rows[i].bits);
        assert_non_null(made->proof);
        assert_true(keystore_has(keystore, rows[i].label));
        assert_ok(keystore_load(keystore, rows[i].label, &loaded));
        assert_true(bytes_equal(buf_view(&made->spki), buf_view(&loaded->spki)));
        assert_error(keystore_generate(keystore, rows[i].label, rows[i].alg, &second), ERR_CONFLICT,
                     "exists");
        assert_ok(buf_printf(&name, "%s.key", rows[i].label));
        assert_false(has_file(buf_str(&name)));
    }
    AUTO_VAL(buf) output = {0};
    assert_int_equal(run_in(&token.folder, "grep -rl PRIVATE keys", &output) == 0, 0);
    AUTO_PTR(private_key) *refused = NULL;
    assert_error(keystore_generate(keystore, "fw-ed", KEY_ALG_ED25519, &refused), ERR_UNPROCESSABLE, "P-256");
    assert_false(keystore_has(keystore, "fw-ed"));
}

/* Found again when everything was closed; then destroyed, and the label is free. */
static void test_a_key_outlives_and_is_forgotten(void **state)
{
    AUTO_VAL(buf) spki = {0};
    (void)state;
    skip_without(token);
    {
        AUTO_PTR(keystore) *keystore = token_open(&token);
        AUTO_PTR(private_key) *made = NULL;
        assert_ok(keystore_generate(keystore, "ca-outlives", KEY_ALG_P256, &made));
        assert_ok(private_key_spki(made, &spki));
    }
    AUTO_PTR(keystore) *again = token_open(&token);
    {
        AUTO_PTR(private_key) *loaded = NULL;
        assert_ok(keystore_load(again, "ca-outlives", &loaded));
        assert_true(bytes_equal(buf_view(&spki), buf_view(&loaded->spki)));
    }
    assert_ok(keystore_forget(again, "ca-outlives"));
    assert_ok(keystore_forget(again, "ca-outlives"));
    assert_false(keystore_has(again, "ca-outlives"));
    AUTO_PTR(private_key) *fresh = NULL;
    err_t error = keystore_load(again, "ca-outlives", &fresh);
    assert_int_equal(error.code, ERR_NOT_FOUND);
    assert_ok(keystore_generate(again, "ca-outlives", KEY_ALG_P256, &fresh));
    assert_false(bytes_equal(buf_view(&spki), buf_view(&fresh->spki)));
}

static void test_what_stays_in_files(void **state)
{
    AUTO_VAL(secret) secret = {0};
    AUTO_VAL(secret) same = {0};
    AUTO_PTR(private_key) *key = NULL;
    AUTO_PTR(private_key) *loaded = NULL;
    (void)state;
    skip_without(token);
    struct keystore_pkcs11 options = token_options(&token);
    options.places = KEYSTORE_TOKEN_AUTHORITIES;
    options.module = "/nowhere/module.so"; /* nothing below needs it */
    AUTO_PTR(keystore) *keystore = NULL;
    assert_ok(keystore_open_pkcs11(&options, random_system(), &keystore));
    assert_ok(keystore_generate(keystore, "tls-server", KEY_ALG_P256, &key));
    assert_null(key->proof); /* made in memory: nothing to doubt */
    assert_true(has_file("tls-server.key"));
    AUTO_PTR(private_key) *edwards = NULL;
    assert_ok(keystore_generate(keystore, "fw-ed", KEY_ALG_ED25519, &edwards)); /* firmware keys stay here */
    assert_ok(keystore_secret(keystore, "owner-salt", &secret));
    assert_ok(keystore_secret(keystore, "owner-salt", &same));
    assert_true(bytes_equal(buf_view(&secret.bytes), buf_view(&same.bytes)));
    assert_ok(keystore_load(keystore, "tls-server", &loaded));
    /* what is in the token is known here without it, and said to be out of reach */
    {
        AUTO_PTR(keystore) *whole = token_open(&token);
        AUTO_PTR(private_key) *made = NULL;
        assert_ok(keystore_generate(whole, "ca-known", KEY_ALG_P256, &made));
    }
    assert_true(keystore_has(keystore, "ca-known"));
    AUTO_PTR(private_key) *none = NULL;
    assert_error(keystore_load(keystore, "ca-known", &none), ERR_UNPROCESSABLE, "no PKCS#11 module");
}

/* Everything without a key in the token stays with OpenSSL itself, also when TLS registers what is there. */
static void test_other_keys_are_left_alone(void **state)
{
    AUTO_PTR(private_key) *key = NULL;
    (void)state;
    skip_without(token);
    AUTO_PTR(keystore) *keystore = token_open(&token);
    assert_ok(keystore_generate(keystore, "ca-left", KEY_ALG_P256, &key));
    assert_int_equal(OPENSSL_init_crypto(OPENSSL_INIT_ENGINE_ALL_BUILTIN, NULL), 1);
    AUTO(EVP_PKEY) *made = ec_key("P-256");
    const OSSL_PROVIDER *provider = EVP_PKEY_get0_provider(made);
    assert_non_null(provider);
    assert_string_equal(OSSL_PROVIDER_get0_name(provider), "default");
}

/* Root in a file from before, issuing authority in the token: a chain that OpenSSL believes. */
static void test_a_mixed_house_issues(void **state)
{
    struct test_house house = {.folder = token.folder};
    AUTO(EVP_PKEY) *device_key = ec_key("P-256");
    AUTO_VAL(issued) issued = {.der = {0}};
    AUTO_VAL(buf) output = {0};
    AUTO_VAL(buf) crl = {0};
    (void)state;
    skip_without(token);
    struct keystore_pkcs11 options = token_options(&token);
    options.places = 0;
    assert_ok(keystore_open_pkcs11(&options, random_system(), &house.keystore));
    house.root = make_authority(&house, "root", AUTHORITY_ROOT, KEY_ALG_P256);
    keystore_free(house.keystore);
    assert_true(has_file("ca-root.key"));
    house.keystore = token_open(&token);
    house.device = make_authority(&house, "device", AUTHORITY_DEVICE, KEY_ALG_P384);
    assert_false(has_file("ca-device.key"));
    issue_device(&house, device_key, house_from_ms, 90, &issued);
    const struct crl_spec list = {
        .number = 1, .this_update_ms = house_from_ms, .next_update_ms = house_from_ms + year_ms};
    assert_ok(authority_sign_crl(house.device, &list, &crl));
    write_pem_in(&token.folder, "root.pem", authority_borrow_der(house.root));
    write_pem_in(&token.folder, "device.pem", authority_borrow_der(house.device));
    write_pem_in(&token.folder, "leaf.pem", buf_view(&issued.der));
    write_in(&token.folder, "device.crl", buf_view(&crl));
    assert_int_equal(run_in(&token.folder,
                            "openssl crl -inform DER -in device.crl -out crl.pem && openssl verify -attime "
                            "1767300000 -crl_check -CRLfile crl.pem -CAfile root.pem -untrusted device.pem "
                            "leaf.pem",
                            &output),
                     0);
    assert_has(buf_str(&output), "leaf.pem: OK");
    authority_free(house.device);
    authority_free(house.root);
    keystore_free(house.keystore);
}

static void test_signs_for_firmware(void **state)
{
    AUTO_VAL(buf) certificate = {0};
    AUTO_VAL(buf) cms = {0};
    AUTO_VAL(buf) signature = {0};
    AUTO_VAL(buf) output = {0};
    struct sha256 digest;
    (void)state;
    skip_without(token);
    static const enum key_alg algs[] = {KEY_ALG_P256, KEY_ALG_RSA};
    AUTO_PTR(keystore) *keystore = token_open(&token);
    for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++) {
        AUTO_PTR(private_key) *key = NULL;
        AUTO_PTR(cms_signing) *signing = NULL;
        const struct code_subject subject = {.common_name = "firmware",
                                             .not_before_ms = house_from_ms,
                                             .not_after_ms = house_from_ms + 20 * year_ms,
                                             .random = random_system()};
        certificate.n = cms.n = signature.n = output.n = 0;
        assert_ok(keystore_generate(keystore, i == 0 ? "fw-cms" : "fw-cms-rsa", algs[i], &key));
        assert_ok(code_certificate_make(key, &subject, &certificate));
        const struct cms_order order = {.key = key,
                                        .certificate = buf_view(&certificate),
                                        .is_detached = true,
                                        .at_ms = house_from_ms + 1000};
        assert_ok(cms_signing_new(&order, &signing));
        assert_ok(cms_signing_add(signing, bytes_str("an image")));
        assert_ok(cms_signing_finish(signing, &cms));
        write_in(&token.folder, "image", bytes_str("an image"));
        write_in(&token.folder, "image.cms", buf_view(&cms));
        write_pem_in(&token.folder, "code.pem", buf_view(&certificate));
        assert_int_equal(run_in(&token.folder,
                                "openssl cms -verify -binary -inform DER -in image.cms -content image "
                                "-CAfile code.pem -purpose any -attime 1767300000 -out /dev/null",
                                &output),
                         0);
        assert_ok(sha256_of(bytes_str("an image"), &digest));
        assert_ok(digest_sign(key, &digest, &signature));
    }
}

/* An interrupted making leaves an intention, and perhaps a pair: neither is a key, and the next making clears
 * both. A damaged note is told, never taken for "no key". */
static void test_interrupted_and_damaged(void **state)
{
    AUTO_PTR(private_key) *key = NULL;
    AUTO_PTR(private_key) *loaded = NULL;
    AUTO_VAL(buf) output = {0};
    (void)state;
    skip_without(token);
    AUTO_PTR(keystore) *keystore = token_open(&token);
    assert_ok(keystore_generate(keystore, "ca-cut", KEY_ALG_P256, &key));
    private_key_free(TAKE(key));
    assert_int_equal(run_in(&token.folder, "sed -i 1q keys/ca-cut.token", &output), 0);
    assert_false(keystore_has(keystore, "ca-cut"));
    err_t error = keystore_load(keystore, "ca-cut", &loaded);
    assert_int_equal(error.code, ERR_NOT_FOUND);
    assert_ok(keystore_generate(keystore, "ca-cut", KEY_ALG_P256, &key));
    assert_ok(keystore_load(keystore, "ca-cut", &loaded)); /* one, not two */
    private_key_free(TAKE(loaded));

    assert_int_equal(
        run_in(&token.folder, "cp keys/ca-cut.token whole && truncate -s 90 keys/ca-cut.token", &output), 0);
    assert_true(keystore_has(keystore, "ca-cut"));
    assert_error(keystore_load(keystore, "ca-cut", &loaded), ERR_CRYPTO, "damaged");
    assert_int_equal(run_in(&token.folder, ": >keys/ca-cut.token", &output), 0);
    assert_error(keystore_load(keystore, "ca-cut", &loaded), ERR_CRYPTO, "damaged");
    /* the note of one key beside another's name */
    AUTO_PTR(private_key) *other = NULL;
    assert_ok(keystore_generate(keystore, "ca-other", KEY_ALG_P256, &other));
    assert_int_equal(
        run_in(&token.folder, "{ sed 1q whole; sed 1d keys/ca-other.token; } >keys/ca-cut.token", &output),
        0);
    assert_error(keystore_load(keystore, "ca-cut", &loaded), ERR_CRYPTO, "another key");
    assert_int_equal(run_in(&token.folder, "cp whole keys/ca-cut.token", &output), 0);
    assert_ok(keystore_load(keystore, "ca-cut", &loaded));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_are_made_in_the_token),
        cmocka_unit_test(test_a_key_outlives_and_is_forgotten),
        cmocka_unit_test(test_what_stays_in_files),
        cmocka_unit_test(test_other_keys_are_left_alone),
        cmocka_unit_test(test_a_mixed_house_issues),
        cmocka_unit_test(test_signs_for_firmware),
        cmocka_unit_test(test_interrupted_and_damaged),
    };
    return cmocka_run_group_tests_name("keystore_pkcs11", tests, make_token, end_token);
}
