/* Keys of others in a token, by label and by RFC 7512 URIs, in one token and in its copy; and settings that
 * lead nowhere. */
#include "tests/unit/pki/token_fixture.h"

static struct test_token token;

static int make_token(void **state)
{
    (void)state;
    test_token_init(&token);
    if (token.is_there) { /* SoftHSM shows a process the tokens that were there when it began */
        token_make(&token, "standby");
    }
    return 0;
}

static int end_token(void **state)
{
    (void)state;
    test_token_clear(&token);
    return 0;
}

/* A key that an administrator made, under another name; and two under one. */
static void test_named_by_a_uri(void **state)
{
    AUTO_PTR(private_key) *key = NULL;
    AUTO_PTR(private_key) *found = NULL;
    (void)state;
    skip_without(token);
    {
        AUTO_PTR(keystore) *keystore = token_open(&token);
        assert_ok(keystore_generate(keystore, "ca-of-others", KEY_ALG_P256, &key));
        AUTO_VAL(buf) output = {0};
        assert_int_equal(run_in(&token.folder, "rm keys/ca-of-others.token", &output), 0);
        /* by its label alone, though no note is there; and never made a second time under it */
        assert_true(keystore_has(keystore, "ca-of-others"));
        assert_ok(keystore_load(keystore, "ca-of-others", &found));
        AUTO_PTR(private_key) *second = NULL;
        assert_error(keystore_generate(keystore, "ca-of-others", KEY_ALG_P256, &second), ERR_CONFLICT,
                     "did not make");
        assert_ok(keystore_forget(keystore, "ca-of-others")); /* not ours: it stays */
        assert_true(keystore_has(keystore, "ca-of-others"));
        private_key_free(TAKE(found));
        private_key_free(TAKE(key));
    }
    struct keystore_pkcs11 options = token_options(&token);
    options.uris = "  ca-mine=pkcs11:object=ca-of-others  fw-none=pkcs11:object=not%20there;type=private ";
    AUTO_PTR(keystore) *named = NULL;
    assert_ok(keystore_open_pkcs11(&options, random_system(), &named));
    assert_true(keystore_has(named, "ca-mine"));
    AUTO_PTR(private_key) *mine = NULL;
    AUTO_PTR(private_key) *none = NULL;
    assert_ok(keystore_load(named, "ca-mine", &mine));
    assert_error(keystore_load(named, "fw-none", &none), ERR_NOT_FOUND, "not there");
    assert_error(keystore_generate(named, "ca-mine", KEY_ALG_P256, &none), ERR_CONFLICT, "exists");
}

/* A pair of an administrator, brought in from outside under a name that is none of ours. */
static void test_a_key_of_an_administrator(void **state)
{
    AUTO_PTR(private_key) *key = NULL;
    AUTO_VAL(buf) output = {0};
    AUTO_VAL(buf) spki = {0};
    (void)state;
    skip_without(token);
    assert_int_equal(run_in(&token.folder,
                            "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out plant.pem "
                            "&& SOFTHSM2_CONF=./softhsm2.conf softhsm2-util --import plant.pem --token whorl "
                            "--label 'Plant CA; #1' --id 0a00ff --pin " TOKEN_PIN
                            " && openssl pkey -in plant.pem -pubout -outform DER -out plant.der",
                            &output),
                     0);
    struct keystore_pkcs11 options = token_options(&token);
    options.uris = "ca-plant=pkcs11:object=Plant%20CA%3B%20%231;id=%0a%00%ff";
    AUTO_PTR(keystore) *keystore = NULL;
    assert_ok(keystore_open_pkcs11(&options, random_system(), &keystore));
    assert_ok(keystore_load(keystore, "ca-plant", &key));
    AUTO(char) *path = NULL;
    assert_ok(path_join(token.folder.path, "plant.der", &path));
    assert_ok(file_read(path, 4096, &spki));
    assert_true(bytes_equal(buf_view(&spki), buf_view(&key->spki)));
    private_key_free(TAKE(key));
    assert_ok(keystore_forget(keystore, "ca-plant")); /* not ours to destroy */
    assert_ok(keystore_load(keystore, "ca-plant", &key));
    private_key_free(TAKE(key));
    /* a copy of it in another token, as a backup of the first is: the setting changes, and nothing else */
    assert_int_equal(run_in(&token.folder,
                            "SOFTHSM2_CONF=./softhsm2.conf softhsm2-util --import plant.pem --token standby "
                            "--label 'Plant CA; #1' --id 0a00ff --pin " TOKEN_PIN,
                            &output),
                     0);
    options.token = "standby";
    AUTO_PTR(keystore) *standby = NULL;
    assert_ok(keystore_open_pkcs11(&options, random_system(), &standby));
    assert_ok(keystore_load(standby, "ca-plant", &key));
    assert_true(bytes_equal(buf_view(&spki), buf_view(&key->spki)));
    private_key_free(TAKE(key));
}

