/* hex.c, base64.c and uuid.c: vectors of RFC 4648 §10, line breaks of RFC 8951 §3, one spelling for each
 * value. */
#include "base/ports.h"
#include "tests/unit/base/base_fixture.h"

static void hex_both_ways(void **state)
{
    (void)state;
    AUTO_VAL(buf) text = {0};
    uint8_t out[4];
    assert_ok(hex_append(&text, BYTES_OF(((uint8_t[]){0x00, 0x7f, 0xab, 0xff}))));
    assert_string_equal(buf_str(&text), "007fabff");
    assert_ok(hex_decode(buf_view(&text), out, 4));
    assert_memory_equal(out, "\x00\x7f\xab\xff", 4);
    assert_ok(hex_append(&text, BYTES_NONE));
    assert_int_equal(text.n, 8);
    assert_ok(hex_decode(BYTES_NONE, out, 0));
}

static void hex_is_strict(void **state)
{
    (void)state;
    uint8_t out[2];
    static const char *const bad[] = {"", "00f", "00ff0", "00fF", "00FF", "0 ff", "0x00", "00g0", "00ff00"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_error(hex_decode(bytes_str(bad[i]), out, sizeof out), ERR_BAD_ENCODING);
    }
}

static const struct {
    const char *plain, *text;
} rfc4648[] = {{"", ""},
               {"f", "Zg=="},
               {"fo", "Zm8="},
               {"foo", "Zm9v"},
               {"foob", "Zm9vYg=="},
               {"fooba", "Zm9vYmE="},
               {"foobar", "Zm9vYmFy"}};

static void base64_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rfc4648); i++) {
        AUTO_VAL(buf) text = {0};
        AUTO_VAL(buf) strict = {0};
        AUTO_VAL(buf) lenient = {0};
        assert_ok(base64_append(&text, bytes_str(rfc4648[i].plain)));
        assert_string_equal(buf_str(&text), rfc4648[i].text);
        assert_ok(base64_decode(buf_view(&text), &strict));
        assert_string_equal(buf_str(&strict), rfc4648[i].plain);
        assert_ok(base64_decode_lenient(buf_view(&text), &lenient));
        assert_string_equal(buf_str(&lenient), rfc4648[i].plain);
    }
}

static void base64_every_byte_and_append(void **state)
{
    (void)state;
    uint8_t all[256];
    for (size_t i = 0; i < sizeof all; i++) {
        all[i] = (uint8_t)i;
    }
    for (size_t n = 0; n <= sizeof all; n++) {
        AUTO_VAL(buf) text = {0};
        AUTO_VAL(buf) back = {0};
        assert_ok(buf_append_str(&back, "head"));
        assert_ok(base64_append(&text, (struct bytes){all, n}));
        assert_ok(base64_decode(buf_view(&text), &back));
        assert_int_equal(back.n, 4 + n);
        assert_memory_equal(back.p, "head", 4);
        assert_memory_equal(back.p + 4, all, n);
    }
}

static void base64_white_space_only_when_lenient(void **state)
{
    (void)state;
    static const char *const texts[] = {"Zm9v\r\nYmFy\r\n", " Z m\t9\nvYmFy", "Zm9vYmFy\n\n"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        AUTO_VAL(buf) out = {0};
        assert_ok(base64_decode_lenient(bytes_str(texts[i]), &out));
        assert_string_equal(buf_str(&out), "foobar");
        assert_error(base64_decode(bytes_str(texts[i]), &out), ERR_BAD_ENCODING);
    }
    AUTO_VAL(buf) out = {0};
    assert_ok(base64_decode_lenient(bytes_str("Zg=\r\n=\r\n"), &out));
    assert_string_equal(buf_str(&out), "f");
}

static void base64_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "Z",     "Zg",       "Zg=",      "Zm8",         "=",          "====",    "Z===",
        "Zg===", "Zg==Zg==", "Zm9v=",    "Zm=v",        "Zh==",       "Zm9=",    "Zm9v!Zm9",
        "Zm-_",  "Zm9\v",    "Zm9v\xff", "Zm9v\x80mFy", "-----BEGIN", "Zg==\n=",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        AUTO_VAL(buf) out = {0};
        assert_ok(buf_append_str(&out, "kept"));
        assert_error(base64_decode_lenient(bytes_str(bad[i]), &out), ERR_BAD_ENCODING);
        assert_error(base64_decode(bytes_str(bad[i]), &out), ERR_BAD_ENCODING);
        assert_string_equal(buf_str(&out), "kept");
    }
    AUTO_VAL(buf) out = {0};
    assert_error(base64_decode((struct bytes){(const uint8_t *)"Zm\0v", 4}, &out), ERR_BAD_ENCODING);
    err_t error = base64_decode(bytes_str("Zm9vZ?=="), &out);
    assert_non_null(strstr(error.detail, "offset 5"));
}

static void uuid_both_ways(void **state)
{
    (void)state;
    struct uuid id;
    char text[UUID_TEXT_SIZE];
    assert_ok(uuid_parse(bytes_str("017F22E2-79b0-7cc3-98c4-dc0c0c07398f"), &id));
    uuid_format(id, text);
    assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    assert_true(uuid_equal(id, id));
    assert_false(uuid_equal(id, (struct uuid){0}));
    static const char *const bad[] = {"",
                                      "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
                                      "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
                                      "017f22e279b0-7cc3-98c4--dc0c0c07398f",
                                      "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
                                      "017f22e2-79b0-7cc3-98c4-dc0c0c07398g"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_error(uuid_parse(bytes_str(bad[i]), &id), ERR_BAD_ENCODING);
    }
}

static void new_uuids_are_version_7_and_ordered(void **state)
{
    (void)state;
    struct manual_clock clock;
    struct uuid a;
    struct uuid b;
    manual_clock_init(&clock, 0x017f22e279b0);
    assert_ok(uuid_new(&clock.clock, random_system(), &a));
    assert_memory_equal(a.b, "\x01\x7f\x22\xe2\x79\xb0", 6);
    assert_int_equal(a.b[6] >> 4, 7);
    assert_int_equal(a.b[8] >> 6, 2);
    assert_ok(uuid_new(&clock.clock, random_system(), &b));
    assert_false(uuid_equal(a, b));
    manual_clock_advance(&clock, 1);
    assert_ok(uuid_new(&clock.clock, random_system(), &b));
    assert_true(bytes_compare(BYTES_OF(a.b), BYTES_OF(b.b)) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex_both_ways),
        cmocka_unit_test(hex_is_strict),
        cmocka_unit_test(base64_vectors),
        cmocka_unit_test(base64_every_byte_and_append),
        cmocka_unit_test(base64_white_space_only_when_lenient),
        cmocka_unit_test(base64_refuses),
        cmocka_unit_test(uuid_both_ways),
        cmocka_unit_test(new_uuids_are_version_7_and_ordered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
