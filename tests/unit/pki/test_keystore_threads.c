/* A keystore that makes keys for several threads at once: of those who want one label, one gets it, and
 * nothing is written over. */
#include "tests/unit/pki/pki_fixture.h"

#include <pthread.h>

enum { THREADS = 6 };

struct maker {
    struct keystore *keystore;
    const char *label;
    pthread_t thread;
    err_code code;
    struct buf spki;
};

static void *make_one(void *arg)
{
    struct maker *maker = arg;
    AUTO_PTR(private_key) *key = NULL;
    maker->code = keystore_generate(maker->keystore, maker->label, KEY_ALG_P256, &key).code;
    if (maker->code == ERR_OK && private_key_spki(key, &maker->spki).code != ERR_OK) {
        maker->code = ERR_INTERNAL;
    }
    return NULL;
}

static void one_label_goes_to_one(void **state)
{
    (void)state;
    struct test_folder folder;
    AUTO(char) *path = NULL;
    AUTO_PTR(keystore) *keystore = NULL;
    AUTO_PTR(private_key) *loaded = NULL;
    AUTO_VAL(buf) spki = {0};
    struct maker makers[THREADS];
    int winners = 0;
    test_folder_init(&folder);
    assert_ok(path_join(folder.path, "keys", &path));
    assert_ok(keystore_open_files(path, bytes_str("sixteen bytes or more"), random_system(), &keystore));
    for (int i = 0; i < THREADS; i++) {
        makers[i] = (struct maker){.keystore = keystore, .label = "fw-wanted"};
        assert_int_equal(pthread_create(&makers[i].thread, NULL, make_one, &makers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(makers[i].thread, NULL), 0);
    }
    assert_ok(keystore_load(keystore, "fw-wanted", &loaded));
    assert_ok(private_key_spki(loaded, &spki));
    for (int i = 0; i < THREADS; i++) {
        bool has_won = makers[i].code == ERR_OK;
        winners += has_won ? 1 : 0;
        assert_true(has_won || makers[i].code == ERR_CONFLICT);
        assert_true(!has_won || bytes_equal(buf_view(&makers[i].spki), buf_view(&spki)));
        buf_clear(&makers[i].spki);
    }
    assert_int_equal(winners, 1);
    assert_ok(keystore_forget(keystore, "fw-wanted"));
    assert_ok(keystore_forget(keystore, "fw-wanted")); /* gone is gone */
    assert_false(keystore_has(keystore, "fw-wanted"));
    assert_error(keystore_forget(keystore, "../fw"), ERR_UNPROCESSABLE, "label");
    test_folder_clear(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_label_goes_to_one)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