static void test_settings_that_lead_nowhere(void **state)
{
    static const struct {
        const char *uris, *word;
    } bad[] = {
        {"ca-x", "LABEL=pkcs11:"},
        {"=pkcs11:object=a", "LABEL=pkcs11:"},
        {"ca-x=http://a", "is no PKCS#11 URI"},
        {"ca-x=pkcs11:token=only", "object, id or both"},
        {"ca-x=pkcs11:object=%00a", "byte 0"},
        {"ca-x=pkcs11:object=a;nonsense=1", "is no PKCS#11 URI"},
        {"ca-x=pkcs11:object=a?pin-value=1234", "pkcs11_pin_file"},
        {"ca-x=pkcs11:object=a?pin-source=/etc/pin", "pkcs11_pin_file"},
        {"ca-x=pkcs11:object=a?module-path=/x.so", "pkcs11_module"},
    };
    (void)state;
    skip_without(token);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct keystore_pkcs11 options = token_options(&token);
        AUTO_PTR(keystore) *keystore = NULL;
        options.uris = bad[i].uris;
        assert_error(keystore_open_pkcs11(&options, random_system(), &keystore), ERR_UNPROCESSABLE,
                     bad[i].word);
    }
    static const struct {
        const char *module, *token_label;
        int64_t slot;
        err_code code;
        const char *word;
    } rows[] = {
        {"", "whorl", -1, ERR_UNPROCESSABLE, "pkcs11_module"},
        {"softhsm.so", "whorl", -1, ERR_UNPROCESSABLE, "begin with /"},
        {"/nowhere/x.so", "whorl", -1, ERR_UNPROCESSABLE, "there is no PKCS#11 module"},
        {"/etc/passwd", "whorl", -1, ERR_UNPROCESSABLE, "cannot be loaded"},
        {NULL, "", -1, ERR_UNPROCESSABLE, "pkcs11_token"},
        {NULL, "wrong", -1, ERR_UNAVAILABLE, "no token is labelled \"wrong\"; there: \""},
        {NULL, "", 77, ERR_UNAVAILABLE, "slot"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct keystore_pkcs11 options = token_options(&token);
        AUTO_PTR(keystore) *keystore = NULL;
        AUTO_PTR(private_key) *key = NULL;
        options.module = rows[i].module != NULL ? rows[i].module : token.module;
        options.token = rows[i].token_label;
        options.slot = rows[i].slot;
        assert_ok(keystore_open_pkcs11(&options, random_system(), &keystore));
        assert_error(keystore_generate(keystore, "ca-nowhere", KEY_ALG_P256, &key), rows[i].code,
                     rows[i].word);
        assert_false(keystore_has(keystore, "ca-nowhere"));
    }
    assert_int_equal(token_logins(&token) > 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_named_by_a_uri),
        cmocka_unit_test(test_a_key_of_an_administrator),
        cmocka_unit_test(test_settings_that_lead_nowhere),
    };
    return cmocka_run_group_tests_name("pkcs11_uri", tests, make_token, end_token);
}
