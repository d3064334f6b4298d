/* What a token does wrong, in the process that asks it: a wrong PIN is tried three times and never a fourth,
 * a signature that does not hold is seen by nobody, a token that is pulled is out of reach. The module itself
 * can crash or write where it should not: that is why it lives in a process of its own, which is not tested
 * here. The order matters: once the process is logged in, it stays so. */
#include "tests/unit/pki/token_fixture.h"

#include <sys/wait.h>

#include "pki/cms_sign.h"
#include "pki/code_certificate.h"
#include "pki/digest_sign.h"
#include "pki/pin_attempts.h"

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

static err_t use_with(const char *pin)
{
    struct keystore_pkcs11 options = token_options(&token);
    AUTO_PTR(keystore) *keystore = NULL;
    AUTO_PTR(private_key) *key = NULL;
    options.pin = bytes_str(pin);
    assert_ok(keystore_open_pkcs11(&options, random_system(), &keystore));
    return keystore_generate(keystore, "ca-any", KEY_ALG_P256, &key);
}

/* What `use_with` says, in a process that may crash. @return its exit status, or 1000 and the signal */
static int status_of_use(const char *pin)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit((int)use_with(pin).code);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? 1000 : WEXITSTATUS(status);
}

static void test_flags_that_forbid_a_try(void **state)
{
    (void)state;
    skip_without(token);
    token_tell(&token, "final-try");
    assert_error(use_with(TOKEN_PIN), ERR_FORBIDDEN, "one more wrong PIN locks");
    token_tell(&token, "locked");
    assert_error(use_with(TOKEN_PIN), ERR_FORBIDDEN, "locked");
    token_tell(&token, "");
    assert_error(use_with(""), ERR_FORBIDDEN, "no PIN");
    assert_int_equal(token_logins(&token), 0);
}

static void test_a_login_that_is_not_judged(void **state)
{
    (void)state;
    skip_without(token);
    token_tell(&token, "login-broken");
    for (int i = 0; i < 4; i++) {
        assert_error(use_with(TOKEN_PIN), ERR_UNAVAILABLE, "error of its own");
    }
    assert_int_equal(token_logins(&token), 4); /* no wrong PIN among them */
    token_tell(&token, "");
}

static void test_wrong_three_times_never_a_fourth(void **state)
{
    (void)state;
    skip_without(token);
    size_t before = token_logins(&token);
    assert_error(use_with("0000"), ERR_FORBIDDEN, "2 more can be tried");
    assert_error(use_with("0000"), ERR_FORBIDDEN, "not tried again");
    assert_error(use_with("1"), ERR_FORBIDDEN, "1 more can be tried"); /* too short is wrong as well */
    assert_error(use_with("2222"), ERR_FORBIDDEN, "0 more can be tried");
    for (int i = 0; i < 3; i++) {
        assert_error(use_with(i == 0 ? TOKEN_PIN : "3333"), ERR_FORBIDDEN, "reset-pin-attempts");
    }
    assert_int_equal(token_logins(&token), before + 3);
    assert_ok(pin_attempts_reset(token.keys));
}

static void test_a_crash_in_the_login_counts(void **state)
{
    (void)state;
    skip_without(token);
    size_t before = token_logins(&token);
    token_tell(&token, "crash-start");
    assert_int_equal(status_of_use(TOKEN_PIN), 1000);
    assert_int_equal(token_logins(&token), before);
    token_tell(&token, "crash-login");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(status_of_use(TOKEN_PIN), 1000);
    }
    assert_int_equal(status_of_use(TOKEN_PIN), ERR_FORBIDDEN);
    assert_int_equal(token_logins(&token), before + 3);
    assert_ok(pin_attempts_reset(token.keys));
    token_tell(&token, "");
}

