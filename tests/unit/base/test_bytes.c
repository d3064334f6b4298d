/* bytes.c and utf8.c: comparing, wiping, and the borders of UTF-8. */
#include "base/utf8.h"
#include "tests/unit/base/base_fixture.h"

static void equality(void **state)
{
    (void)state;
    struct bytes a = bytes_str("abc");
    assert_true(bytes_equal(a, bytes_str("abc")));
    assert_true(bytes_equal_ct(a, bytes_str("abc")));
    assert_false(bytes_equal(a, bytes_str("abd")));
    assert_false(bytes_equal_ct(a, bytes_str("abd")));
    assert_false(bytes_equal_ct(a, bytes_str("xbc")));
    assert_false(bytes_equal(a, bytes_str("ab")));
    assert_false(bytes_equal_ct(a, bytes_str("abcd")));
    assert_true(bytes_equal(BYTES_NONE, bytes_str("")));
    assert_true(bytes_equal_ct(BYTES_NONE, BYTES_NONE));
    assert_true(bytes_is(a, "abc"));
    assert_false(bytes_is(a, "abcd"));
}

static void order_is_that_of_unsigned_bytes_then_length(void **state)
{
    (void)state;
    assert_true(bytes_compare(bytes_str("a"), bytes_str("b")) < 0);
    assert_true(bytes_compare(bytes_str("\xff"), bytes_str("a")) > 0);
    assert_true(bytes_compare(bytes_str("ab"), bytes_str("a")) > 0);
    assert_true(bytes_compare(BYTES_NONE, bytes_str("a")) < 0);
    assert_int_equal(bytes_compare(BYTES_NONE, BYTES_NONE), 0);
}

static void wiping(void **state)
{
    (void)state;
    char text[] = "secret";
    bytes_wipe(text, 3);
    assert_memory_equal(text, "\0\0\0ret", 6);
    bytes_wipe(NULL, 0);
}

static void utf8_borders(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_valid;
    } rows[] = {
        {"", true},
        {"plain", true},
        {"\xc2\x80\xdf\xbf", true},
        {"\xc1\xbf", false}, /* overlong */
        {"\xe0\xa0\x80\xef\xbf\xbf", true},
        {"\xe0\x9f\xbf", false}, /* overlong */
        {"\xed\x9f\xbf", true},
        {"\xed\xa0\x80", false}, /* surrogate */
        {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", true},
        {"\xf0\x8f\xbf\xbf", false}, /* overlong */
        {"\xf4\x90\x80\x80", false}, /* above U+10FFFF */
        {"\xf5\x80\x80\x80", false},
        {"\x80", false},
        {"a\xe2\x82", false}, /* cut */
        {"\xe2\x82\x28", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (utf8_is_valid(bytes_str(rows[i].text)) != rows[i].is_valid) {
            fail_msg("row %zu", i);
        }
    }
    assert_int_equal(utf8_char_size(bytes_str("\xe2\x82\xac!")), 3);
    assert_int_equal(utf8_char_size(BYTES_NONE), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equality),
        cmocka_unit_test(order_is_that_of_unsigned_bytes_then_length),
        cmocka_unit_test(wiping),
        cmocka_unit_test(utf8_borders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
