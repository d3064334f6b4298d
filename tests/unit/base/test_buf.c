/* buf.c: growth, the NUL that is not counted, empty pieces, pieces of itself, impossible sizes. */
#include "tests/unit/base/base_fixture.h"

static void empty_buffer_is_an_empty_string(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_string_equal(buf_str(&b), "");
    assert_int_equal(buf_view(&b).n, 0);
    assert_ok(buf_append(&b, NULL, 0));
    assert_ok(buf_append_bytes(&b, BYTES_NONE));
    assert_ok(buf_append_str(&b, ""));
    assert_ok(buf_printf(&b, "%s", ""));
    assert_int_equal(b.n, 0);
    assert_string_equal(buf_str(&b), "");
    buf_clear(&b);
    buf_clear(&b);
    buf_wipe(&b);
    assert_null(b.p);
}

static void growth_keeps_content_and_ends_with_nul(void **state)
{
    (void)state;
    AUTO_VAL(buf) b = {0};
    for (size_t i = 0; i < 10000; i++) {
        uint8_t byte = (uint8_t)(i * 7);
        assert_ok(buf_append(&b, &byte, 1));
        assert_int_equal(b.n, i + 1);
        assert_true(b.capacity > b.n);
        assert_int_equal(b.p[b.n], 0);
    }
    for (size_t i = 0; i < b.n; i++) {
        assert_int_equal(b.p[i], (uint8_t)(i * 7));
    }
}

static void text_and_printf(void **state)
{
    (void)state;
    AUTO_VAL(buf) b = {0};
    assert_ok(buf_append_str(&b, "ab"));
    assert_ok(buf_append_bytes(&b, bytes_str("cd")));
    assert_ok(buf_printf(&b, "-%05d-%0200d", 42, 1));
    assert_int_equal(b.n, 4 + 7 + 200);
    assert_memory_equal(b.p, "abcd-00042-000", 14);
    assert_int_equal(strlen(buf_str(&b)), b.n);
}

static void reserved_room_does_not_move(void **state)
{
    (void)state;
    AUTO_VAL(buf) b = {0};
    assert_ok(buf_reserve(&b, 1000));
    const uint8_t *before = b.p;
    for (size_t i = 0; i < 1000; i++) {
        assert_ok(buf_append(&b, "x", 1));
    }
    assert_ptr_equal(b.p, before);
}

static void a_piece_of_itself_may_be_appended(void **state)
{
    (void)state;
    AUTO_VAL(buf) b = {0};
    assert_ok(buf_append_str(&b, "0123456789"));
    for (int i = 0; i < 6; i++) {
        assert_ok(buf_append_bytes(&b, buf_view(&b)));
    }
    assert_int_equal(b.n, 640);
    for (size_t i = 0; i < b.n; i++) {
        assert_int_equal(b.p[i], '0' + i % 10);
    }
}

static void impossible_sizes_are_errors(void **state)
{
    (void)state;
    AUTO_VAL(buf) b = {0};
    assert_ok(buf_append_str(&b, "kept"));
    assert_error(buf_reserve(&b, SIZE_MAX), ERR_NO_MEMORY);
    assert_error(buf_reserve(&b, SIZE_MAX - 4), ERR_NO_MEMORY);
    assert_string_equal(buf_str(&b), "kept");
}

static void secrets_are_cleared(void **state)
{
    (void)state;
    struct secret s = {0};
    assert_ok(buf_append_str(&s.bytes, "key"));
    secret_clear(&s);
    assert_null(s.bytes.p);
    assert_int_equal(s.bytes.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_buffer_is_an_empty_string),
        cmocka_unit_test(growth_keeps_content_and_ends_with_nul),
        cmocka_unit_test(text_and_printf),
        cmocka_unit_test(reserved_room_does_not_move),
        cmocka_unit_test(a_piece_of_itself_may_be_appended),
        cmocka_unit_test(impossible_sizes_are_errors),
        cmocka_unit_test(secrets_are_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
