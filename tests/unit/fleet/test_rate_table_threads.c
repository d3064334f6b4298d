/* Many threads at one bucket: exactly what it holds is given, and the buckets beside it are not touched. */
#include "tests/unit/pki/pki_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#include "fleet/rate_table.h"

enum { THREADS = 8, KEYS = 50, ROUNDS = 40, BURST = 100 };

struct run {
    struct rate_table *table;
    atomic_int taken[KEYS];
};

static void *take_all(void *argument)
{
    static const struct rate rate = {.per_second = 1, .burst = BURST};
    struct run *run = argument;
    for (int i = 0; i < ROUNDS; i++) {
        for (uint32_t key = 0; key < KEYS; key++) {
            struct bytes name = {(const uint8_t *)&key, sizeof key};
            if (rate_table_take(run->table, name, &rate, INT64_C(1000000000)).is_taken) {
                atomic_fetch_add(&run->taken[key], 1);
            }
            (void)rate_table_draw(run->table, 10);
        }
    }
    return NULL;
}

static void exact_under_threads(void **state)
{
    struct run run = {.table = NULL};
    pthread_t threads[THREADS];
    (void)state;
    assert_ok(rate_table_new(4096, random_system(), &run.table));
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_all, &run), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    for (int key = 0; key < KEYS; key++) {
        assert_int_equal(atomic_load(&run.taken[key]), BURST); /* of 320 that were asked for */
    }
    rate_table_free(run.table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(exact_under_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