static void test_garbage_is_seen_by_nobody(void **state)
{
    static const struct {
        const char *control, *word;
    } rows[] = {{"wrong-bytes", "does not hold"}, {"wrong-length", ""}, {"random-code", "signing failed"}};
    struct test_house house = {.folder = token.folder};
    AUTO_VAL(buf) crl = {0};
    (void)state;
    skip_without(token);
    house.keystore = token_open(&token);
    house.root = make_authority(&house, "root", AUTHORITY_ROOT, KEY_ALG_P256);
    const struct crl_spec list = {
        .number = 1, .this_update_ms = house_from_ms, .next_update_ms = house_from_ms + year_ms};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        token_tell(&token, rows[i].control);
        for (int j = 0; j < 8; j++) {
            assert_error(authority_sign_crl(house.root, &list, &crl), ERR_UNAVAILABLE, rows[i].word);
            assert_int_equal(crl.n, 0);
        }
        AUTO_PTR(private_key) *never = NULL; /* nor is a key believed that does not sign */
        err_t error = keystore_generate(house.keystore, "ca-never", KEY_ALG_P256, &never);
        assert_int_not_equal(error.code, ERR_OK);
        assert_null(never);
        token_tell(&token, "");
        assert_ok(keystore_forget(house.keystore, "ca-never"));
    }
    assert_ok(authority_sign_crl(house.root, &list, &crl));
    authority_free(house.root);
    keystore_free(house.keystore);
}

/* CMS asks the token by OpenSSL, not by us. */
static err_t sign_cms(const struct private_key *key, struct bytes certificate, struct buf *out)
{
    AUTO_PTR(cms_signing) *signing = NULL;
    const struct cms_order order = {
        .key = key, .certificate = certificate, .is_detached = true, .at_ms = house_from_ms + 1000};
    TRY(cms_signing_new(&order, &signing));
    TRY(cms_signing_add(signing, bytes_str("an image")));
    return cms_signing_finish(signing, out);
}

static void test_garbage_in_cms(void **state)
{
    static const char *const controls[] = {"wrong-bytes", "wrong-length", "random-code"};
    AUTO_PTR(private_key) *key = NULL;
    AUTO_VAL(buf) certificate = {0};
    AUTO_VAL(buf) cms = {0};
    const struct code_subject subject = {.common_name = "firmware",
                                         .not_before_ms = house_from_ms,
                                         .not_after_ms = house_from_ms + year_ms,
                                         .random = random_system()};
    struct sha256 digest;
    (void)state;
    skip_without(token);
    assert_ok(sha256_of(bytes_str("an image"), &digest));
    AUTO_PTR(keystore) *keystore = token_open(&token);
    assert_ok(keystore_generate(keystore, "fw-cms", KEY_ALG_P256, &key));
    assert_ok(code_certificate_make(key, &subject, &certificate));
    for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++) {
        token_tell(&token, controls[i]);
        assert_error(sign_cms(key, buf_view(&certificate), &cms), ERR_UNAVAILABLE, "");
        err_t error = digest_sign(key, &digest, &cms);
        assert_int_equal(error.code, ERR_UNAVAILABLE);
        assert_int_equal(cms.n, 0);
    }
    token_tell(&token, "");
    assert_ok(sign_cms(key, buf_view(&certificate), &cms));
    private_key_free(TAKE(key));
}

static void test_a_token_that_is_pulled(void **state)
{
    AUTO_PTR(private_key) *key = NULL;
    AUTO_PTR(private_key) *other = NULL;
    AUTO_VAL(buf) signature = {0};
    (void)state;
    skip_without(token);
    AUTO_PTR(keystore) *keystore = token_open(&token);
    assert_ok(keystore_generate(keystore, "ca-pulled", KEY_ALG_P256, &key));
    token_tell(&token, "gone");
    assert_error(private_key_sign(key, bytes_str("a"), &signature), ERR_UNAVAILABLE, "signing failed");
    assert_true(keystore_has(keystore, "ca-pulled"));
    assert_error(keystore_load(keystore, "ca-pulled", &other), ERR_UNAVAILABLE, "removed");
    assert_error(keystore_generate(keystore, "ca-more", KEY_ALG_P256, &other), ERR_UNAVAILABLE, "removed");
    assert_error(keystore_forget(keystore, "ca-pulled"), ERR_UNAVAILABLE, "removed");
    token_tell(&token, ""); /* it is back; this process stays dead */
    assert_error(private_key_sign(key, bytes_str("a"), &signature), ERR_UNAVAILABLE, "signing failed");
    assert_int_equal(signature.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flags_that_forbid_a_try),
        cmocka_unit_test(test_a_login_that_is_not_judged),
        cmocka_unit_test(test_wrong_three_times_never_a_fourth),
        cmocka_unit_test(test_a_crash_in_the_login_counts),
        cmocka_unit_test(test_garbage_is_seen_by_nobody),
        cmocka_unit_test(test_garbage_in_cms),
        cmocka_unit_test(test_a_token_that_is_pulled),
    };
    return cmocka_run_group_tests_name("pkcs11_misbehaves", tests, make_token, end_token);
}
