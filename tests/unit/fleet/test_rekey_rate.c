/* The rate limit as a value: whatever the times of the tries, no window of its length holds more. */
#include "tests/unit/base/base_fixture.h"

#include "fleet/rekey_rate.h"

enum { TRIES = 20000 };
static const int64_t AT_MS = 1780272000000;

struct log_of {
    int64_t at[TRIES];
    size_t count;
};

static int64_t most_in(const struct log_of *told, int64_t window_ms)
{
    int64_t most = 0;
    size_t first = 0;
    for (size_t i = 0; i < told->count; i++) {
        while (told->at[first] <= told->at[i] - window_ms) {
            first++;
        }
        int64_t n = (int64_t)(i - first + 1);
        most = n > most ? n : most;
    }
    return most;
}

static int64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return (int64_t)(*state >> 33);
}

static void try_many(const struct rekey_rate *rate, int64_t step_max_ms, struct log_of *told)
{
    struct rekey_window window = {.slot = 0};
    uint64_t random = 7;
    int64_t now_ms = AT_MS;
    told->count = 0;
    for (int i = 0; i < TRIES; i++) {
        now_ms += next_random(&random) % (step_max_ms + 1);
        if (rekey_rate_take(rate, now_ms, &window)) {
            told->at[told->count++] = now_ms;
        }
    }
}

static void test_no_window_holds_more(void **state)
{
    static const struct rekey_rate rates[] = {{1, 1000}, {7, 1000}, {100, 1000}, {3, 60000}, {250, 60000}};
    static struct log_of told;
    (void)state;
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        for (int64_t step = 1; step <= 400; step *= 20) {
            try_many(&rates[i], step, &told);
            assert_true(told.count > 0);
            assert_true(most_in(&told, rates[i].window_ms) <= rates[i].devices);
        }
    }
}

/* Strict, and not wasteful: who always waits gets nearly all of it. */
static void test_the_rate_is_nearly_reached(void **state)
{
    const struct rekey_rate rate = {50, 1000};
    static struct log_of told;
    (void)state;
    try_many(&rate, 2, &told); /* 20 s of tries, one each millisecond */
    int64_t seconds = (told.at[told.count - 1] - told.at[0]) / 1000;
    assert_true((int64_t)told.count >= seconds * rate.devices * 9 / 10);
}

static void test_no_limit(void **state)
{
    const struct rekey_rate rate = {0, 0};
    struct rekey_window window = {.slot = 5};
    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_true(rekey_rate_take(&rate, AT_MS, &window));
    }
    assert_int_equal(window.n[0], 0);
}

static void test_a_clock_that_goes_back_gives_nothing_away(void **state)
{
    const struct rekey_rate rate = {5, 1000};
    struct rekey_window window = {.slot = 0};
    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_true(rekey_rate_take(&rate, AT_MS, &window));
    }
    const int64_t back_ms = AT_MS - 3600 * 1000;
    assert_false(rekey_rate_take(&rate, back_ms, &window));
    assert_false(rekey_rate_take(&rate, back_ms + 999, &window));
    assert_true(rekey_rate_take(&rate, back_ms + 1100, &window)); /* and it does not wait for the hour */
}

static void test_another_limit_counts_what_was_told_lately(void **state)
{
    const struct rekey_rate before = {5, 1000};
    const struct rekey_rate after = {6, 60000};
    const struct rekey_rate none = {0, 0};
    struct rekey_window window = {.slot = 0};
    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_true(rekey_rate_take(&before, AT_MS, &window));
    }
    assert_false(rekey_rate_change(&before, &before, AT_MS, &window));
    assert_false(rekey_rate_change(&before, &none, AT_MS, &window));
    assert_true(rekey_rate_change(&before, &after, AT_MS, &window));
    assert_true(rekey_rate_take(&after, AT_MS + 1, &window));
    assert_false(rekey_rate_take(&after, AT_MS + 59000, &window)); /* six of the minute, five from before */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_window_holds_more),
        cmocka_unit_test(test_the_rate_is_nearly_reached),
        cmocka_unit_test(test_no_limit),
        cmocka_unit_test(test_a_clock_that_goes_back_gives_nothing_away),
        cmocka_unit_test(test_another_limit_counts_what_was_told_lately),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
