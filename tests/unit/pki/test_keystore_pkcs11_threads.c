/* Many who sign with keys of one token at once, while others load and make keys in it: no lock of ours, and
 * no signature that does not hold. */
#include "tests/unit/pki/token_fixture.h"

#include <pthread.h>

enum { SIGNERS = 4, SIGNATURES = 40 };

struct signer_run {
    struct keystore *keystore;
    const struct private_key *key;
    int number;
    err_t error;
};

static void *sign_often(void *arg)
{
    struct signer_run *run = arg;
    for (int i = 0; i < SIGNATURES && run->error.code == ERR_OK; i++) {
        AUTO_VAL(buf) signature = {0};
        run->error = private_key_sign(run->key, bytes_str("text"), &signature); /* proves it, too */
    }
    return NULL;
}

static void *make_and_load(void *arg)
{
    struct signer_run *run = arg;
    for (int i = 0; i < 4 && run->error.code == ERR_OK; i++) {
        AUTO_PTR(private_key) *made = NULL;
        AUTO_PTR(private_key) *loaded = NULL;
        char label[32];
        (void)snprintf(label, sizeof label, "fw-%d-%d", run->number, i);
        run->error = keystore_generate(run->keystore, label, KEY_ALG_P256, &made);
        if (run->error.code == ERR_OK) {
            run->error = keystore_load(run->keystore, label, &loaded);
        }
        if (run->error.code == ERR_OK && i % 2 == 1) {
            run->error = keystore_forget(run->keystore, label);
        }
    }
    return NULL;
}

static void test_at_once(void **state)
{
    struct test_token *token = *state;
    struct signer_run runs[SIGNERS + 2];
    pthread_t threads[SIGNERS + 2];
    AUTO_PTR(private_key) *first = NULL;
    AUTO_PTR(private_key) *second = NULL;
    skip_without(*token);
    struct keystore *keystore = token_open(token);
    assert_ok(keystore_generate(keystore, "ca-first", KEY_ALG_P256, &first));
    assert_ok(keystore_generate(keystore, "ca-second", KEY_ALG_P384, &second));
    for (int i = 0; i < SIGNERS + 2; i++) {
        runs[i] = (struct signer_run){
            .keystore = keystore, .key = i % 2 == 0 ? first : second, .number = i, .error = OK};
        assert_int_equal(
            pthread_create(&threads[i], NULL, i < SIGNERS ? sign_often : make_and_load, &runs[i]), 0);
    }
    for (int i = 0; i < SIGNERS + 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_ok(runs[i].error);
    }
    private_key_free(TAKE(first));
    private_key_free(TAKE(second));
    keystore_free(keystore);
    assert_int_equal(token_logins(token), 1);
}

int main(void)
{
    struct test_token token;
    void *argument = &token;
    test_token_init(&token);
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(test_at_once, argument)};
    int failed = cmocka_run_group_tests_name("keystore_pkcs11_threads", tests, NULL, NULL);
    test_token_clear(&token);
    return failed;
}
