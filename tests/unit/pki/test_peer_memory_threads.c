/* Many who are judged at once, on few places: each gets the certificate that its name belongs to. */
#include "tests/unit/pki/pki_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#include "pki/peer_memory.h"

enum { THREADS = 4, NAMES = 64, ROUNDS = 3000 };

struct share {
    pthread_t thread;
    struct peer_memory *memory;
    X509 **certificates;
    unsigned seed;
    atomic_int *wrong, *found;
};

/* All of them have two places. */
static struct sha256 name_of(unsigned i)
{
    return (struct sha256){.b = {0, (uint8_t)(i % 2), (uint8_t)i}};
}

static void *work(void *arg)
{
    struct share *share = arg;
    for (int round = 0; round < ROUNDS; round++) {
        unsigned i = (unsigned)rand_r(&share->seed) % NAMES;
        struct sha256 name = name_of(i);
        struct peer_judged judged = {.x509 = share->certificates[i], .remark = (int)i};
        struct peer_judged got = {.x509 = NULL};
        if (peer_memory_find(share->memory, &name, &got)) {
            bool is_right = got.x509 == share->certificates[i] && got.remark == (int)i;
            (void)atomic_fetch_add(is_right ? share->found : share->wrong, 1);
            X509_free(got.x509);
        } else {
            peer_memory_keep(share->memory, &name, &judged);
        }
    }
    return NULL;
}

static void test_threads(void **state)
{
    X509 *certificates[NAMES];
    struct peer_memory *memory = NULL;
    struct share shares[THREADS];
    atomic_int wrong = 0;
    atomic_int found = 0;
    (void)state;
    assert_ok(peer_memory_new(&memory));
    for (int i = 0; i < NAMES; i++) {
        certificates[i] = X509_new();
        assert_non_null(certificates[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        shares[i] = (struct share){
            .memory = memory, .certificates = certificates, .seed = i + 1, .wrong = &wrong, .found = &found};
        assert_int_equal(pthread_create(&shares[i].thread, NULL, work, &shares[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(shares[i].thread, NULL), 0);
    }
    peer_memory_free(memory);
    for (int i = 0; i < NAMES; i++) {
        X509_free(certificates[i]);
    }
    assert_int_equal(atomic_load(&wrong), 0);
    assert_true(atomic_load(&found) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
