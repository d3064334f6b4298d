/* Which bucket a value falls into, and that the text adds up: cumulative buckets, the last of them the count.
 */
#include "base/histogram.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/base/base_fixture.h"

/* The value of the line that begins so. */
static const char *at(const struct buf *text, const char *line)
{
    const char *found = strstr(buf_str(text), line);
    assert_non_null(found);
    return found + strlen(line);
}

static void bounds_say_what_they_mean(void **state)
{
    (void)state;
    const struct histogram_bounds *all[] = {histogram_seconds(), histogram_numbers()};
    for (size_t k = 0; k < COUNT_OF(all); k++) {
        int64_t last = 0;
        for (size_t i = 0; i < all[k]->count; i++) {
            double value = strtod(all[k]->items[i].le, NULL) * (all[k]->is_seconds ? 1e6 : 1.0);
            assert_int_equal((int64_t)(value + 0.5), all[k]->items[i].most);
            assert_true(all[k]->items[i].most > last);
            assert_non_null(strchr(all[k]->items[i].le, '.')); /* OpenMetrics: floats, canonical */
            last = all[k]->items[i].most;
        }
    }
}

static void edges_belong_below(void **state)
{
    (void)state;
    AUTO_VAL(buf) text = {0};
    struct histogram h = {.sum = 0};
    static const int64_t values[] = {-5, 0, 1, 2, 3, 256, 257, INT64_C(1) << 40};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        histogram_add(&h, histogram_numbers(), values[i]);
    }
    assert_ok(histogram_write_one("group", "How many", &h, histogram_numbers(), &text));
    assert_string_equal(buf_str(&text), "# TYPE group histogram\n# HELP group How many\n"
                                        "group_bucket{le=\"1.0\"} 3\n"
                                        "group_bucket{le=\"2.0\"} 4\n"
                                        "group_bucket{le=\"4.0\"} 5\n"
                                        "group_bucket{le=\"8.0\"} 5\n"
                                        "group_bucket{le=\"16.0\"} 5\n"
                                        "group_bucket{le=\"32.0\"} 5\n"
                                        "group_bucket{le=\"64.0\"} 5\n"
                                        "group_bucket{le=\"128.0\"} 5\n"
                                        "group_bucket{le=\"256.0\"} 6\n"
                                        "group_bucket{le=\"+Inf\"} 8\n"
                                        "group_sum 1099511628295\n"
                                        "group_count 8\n");
}

static void every_bound_of_seconds(void **state)
{
    (void)state;
    const struct histogram_bounds *bounds = histogram_seconds();
    struct histogram h = {.sum = 0};
    for (size_t i = 0; i < bounds->count; i++) {
        histogram_add(&h, bounds, bounds->items[i].most);     /* the last of its bucket */
        histogram_add(&h, bounds, bounds->items[i].most + 1); /* the first of the next */
    }
    assert_int_equal(atomic_load(&h.counts[0]), 1);
    assert_int_equal(atomic_load(&h.counts[bounds->count]), 1);
    for (size_t i = 1; i < bounds->count; i++) {
        assert_int_equal(atomic_load(&h.counts[i]), 2);
    }
}

static void parts_are_added_up(void **state)
{
    (void)state;
    AUTO_VAL(buf) text = {0};
    struct histogram one = {.sum = 0}, two = {.sum = 0};
    const struct histogram *const parts[] = {&one, &two};
    const struct histogram_series series = {
        .name = "wait_seconds", .labels = "on=\"x\"", .parts = parts, .part_count = 2};
    histogram_add(&one, histogram_seconds(), 90);
    histogram_add(&one, histogram_seconds(), 1500000);
    histogram_add(&two, histogram_seconds(), 20000007);
    assert_ok(histogram_write_head("wait_seconds", "Waits", histogram_seconds(), &text));
    assert_ok(histogram_write(&series, histogram_seconds(), &text));
    assert_non_null(strstr(buf_str(&text), "# TYPE wait_seconds histogram\n# UNIT wait_seconds seconds\n"));
    assert_int_equal(atoi(at(&text, "wait_seconds_bucket{on=\"x\",le=\"0.0001\"} ")), 1);
    assert_int_equal(atoi(at(&text, "wait_seconds_bucket{on=\"x\",le=\"1.0\"} ")), 1);
    assert_int_equal(atoi(at(&text, "wait_seconds_bucket{on=\"x\",le=\"2.5\"} ")), 2);
    assert_int_equal(atoi(at(&text, "wait_seconds_bucket{on=\"x\",le=\"10.0\"} ")), 2);
    assert_int_equal(atoi(at(&text, "wait_seconds_bucket{on=\"x\",le=\"+Inf\"} ")), 3);
    assert_memory_equal(at(&text, "wait_seconds_sum{on=\"x\"} "), "21.500097\n", 10);
    assert_int_equal(atoi(at(&text, "wait_seconds_count{on=\"x\"} ")), 3);
}

static void none_is_all_zeros(void **state)
{
    (void)state;
    AUTO_VAL(buf) text = {0};
    struct histogram h = {.sum = 0};
    assert_ok(histogram_write_one("wait_seconds", "Waits", &h, histogram_seconds(), &text));
    assert_int_equal(atoi(at(&text, "wait_seconds_bucket{le=\"+Inf\"} ")), 0);
    assert_memory_equal(at(&text, "wait_seconds_sum "), "0.000000\n", 9);
    int64_t before = stopwatch_us();
    assert_true(before > 0 && stopwatch_us() >= before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_say_what_they_mean), cmocka_unit_test(edges_belong_below),
        cmocka_unit_test(every_bound_of_seconds),    cmocka_unit_test(parts_are_added_up),
        cmocka_unit_test(none_is_all_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
