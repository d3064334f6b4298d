/* Keys outside of a keystore: what was written opens again, with its own passphrase only, and the openssl
 * command reads it. */
#include "tests/unit/pki/pki_fixture.h"

#include "pki/key_file.h"

static struct test_folder folder;
static struct keystore *keystore;
static const char passphrase[] = "a passphrase of its own";

static int setup(void **state)
{
    (void)state;
    struct memory_keys *keys = NULL;
    test_folder_init(&folder);
    assert_ok(keystore_open_memory(&keystore, &keys));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    keystore_free(keystore);
    test_folder_clear(&folder);
    return 0;
}

static void what_is_written_opens_again(void **state)
{
    AUTO_PTR(private_key) *key = NULL;
    AUTO_PTR(private_key) *again = NULL;
    AUTO_PTR(private_key) *none = NULL;
    AUTO_VAL(buf) pem = {0};
    AUTO_VAL(buf) text = {0};
    (void)state;
    assert_ok(keystore_generate(keystore, "ca-root", KEY_ALG_P256, &key));
    assert_error(key_file_write(key, bytes_str("too short"), random_system(), &pem), ERR_UNPROCESSABLE,
                 "at least 16");
    assert_int_equal(pem.n, 0);
    assert_ok(key_file_write(key, bytes_str(passphrase), random_system(), &pem));
    assert_has(buf_str(&pem), "-----BEGIN ENCRYPTED PRIVATE KEY-----");
    assert_ok(key_file_read(buf_view(&pem), bytes_str(passphrase), "root.key", &again));
    assert_true(bytes_equal(buf_view(&key->spki), buf_view(&again->spki)));
    assert_error(key_file_read(buf_view(&pem), bytes_str("another passphrase"), "root.key", &none),
                 ERR_FORBIDDEN, "root.key");
    assert_error(key_file_read(buf_view(&pem), BYTES_NONE, "root.key", &none), ERR_UNPROCESSABLE,
                 "is encrypted: give its passphrase");
    const struct bytes cut = {pem.p, pem.n - 40};
    assert_int_equal(key_file_read(cut, bytes_str(passphrase), "root.key", &none).code, ERR_CRYPTO);
    write_in(&folder, "root.key", buf_view(&pem));
    assert_int_equal(run_in(&folder,
                            "openssl pkey -in root.key -passin 'pass:a passphrase of its own' -noout -text",
                            &text),
                     0);
    assert_has(buf_str(&text), "256 bit");
}

static void keys_of_the_openssl_command_are_read(void **state)
{
    AUTO_VAL(buf) text = {0};
    (void)state;
    assert_int_equal(
        run_in(&folder,
               "openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out pkcs8.pem; "
               "openssl ecparam -genkey -name prime256v1 -noout -out sec1.pem; "
               "openssl ec -in sec1.pem -aes256 -passout pass:old -out old.pem; "
               "openssl ecparam -genkey -name secp521r1 -noout -out p521.pem; "
               "openssl pkcs8 -topk8 -in sec1.pem -v2 aes-256-cbc -passout pass:pbkdf2 -out pbkdf2.pem",
               &text),
        0);
    static const struct {
        const char *name, *passphrase;
        err_code code;
        const char *word;
    } cases[] = {
        {"pkcs8.pem", "", ERR_OK, ""},
        {"sec1.pem", "", ERR_OK, ""},
        {"pbkdf2.pem", "pbkdf2", ERR_OK, ""},
        {"old.pem", "old", ERR_UNPROCESSABLE, "openssl pkcs8 -topk8"},
        {"p521.pem", "", ERR_UNPROCESSABLE, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO_PTR(private_key) *key = NULL;
        AUTO(char) *path = NULL;
        AUTO_VAL(buf) pem = {0};
        assert_ok(path_join(folder.path, cases[i].name, &path));
        assert_ok(file_read(path, KEY_FILE_MAX, &pem));
        assert_error(key_file_read(buf_view(&pem), bytes_str(cases[i].passphrase), cases[i].name, &key),
                     cases[i].code, cases[i].word);
    }
}

static void what_is_no_key_is_refused(void **state)
{
    static const char *const bad[] = {"", "words",
                                      "-----BEGIN PRIVATE KEY-----\n****\n-----END PRIVATE KEY-----\n",
                                      "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        AUTO_PTR(private_key) *key = NULL;
        assert_error(key_file_read(bytes_str(bad[i]), BYTES_NONE, "root.key", &key), ERR_UNPROCESSABLE,
                     "root.key holds no private key");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_opens_again),
        cmocka_unit_test(keys_of_the_openssl_command_are_read),
        cmocka_unit_test(what_is_no_key_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
