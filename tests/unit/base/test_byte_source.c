/* Sources of bytes: bounds, and pieces that add up to the whole. */
#include "tests/unit/base/base_fixture.h"

#include "base/byte_source.h"

static void bounds_are_judged(void **state)
{
    (void)state;
    uint8_t out[8] = {0};
    struct bytes memory = bytes_str("0123456789");
    const struct byte_source source = byte_source_of(&memory);
    assert_ok(byte_source_read(&source, 2, out, 8));
    assert_memory_equal(out, "23456789", 8);
    assert_ok(byte_source_read(&source, 10, out, 0));
    static const struct {
        int64_t at;
        size_t n;
    } bad[] = {{3, 8}, {-1, 1}, {11, 0}, {INT64_MAX, 1}, {INT64_MIN, 1}, {0, SIZE_MAX}, {1, INT64_MAX}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_error(byte_source_read(&source, bad[i].at, out, bad[i].n), ERR_UNPROCESSABLE);
    }
    assert_true(byte_source_has(&source, 0, 10) && byte_source_has(&source, 10, 0));
    assert_false(byte_source_has(&source, 0, -1) || byte_source_has(&source, 5, INT64_MAX));
}

static err_t take(void *arg, struct bytes piece)
{
    return buf_append_bytes(arg, piece);
}

static err_t stop(void *arg, struct bytes piece)
{
    int *calls = arg;
    (*calls)++;
    return ERR(ERR_BUSY, "%zu bytes are enough", piece.n);
}

static void pieces_add_up(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 16384, 16385, 50000};
    AUTO_VAL(buf) whole = {0};
    for (int i = 0; i < 50001; i++) {
        const uint8_t byte = (uint8_t)(i * 31 + i / 256);
        assert_ok(buf_append(&whole, &byte, 1));
    }
    struct bytes memory = buf_view(&whole);
    const struct byte_source source = byte_source_of(&memory);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        AUTO_VAL(buf) got = {0};
        assert_ok(byte_source_each(&source, 1, sizes[i], take, &got));
        assert_int_equal(got.n, sizes[i]);
        assert_true(got.n == 0 || memcmp(got.p, whole.p + 1, got.n) == 0);
    }
    int calls = 0;
    assert_error(byte_source_each(&source, 0, 50000, stop, &calls), ERR_BUSY);
    assert_int_equal(calls, 1);
    assert_error(byte_source_each(&source, 2, 50000, stop, &calls), ERR_UNPROCESSABLE);
    assert_int_equal(calls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bounds_are_judged), cmocka_unit_test(pieces_add_up)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
