/* json.c: what is not accepted as JSON, and writing. Reading by table is in test_json_read.c. */
#include "base/json.h"
#include "tests/unit/base/base_fixture.h"

static void parses_objects_and_arrays(void **state)
{
    (void)state;
    AUTO(json_t) *object = NULL;
    assert_ok(json_parse(bytes_str(" {\"a\": [1, {\"b\": null}]}\n"), 100, &object));
    assert_true(json_is_object(object));
    AUTO(json_t) *array = NULL;
    assert_ok(json_parse(bytes_str("[]"), 2, &array));
    assert_true(json_is_array(array));
}

static void refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "   ",
        "null",
        "1",
        "\"text\"",
        "{",
        "{\"a\":1,}",
        "{\"a\":1}x",
        "{\"a\":1}{}",
        "{'a':1}",
        "{a:1}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":NaN}",
        "{\"a\":1,\"a\":2}",
        "{\"b\":{\"a\":1,\"a\":1}}",
        "{\"a\":9223372036854775808}",
        "{\"a\":-9223372036854775809}",
        "{\"a\":1e999}",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\xc0\x80\"}",
        "{\"a\":\"\xed\xa0\x80\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\u0000\"}",
        "{\"\\u0000\":1}",
        "{\"a\":\"line\nbreak\"}",
        "{\"a\":1 /* comment */}",
        "\xef\xbb\xbf{}",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        json_t *out = NULL;
        assert_error(json_parse(bytes_str(bad[i]), 1000, &out), ERR_BAD_JSON);
        assert_null(out);
    }
    json_t *out = NULL;
    assert_error(json_parse((struct bytes){(const uint8_t *)"{}\0", 3}, 100, &out), ERR_BAD_JSON);
}

static void reason_names_the_place(void **state)
{
    (void)state;
    json_t *out = NULL;
    err_t error = json_parse(bytes_str("{\n \"a\": x\n}"), 100, &out);
    assert_non_null(strstr(error.detail, "line 2"));
}

static void size_is_limited(void **state)
{
    (void)state;
    json_t *out = NULL;
    assert_error(json_parse(bytes_str("[ ]"), 2, &out), ERR_TOO_LARGE);
    assert_null(out);
}

/* `n` brackets open and close, behind a text that holds brackets and an escaped quote. */
static err_t parse_nested(size_t n)
{
    AUTO_VAL(buf) text = {0};
    AUTO(json_t) *out = NULL;
    TRY(buf_append_str(&text, "[\"[[[[\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\","));
    for (size_t i = 1; i < n; i++) {
        TRY(buf_append_str(&text, i % 2 == 0 ? "[" : "{\"a\":"));
    }
    TRY(buf_append_str(&text, "1"));
    for (size_t i = n - 1; i >= 1; i--) {
        TRY(buf_append_str(&text, i % 2 == 0 ? "]" : "}"));
    }
    TRY(buf_append_str(&text, "]"));
    return json_parse(buf_view(&text), text.n, &out);
}

static void depth_is_limited(void **state)
{
    (void)state;
    assert_ok(parse_nested(2));
    assert_ok(parse_nested(32));
    assert_error(parse_nested(33), ERR_BAD_JSON);
    assert_error(parse_nested(100000), ERR_BAD_JSON);
}

static void refuse_repeated(const char *unit, size_t count, bool is_refused)
{
    AUTO_VAL(buf) text = {0};
    AUTO(json_t) *out = NULL;
    assert_ok(buf_append_str(&text, "["));
    for (size_t i = 0; i < count; i++) {
        assert_ok(buf_printf(&text, "%s%s", i > 0 ? "," : "", unit));
    }
    assert_ok(buf_append_str(&text, "]"));
    err_t error = json_parse(buf_view(&text), text.n, &out);
    assert_int_equal(error.code, is_refused ? ERR_TOO_LARGE : ERR_OK);
}

static void a_long_text_of_nothing_but_values_is_refused(void **state)
{
    (void)state;
    static const char id[] = "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"";
    static const char device[] =
        "{\"device_id\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\","
        "\"labels\":{\"ring\":\"x\"},\"serial\":\"S1\"}";
    static const char *const mean[] = {"{}", "[]", "1", "\"\"", "{\"a\":1}", "[[[]]]"};
    for (size_t i = 0; i < sizeof mean / sizeof mean[0]; i++) {
        refuse_repeated(mean[i], 2000, false); /* a short one is what it is */
        refuse_repeated(mean[i], 100000, true);
    }
    refuse_repeated(id, 100000, false);
    refuse_repeated(device, 30000, false);
    refuse_repeated("\"[[[{{{,,,,::::\\\"{{{{[[[[,,,,,,,,,,,,\"", 50000,
                    false); /* brackets of a string are text */
}

static void writing(void **state)
{
    (void)state;
    AUTO_VAL(buf) text = {0};
    AUTO(json_t) *object = json_object();
    assert_ok(json_set_text(object, "t", "a\"\xc3\xa9\n"));
    assert_ok(json_set_int(object, "i", INT64_MIN));
    assert_ok(json_set_bool(object, "b", true));
    assert_ok(json_set_time(object, "at", 0));
    assert_ok(json_set_hex(object, "h", bytes_str("\x01\xff")));
    assert_ok(json_set_hex(object, "h0", BYTES_NONE));
    assert_ok(json_set_base64(object, "p", bytes_str("foob")));
    assert_ok(json_take(object, "n", json_null()));
    assert_ok(buf_append_str(&text, ">"));
    assert_ok(json_append(&text, object));
    assert_string_equal(buf_str(&text), ">{\"t\":\"a\\\"\xc3\xa9\\n\",\"i\":-9223372036854775808,\"b\":true,"
                                        "\"at\":\"1970-01-01T00:00:00Z\",\"h\":\"01ff\",\"h0\":\"\","
                                        "\"p\":\"Zm9vYg==\",\"n\":null}");
}

static void a_member_that_could_not_be_made_is_an_error(void **state)
{
    (void)state;
    AUTO(json_t) *object = json_object();
    assert_error(json_take(object, "n", NULL), ERR_NO_MEMORY);
    assert_error(json_set_text(object, "t", "\xff"), ERR_NO_MEMORY);
    assert_error(json_take(NULL, "n", json_integer(1)), ERR_NO_MEMORY); /* consumed: LeakSanitizer looks */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_objects_and_arrays),
        cmocka_unit_test(refuses),
        cmocka_unit_test(reason_names_the_place),
        cmocka_unit_test(size_is_limited),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(a_long_text_of_nothing_but_values_is_refused),
        cmocka_unit_test(writing),
        cmocka_unit_test(a_member_that_could_not_be_made_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
