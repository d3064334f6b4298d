/* Buckets in a table: what is given when, and what a flood of keys can and cannot do. */
#include "tests/unit/pki/pki_fixture.h"

#include "fleet/rate_table.h"

static const int64_t NOW = INT64_C(5000000000), MS = 1000000, S = 1000000000;
static const struct rate ten = {.per_second = 10, .burst = 5};

static struct bytes key_of(uint32_t *n)
{
    return (struct bytes){(const uint8_t *)n, sizeof *n};
}

static int taken(struct rate_table *table, uint32_t key, int64_t at_ns, int times)
{
    int n = 0;
    for (int i = 0; i < times; i++) {
        n += rate_table_take(table, key_of(&key), &ten, at_ns).is_taken ? 1 : 0;
    }
    return n;
}

static void a_burst_and_then_a_rate(void **state)
{
    AUTO_PTR(rate_table) *table = NULL;
    (void)state;
    assert_ok(rate_table_new(64, random_system(), &table));
    assert_int_equal(taken(table, 1, NOW, 20), 5);
    assert_int_equal(taken(table, 2, NOW, 20), 5); /* another's own */
    assert_int_equal(taken(table, 1, NOW + 99 * MS, 5), 0);
    assert_int_equal(taken(table, 1, NOW + 100 * MS, 5), 1);
    assert_int_equal(taken(table, 1, NOW + 300 * MS, 5), 2);
    assert_int_equal(taken(table, 1, NOW + 3600 * S, 20), 5); /* no more is saved up */
}

static void what_is_told(void **state)
{
    AUTO_PTR(rate_table) *table = NULL;
    uint32_t key = 7;
    (void)state;
    assert_ok(rate_table_new(64, random_system(), &table));
    for (int64_t left = 4; left >= 0; left--) {
        struct rate_answer answer = rate_table_take(table, key_of(&key), &ten, NOW);
        assert_true(answer.is_taken);
        assert_int_equal(answer.left, left);
        assert_int_equal(answer.full_ns, (5 - left) * 100 * MS);
        assert_int_equal(answer.wait_ns, left > 0 ? 0 : 100 * MS);
    }
    struct rate_answer answer = rate_table_take(table, key_of(&key), &ten, NOW + 30 * MS);
    assert_false(answer.is_taken);
    assert_int_equal(answer.left, 0);
    assert_int_equal(answer.wait_ns, 70 * MS); /* exactly: a moment earlier is refused, then it is given */
    assert_int_equal(taken(table, key, NOW + 100 * MS - 1, 1), 0);
    assert_int_equal(taken(table, key, NOW + 100 * MS, 1), 1);
}

/* Neither a clock that goes back nor a rate that was changed makes anybody wait longer than an empty bucket
 * does, and neither gives more than a full one. */
static void clocks_and_rates_that_change(void **state)
{
    AUTO_PTR(rate_table) *table = NULL;
    static const struct rate slow = {.per_second = 1, .burst = 1000},
                             quick = {.per_second = 1000, .burst = 10};
    uint32_t key = 1;
    (void)state;
    assert_ok(rate_table_new(64, random_system(), &table));
    assert_int_equal(taken(table, key, NOW, 20), 5);
    assert_int_equal(taken(table, key, NOW - 3 * S, 20), 0);
    assert_int_equal(taken(table, key, NOW - 3 * S + 500 * MS, 1), 0); /* nothing was taken: nothing moved */
    assert_int_equal(taken(table, key, NOW, 1), 0);
    assert_int_equal(taken(table, key, NOW + 500 * MS, 20), 5);
    for (int i = 0; i < 1000; i++) {
        assert_true(
            rate_table_take(table, key_of(&key), &slow, NOW + S).is_taken); /* owes a thousand seconds */
    }
    struct rate_answer answer = rate_table_take(table, key_of(&key), &quick, NOW + S);
    assert_false(answer.is_taken);
    assert_int_equal(answer.wait_ns, 1 * MS);
}

/* More keys than places: each gets its burst, and nobody is made to wait by others. */
static void a_flood_of_keys(void **state)
{
    AUTO_PTR(rate_table) *table = NULL;
    (void)state;
    assert_ok(rate_table_new(64, random_system(), &table));
    for (uint32_t key = 1; key <= 40000; key++) {
        assert_int_equal(taken(table, key, NOW, 1), 1);
    }
    /* who asks often keeps its place: it owes more than those who came once */
    assert_int_equal(taken(table, 50000, NOW, 20), 5);
    for (uint32_t key = 1; key <= 40000; key++) {
        (void)taken(table, key, NOW + MS, 1);
    }
    assert_int_equal(taken(table, 50000, NOW + MS, 20), 0);
    assert_int_equal(taken(table, 50000, NOW + 100 * MS, 20), 1);
}

static void draws_are_spread(void **state)
{
    AUTO_PTR(rate_table) *table = NULL;
    int seen[10] = {0};
    (void)state;
    assert_ok(rate_table_new(1, random_system(), &table));
    for (int i = 0; i < 10000; i++) {
        int64_t drawn = rate_table_draw(table, 10);
        assert_in_range(drawn, 0, 9);
        seen[drawn]++;
    }
    for (size_t i = 0; i < 10; i++) {
        assert_in_range(seen[i], 800, 1200); /* six deviations */
    }
    assert_int_equal(rate_table_draw(table, 1), 0);
}

static err_t no_random(void *context, uint8_t *out, size_t n)
{
    (void)context;
    memset(out, 0, n);
    return ERR(ERR_CRYPTO, "no random bytes");
}

static void no_secret_no_table(void **state)
{
    static const struct random broken = {NULL, no_random};
    struct rate_table *table = NULL;
    (void)state;
    assert_error(rate_table_new(8, &broken, &table), ERR_CRYPTO, "no random");
    assert_null(table);
    rate_table_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_burst_and_then_a_rate),
                                       cmocka_unit_test(what_is_told),
                                       cmocka_unit_test(clocks_and_rates_that_change),
                                       cmocka_unit_test(a_flood_of_keys),
                                       cmocka_unit_test(draws_are_spread),
                                       cmocka_unit_test(no_secret_no_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
