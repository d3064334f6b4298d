/* Sorting more than one run of records: the result is what sorting in memory gives. */
#include "tests/unit/base/base_fixture.h"

#include "base/spool_sort.h"

enum { RECORD = 24 };

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 8;
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, RECORD);
}

static void assert_sorted(const char *folder, size_t count)
{
    AUTO_PTR(spool) *in = NULL;
    AUTO_PTR(spool) *out = NULL;
    uint32_t seed = (uint32_t)count;
    uint8_t *all = calloc(count + 1, RECORD);
    uint8_t record[RECORD];
    assert_non_null(all);
    assert_ok(spool_new(folder, &in));
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < RECORD; k++) { /* few values in front: repeats, and long common beginnings */
            all[i * RECORD + k] = (uint8_t)(k < 4 ? next_random(&seed) % 3 : next_random(&seed));
        }
        assert_ok(spool_write(in, all + i * RECORD, RECORD));
    }
    qsort(all, count, RECORD, compare);
    assert_ok(spool_sort(in, RECORD, folder, &out));
    assert_int_equal(spool_at(out), 0);
    for (size_t i = 0; i < count; i++) {
        assert_ok(spool_read(out, record, RECORD));
        assert_memory_equal(record, all + i * RECORD, RECORD);
    }
    assert_error(spool_read(out, record, 1), ERR_IO);
    free(all);
}

static void any_number_of_records_is_sorted(void **state)
{
    static const size_t counts[] = {0, 1, 2, 1000, (4 << 20) / RECORD, (4 << 20) / RECORD + 1, 600000};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        assert_sorted(*state, counts[i]);
    }
}

static void places_are_read_without_going_there(void **state)
{
    AUTO_PTR(spool) *spool = NULL;
    char text[4] = "";
    assert_ok(spool_new(*state, &spool));
    assert_ok(spool_write(spool, "0123456789", 10));
    assert_ok(spool_go(spool, 5));
    assert_ok(spool_read_at(spool, 7, text, 3));
    assert_string_equal(text, "789");
    assert_int_equal(spool_at(spool), 5);
    assert_error(spool_read_at(spool, 8, text, 3), ERR_IO);
}

static void records_have_a_size(void **state)
{
    AUTO_PTR(spool) *in = NULL;
    struct spool *out = NULL;
    assert_ok(spool_new(*state, &in));
    assert_error(spool_sort(in, 0, *state, &out), ERR_INTERNAL);
    assert_error(spool_sort(in, SPOOL_RECORD_MAX + 1, *state, &out), ERR_INTERNAL);
    assert_null(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_number_of_records_is_sorted, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(places_are_read_without_going_there, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(records_have_a_size, folder_setup, folder_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
