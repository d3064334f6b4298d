/* Keys at rest: what lies on the disk is encrypted and private to its owner, opens with the right passphrase
 * only, and says clearly what is wrong when it does not open. */
#include "tests/unit/pki/pki_fixture.h"

#include <sys/stat.h>

#define PASSPHRASE "correct horse battery"

static struct test_folder folder;

static int make_folder(void **state)
{
    (void)state;
    test_folder_init(&folder);
    return 0;
}

static int end_folder(void **state)
{
    (void)state;
    test_folder_clear(&folder);
    return 0;
}

static struct keystore *open_store(const char *passphrase)
{
    AUTO(char) *path = NULL;
    struct keystore *keystore = NULL;
    assert_ok(path_join(folder.path, "keys", &path));
    assert_ok(keystore_open_files(path, bytes_str(passphrase), random_system(), &keystore));
    return keystore;
}

static void read_key_file(const char *name, struct buf *out)
{
    AUTO(char) *keys = NULL;
    AUTO(char) *path = NULL;
    assert_ok(path_join(folder.path, "keys", &keys));
    assert_ok(path_join(keys, name, &path));
    assert_ok(file_read(path, 65536, out));
}

static void write_key_file(const char *name, struct bytes content)
{
    AUTO_VAL(buf) path = {0};
    assert_ok(buf_printf(&path, "keys/%s", name));
    write_in(&folder, buf_str(&path), content);
}

static void test_a_key_comes_back(void **state)
{
    static const enum key_alg algs[] = {KEY_ALG_P256, KEY_ALG_P384, KEY_ALG_ED25519};
    AUTO_PTR(keystore) *keystore = open_store(PASSPHRASE);
    (void)state;
    for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++) {
        AUTO_PTR(private_key) *made = NULL;
        AUTO_PTR(private_key) *loaded = NULL;
        AUTO_VAL(buf) label = {0};
        AUTO_VAL(buf) made_spki = {0};
        AUTO_VAL(buf) loaded_spki = {0};
        assert_ok(buf_printf(&label, "key-%d", (int)algs[i]));
        assert_false(keystore_has(keystore, buf_str(&label)));
        assert_ok(keystore_generate(keystore, buf_str(&label), algs[i], &made));
        assert_true(keystore_has(keystore, buf_str(&label)));
        assert_ok(keystore_load(keystore, buf_str(&label), &loaded));
        assert_ok(private_key_spki(made, &made_spki));
        assert_ok(private_key_spki(loaded, &loaded_spki));
        assert_true(bytes_equal(buf_view(&made_spki), buf_view(&loaded_spki)));
        assert_int_equal(made->info.alg, algs[i]);
        AUTO_PTR(private_key) *second = NULL;
        assert_error(keystore_generate(keystore, buf_str(&label), algs[i], &second), ERR_CONFLICT, "exists");
        assert_null(second);
    }
    AUTO_PTR(private_key) *none = NULL;
    err_t error = keystore_load(keystore, "nobody", &none);
    assert_int_equal(error.code, ERR_NOT_FOUND);
}

static void test_files_are_private_and_standard(void **state)
{
    AUTO_PTR(keystore) *keystore = open_store(PASSPHRASE);
    AUTO_PTR(private_key) *key = NULL;
    AUTO_VAL(buf) path = {0};
    AUTO_VAL(buf) pem = {0};
    AUTO_VAL(buf) output = {0};
    struct stat facts;
    (void)state;
    assert_ok(keystore_generate(keystore, "standard", KEY_ALG_P256, &key));
    assert_ok(buf_printf(&path, "%s/keys", folder.path));
    assert_int_equal(stat(buf_str(&path), &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0700);
    assert_ok(buf_printf(&path, "/standard.key"));
    assert_int_equal(stat(buf_str(&path), &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
    read_key_file("standard.key", &pem);
    assert_has(buf_str(&pem), "BEGIN ENCRYPTED PRIVATE KEY");
    /* another program reads it, and sees how it is encrypted */
    assert_int_equal(run_in(&folder,
                            "openssl pkey -in keys/standard.key -passin 'pass:" PASSPHRASE "' -noout -text",
                            &output),
                     0);
    assert_has(buf_str(&output), "prime256v1");
    assert_int_equal(run_in(&folder, "openssl asn1parse -in keys/standard.key", &output), 0);
    assert_has(buf_str(&output), "scrypt");
    assert_has(buf_str(&output), "aes-256-cbc");
}

/* The cost parameter N of a key file, as another program shows it: the first INTEGER of scrypt's parameters.
 */
static unsigned long stretched_by(const char *passphrase, const char *label)
{
    AUTO_PTR(keystore) *keystore = open_store(passphrase);
    AUTO_PTR(private_key) *key = NULL;
    AUTO_PTR(private_key) *again = NULL;
    AUTO_VAL(buf) line = {0};
    AUTO_VAL(buf) output = {0};
    assert_ok(keystore_generate(keystore, label, KEY_ALG_P256, &key));
    assert_ok(keystore_load(keystore, label, &again));
    assert_ok(buf_printf(&line, "openssl pkey -in keys/%s.key -passin 'pass:%s' -noout", label, passphrase));
    assert_int_equal(run_in(&folder, buf_str(&line), &output), 0);
    buf_clear(&line);
    assert_ok(buf_printf(&line, "openssl asn1parse -in keys/%s.key | sed -n 's/.*INTEGER *://p' | head -n 1",
                         label));
    assert_int_equal(run_in(&folder, buf_str(&line), &output), 0);
    return strtoul(buf_str(&output), NULL, 16);
}

static void test_only_a_drawn_passphrase_is_not_stretched(void **state)
{
    AUTO_VAL(secret) drawn = {.bytes = {0}};
    AUTO_VAL(secret) other = {.bytes = {0}};
    AUTO_VAL(secret) first = {.bytes = {0}};
    AUTO_VAL(secret) again = {.bytes = {0}};
    (void)state;
    assert_ok(keystore_draw_passphrase(random_system(), &drawn));
    assert_ok(keystore_draw_passphrase(random_system(), &other));
    assert_false(bytes_equal(buf_view(&drawn.bytes), buf_view(&other.bytes)));
    assert_int_equal(drawn.bytes.n, strlen(KEYSTORE_DRAWN_PREFIX) + 64);
    const char *text = buf_str(&drawn.bytes);
    assert_int_equal(stretched_by(text, "drawn"), 2);
    assert_int_equal(stretched_by(text + strlen(KEYSTORE_DRAWN_PREFIX), "digits-alone"), 16384);
    assert_int_equal(stretched_by(KEYSTORE_DRAWN_PREFIX "correct horse battery", "pretended"), 16384);
    AUTO_PTR(keystore) *keystore = open_store(text);
    AUTO_PTR(keystore) *thief = open_store(buf_str(&other.bytes));
    assert_ok(keystore_secret(keystore, "drawn-secret", &first));
    assert_ok(keystore_secret(keystore, "drawn-secret", &again));
    assert_true(bytes_equal(buf_view(&first.bytes), buf_view(&again.bytes)));
    assert_error(keystore_secret(thief, "drawn-secret", &again), ERR_FORBIDDEN, "passphrase");
}

static void test_wrong_passphrase(void **state)
{
    AUTO_PTR(keystore) *keystore = open_store(PASSPHRASE);
    AUTO_PTR(keystore) *thief = open_store("sixteen bytes of nonsense");
    AUTO_PTR(private_key) *key = NULL;
    AUTO_PTR(private_key) *stolen = NULL;
    AUTO_VAL(secret) secret = {0};
    (void)state;
    assert_ok(keystore_generate(keystore, "guarded", KEY_ALG_P256, &key));
    assert_error(keystore_load(thief, "guarded", &stolen), ERR_FORBIDDEN, "passphrase");
    assert_null(stolen);
    assert_ok(keystore_secret(keystore, "guarded", &secret));
    assert_error(keystore_secret(thief, "guarded", &secret), ERR_FORBIDDEN, "passphrase");
    assert_int_equal(secret.bytes.n, 0);
    struct keystore *weak = NULL;
    assert_error(keystore_open_files(folder.path, bytes_str("fifteen bytes.."), random_system(), &weak),
                 ERR_UNPROCESSABLE, "at least 16");
    assert_null(weak);
}

static void test_damaged_files(void **state)
{
    AUTO_PTR(keystore) *keystore = open_store(PASSPHRASE);
    AUTO_PTR(private_key) *key = NULL;
    AUTO_PTR(private_key) *again = NULL;
    AUTO_VAL(buf) pem = {0};
    (void)state;
    assert_ok(keystore_generate(keystore, "damaged", KEY_ALG_P256, &key));
    read_key_file("damaged.key", &pem);
    write_key_file("damaged.key", (struct bytes){pem.p, pem.n / 2});
    assert_error(keystore_load(keystore, "damaged", &again), ERR_CRYPTO, "damaged or cut short");
    write_key_file("damaged.key", BYTES_NONE);
    assert_error(keystore_load(keystore, "damaged", &again), ERR_CRYPTO, "damaged or cut short");
    write_key_file("damaged.key", bytes_str("garbage\n"));
    assert_error(keystore_load(keystore, "damaged", &again), ERR_CRYPTO, "damaged or cut short");
    /* a legacy encrypted PEM must fail, not ask for a passphrase on the terminal */
    write_key_file("damaged.key", bytes_str("-----BEGIN ENCRYPTED PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
                                            "DEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAA\n"
                                            "-----END ENCRYPTED PRIVATE KEY-----\n"));
    assert_error(keystore_load(keystore, "damaged", &again), ERR_CRYPTO, "damaged or cut short");
    pem.p[pem.n / 2] = pem.p[pem.n / 2] == 'A' ? 'B' : 'A'; /* inside the ciphertext */
    write_key_file("damaged.key", buf_view(&pem));
    err_t error = keystore_load(keystore, "damaged", &again);
    assert_true(error.code == ERR_FORBIDDEN || error.code == ERR_CRYPTO);
    assert_null(again);
}

/* A private key beside the public half of another one never signs anything. */
static void test_a_mixed_pair_is_refused(void **state)
{
    AUTO(EVP_PKEY) *mine = ec_key("P-256");
    AUTO(EVP_PKEY) *other = ec_key("P-256");
    AUTO_VAL(buf) spki = {0};
    AUTO_PTR(private_key) *key = NULL;
    (void)state;
    spki_of(other, &spki);
    struct bytes point = key_borrow_bits(buf_view(&spki));
    assert_int_equal(EVP_PKEY_set1_encoded_public_key(mine, point.p, point.n), 1);
    assert_error(private_key_take(TAKE(mine), &key), ERR_CRYPTO, "damaged");
    assert_null(key);
}

static void test_secrets(void **state)
{
    AUTO_PTR(keystore) *keystore = open_store(PASSPHRASE);
    AUTO_VAL(secret) first = {0};
    AUTO_VAL(secret) again = {0};
    AUTO_VAL(secret) other = {0};
    AUTO_VAL(buf) sealed = {0};
    (void)state;
    assert_ok(keystore_secret(keystore, "nonces", &first));
    assert_int_equal(first.bytes.n, 32);
    assert_ok(keystore_secret(keystore, "nonces", &again));
    assert_true(bytes_equal(buf_view(&first.bytes), buf_view(&again.bytes)));
    assert_ok(keystore_secret(keystore, "tickets", &other));
    assert_false(bytes_equal(buf_view(&first.bytes), buf_view(&other.bytes)));
    read_key_file("nonces.secret", &sealed);
    assert_null(memmem(sealed.p, sealed.n, first.bytes.p, first.bytes.n));

    /* bound to its label, and to every bit */
    write_key_file("tickets.secret", buf_view(&sealed));
    assert_error(keystore_secret(keystore, "tickets", &other), ERR_FORBIDDEN, "tickets");
    sealed.p[40] ^= 1;
    write_key_file("nonces.secret", buf_view(&sealed));
    assert_error(keystore_secret(keystore, "nonces", &again), ERR_FORBIDDEN, "damaged");
    write_key_file("nonces.secret", (struct bytes){sealed.p, sealed.n - 1});
    assert_error(keystore_secret(keystore, "nonces", &again), ERR_CRYPTO, "cut short");
}

static void test_labels(void **state)
{
    static const char *const bad[] = {"",
                                      "../escape",
                                      "Upper",
                                      "a b",
                                      "a.b",
                                      "a/b",
                                      "0123456789012345678901234567890123456789012345678901234567890123x"};
    AUTO_PTR(keystore) *keystore = open_store(PASSPHRASE);
    AUTO_PTR(private_key) *key = NULL;
    AUTO_VAL(secret) secret = {0};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_error(keystore_generate(keystore, bad[i], KEY_ALG_P256, &key), ERR_UNPROCESSABLE, "label");
        assert_error(keystore_load(keystore, bad[i], &key), ERR_UNPROCESSABLE, "label");
        assert_error(keystore_secret(keystore, bad[i], &secret), ERR_UNPROCESSABLE, "label");
        assert_false(keystore_has(keystore, bad[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_comes_back),
        cmocka_unit_test(test_files_are_private_and_standard),
        cmocka_unit_test(test_only_a_drawn_passphrase_is_not_stretched),
        cmocka_unit_test(test_wrong_passphrase),
        cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_a_mixed_pair_is_refused),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_labels),
    };
    return cmocka_run_group_tests(tests, make_folder, end_folder);
}
