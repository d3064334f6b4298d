/* Text encodings, the JSON reader and writer, and the messages that are made of them. */
#include "tests/unit/device/device_fixture.h"

static void base64_is_strict(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *value; /* NULL: refused */
    } rows[] = {
        {"", ""},           {"Zg==", "f"},       {"Zm8=", "fo"}, {"Zm9v", "foo"}, {"Zm9vYmE=", "fooba"},
        {"Zg=", NULL},      {"Zg", NULL},        {"Zh==", NULL}, {"Zm9=", NULL},  {"Zm9v\n", NULL},
        {"Zg==Zg==", NULL}, {"=g==", NULL},      {"Z===", NULL}, {"Zm 9", NULL},  {"Zm-_", NULL},
        {"====", NULL},     {"Zm9vYg==", "foob"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t out[16];
        uint8_t back[16];
        size_t size = 99;
        struct whorl_space room = {out, sizeof out};
        struct whorl_space back_room = {back, sizeof back};
        bool is_taken = whorl_base64_decode(whorl_bytes_of(rows[i].text), room, &size);
        assert_int_equal(is_taken, rows[i].value != NULL);
        if (is_taken) {
            struct whorl_bytes value = {out, size};
            struct whorl_text text;
            assert_bytes(value, rows[i].value);
            whorl_text_begin(&text, back_room);
            whorl_text_base64(&text, value);
            assert_bytes(whorl_text_view(&text), rows[i].text);
        }
    }
    uint8_t two[2];
    size_t size;
    struct whorl_space small = {two, sizeof two};
    assert_false(whorl_base64_decode(whorl_bytes_of("Zm9v"), small, &size));
}

static void hex_is_lower_and_exact(void **state)
{
    (void)state;
    uint8_t out[2];
    assert_true(whorl_hex_decode(whorl_bytes_of("00ff"), out, 2));
    assert_int_equal(out[1], 0xff);
    assert_false(whorl_hex_decode(whorl_bytes_of("00FF"), out, 2));
    assert_false(whorl_hex_decode(whorl_bytes_of("00f"), out, 2));
    assert_false(whorl_hex_decode(whorl_bytes_of("00ffaa"), out, 2));
    assert_false(whorl_hex_decode(whorl_bytes_of("0g00"), out, 2));
}

static void text_never_runs_over(void **state)
{
    (void)state;
    uint8_t out[4] = "????";
    struct whorl_space room = {out, 3};
    struct whorl_text text;
    whorl_text_begin(&text, room);
    whorl_text_number(&text, 12);
    assert_false(text.is_full);
    whorl_text_put(&text, "ab");
    assert_true(text.is_full);
    whorl_text_put(&text, "c");
    assert_bytes(whorl_text_view(&text), "12");
    assert_int_equal(out[3], '?');
}

static void times_are_unix_seconds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t time_s; /* -1: refused */
    } rows[] = {{"1970-01-01T00:00:00Z", 0},          {"2000-02-29T12:34:56Z", 951827696},
                {"2026-11-23T00:00:00Z", 1795392000}, {"2026-11-23T00:00:00.250Z", 1795392000},
                {"2100-03-01T00:00:00Z", 4107542400}, {"2026-11-23T00:00:00", -1},
                {"2026-13-23T00:00:00Z", -1},         {"2026-11-23 00:00:00Z", -1},
                {"2026-11-2xT00:00:00Z", -1},         {"", -1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t time_s = -1;
        assert_int_equal(whorl_time_parse(whorl_bytes_of(rows[i].text), &time_s), rows[i].time_s >= 0);
        assert_true(rows[i].time_s < 0 || time_s == rows[i].time_s);
    }
}

static void members_are_found(void **state)
{
    (void)state;
    static const char json[] = " { \"a\" : 1 , \"b\":{\"a\":2,\"c\":[{\"}\":\"]\"},\"\\\"\"]} "
                               ",\"text\":\"x\\ny\\u00e9\\ud83d\\ude00\", "
                               "\"list\":[10,\"two\",[3]], \"end\":true}";
    struct whorl_bytes value;
    struct whorl_bytes inner;
    uint64_t number = 0;
    assert_true(whorl_json_member(whorl_bytes_of(json), "a", &value));
    assert_true(whorl_json_number(value, &number));
    assert_int_equal(number, 1);
    assert_true(whorl_json_member(whorl_bytes_of(json), "b", &value));
    assert_true(whorl_json_member(value, "a", &inner));
    assert_bytes(inner, "2");
    assert_true(whorl_json_member(value, "c", &inner));
    assert_bytes(inner, "[{\"}\":\"]\"},\"\\\"\"]");
    assert_true(whorl_json_member(whorl_bytes_of(json), "end", &value));
    assert_bytes(value, "true");
    assert_false(whorl_json_member(whorl_bytes_of(json), "c", &value));
    assert_true(whorl_json_member(whorl_bytes_of(json), "list", &value));
    assert_true(whorl_json_element(value, 1, &inner));
    assert_bytes(inner, "\"two\"");
    assert_true(whorl_json_element(value, 2, &inner));
    assert_bytes(inner, "[3]");
    assert_false(whorl_json_element(value, 3, &inner));

    uint8_t out[32];
    size_t size;
    struct whorl_space room = {out, sizeof out};
    assert_true(whorl_json_member(whorl_bytes_of(json), "text", &value));
    assert_false(whorl_json_plain(value, &inner));
    assert_true(whorl_json_string(value, room, &size));
    struct whorl_bytes text = {out, size};
    assert_bytes(text, "x\ny\xc3\xa9\xf0\x9f\x98\x80");
}

static void broken_json_is_not_read(void **state)
{
    (void)state;
    static const char *const rows[] = {"",
                                       "{",
                                       "{}",
                                       "[]",
                                       "{\"a\"",
                                       "{\"a\":",
                                       "{\"a\":[}",
                                       "{\"a\":{]}",
                                       "{\"a\":\"x",
                                       "{\"a\" 1}",
                                       "{a:1}",
                                       "{\"b\":1 \"a\":2}",
                                       "{\"b\":[[",
                                       "{\"a\":\"\\",
                                       "{\"\\u0061\":1}",
                                       "{\"b\":[1,}],\"a\":2}"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct whorl_bytes value;
        size_t size = strlen(rows[i]);
        uint8_t *exact = malloc(size + 1);
        assert_non_null(exact);
        memcpy(exact, rows[i], size);
        struct whorl_bytes json = {exact, size};
        if (whorl_json_member(json, "a", &value)) {
            fail_msg("read a member out of %s", rows[i]);
        }
        free(exact);
    }
    char deep[80];
    struct whorl_bytes value;
    memset(deep, '[', sizeof deep);
    memcpy(deep, "{\"b\":", 5);
    struct whorl_bytes json = {(const uint8_t *)deep, sizeof deep};
    assert_false(whorl_json_member(json, "a", &value));
}

static void bad_escapes_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {"\"\\x\"",     "\"\\u12\"",   "\"\\ud800\"", "\"\\ud800\\u0041\"",
                                       "\"\\udc00\"", "\"\\u0000\"", "\"\\u12g4\"", "\"\\ud800\\ud80"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t out[16];
        size_t size;
        struct whorl_space room = {out, sizeof out};
        assert_false(whorl_json_string(whorl_bytes_of(rows[i]), room, &size));
    }
    static const char *const numbers[] = {"", "-1", "1.5", "1e3", "x", "99999999999999999999"};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        uint64_t number;
        assert_false(whorl_json_number(whorl_bytes_of(numbers[i]), &number));
    }
}

static void bodies_are_to_the_letter(void **state)
{
    (void)state;
    uint8_t out[1024];
    static const uint8_t id[32] = {0xaa};
    static const uint8_t server_id[32] = {0xbb};
    struct whorl_space room = {out, sizeof out};
    struct whorl_text text;
    whorl_text_begin(&text, room);
    whorl_message_put_challenge(&text, id, server_id, WHORL_POP_ENROL);
    assert_bytes(whorl_text_view(&text),
                 "{\"device_id\":\"aa00000000000000000000000000000000000000000000000000000000000000\","
                 "\"server_id\":\"bb00000000000000000000000000000000000000000000000000000000000000\","
                 "\"purpose\":\"enrol\"}");
    whorl_text_begin(&text, room);
    const struct whorl_bytes none = {NULL, 0};
    whorl_message_put_enrol(&text, whorl_bytes_of("csr"), 3, NULL, none);
    assert_bytes(whorl_text_view(&text), "{\"csr\":\"Y3Ny\",\"generation\":3}");
    whorl_text_begin(&text, room);
    whorl_message_put_enrol(&text, whorl_bytes_of("csr"), 3, NULL, whorl_bytes_of("whorlcode_1"));
    assert_bytes(whorl_text_view(&text), "{\"csr\":\"Y3Ny\",\"generation\":3,\"code\":\"whorlcode_1\"}");
    whorl_text_begin(&text, room);
    whorl_message_put_status(&text, NULL, whorl_bytes_of("whorlcode_1"));
    assert_bytes(whorl_text_view(&text), "{\"code\":\"whorlcode_1\"}");

    struct whorl_proof proof = {.nonce = whorl_bytes_of("n"), .counter = 5, .signature_size = 1};
    struct whorl_bytes value;
    struct whorl_bytes inner;
    whorl_text_begin(&text, room);
    whorl_message_put_enrol(&text, whorl_bytes_of("csr"), 3, &proof, whorl_bytes_of("c"));
    assert_true(whorl_json_member(whorl_text_view(&text), "proof", &value));
    assert_true(whorl_json_member(value, "counter", &inner));
    assert_bytes(inner, "5");
    assert_true(whorl_message_text(value, "nonce", &inner));
    assert_bytes(inner, "bg==");
    assert_true(whorl_message_text(value, "signature", &inner));
    assert_bytes(inner, "AA==");
}

static void answers_are_read(void **state)
{
    (void)state;
    static const char full[] =
        "{\"device_id\":\"x\",\"status\":\"enrolled\",\"code\":10,\"generation\":2,\"owner_salt\":"
        "\"0100000000000000000000000000000000000000000000000000000000000000\",\"server_time\":\"2026-11-"
        "23T00:00:00Z\","
        "\"renew_after\":\"2026-11-23T00:00:01Z\",\"later\":{}}";
    struct whorl_status status;
    assert_true(whorl_message_read_status(whorl_bytes_of(full), &status));
    assert_int_equal(status.code, WHORL_CODE_ENROLLED);
    assert_int_equal(status.generation, 2);
    assert_true(status.has_owner_salt);
    assert_int_equal(status.owner_salt[0], 1);
    assert_int_equal(status.renew_after_s - status.server_time_s, 1);
    assert_true(whorl_message_read_status(whorl_bytes_of("{\"code\":30}"), &status));
    assert_int_equal(status.generation, 0);
    assert_false(status.has_owner_salt);
    assert_false(whorl_message_read_status(whorl_bytes_of("{\"status\":\"enrolled\"}"), &status));
    assert_false(
        whorl_message_read_status(whorl_bytes_of("{\"code\":10,\"generation\":4294967295}"), &status));

    struct whorl_challenge challenge;
    assert_false(
        whorl_message_read_challenge(whorl_bytes_of("{\"nonce\":\"\",\"server_id\":\"00\"}"), &challenge));

    struct whorl_problem problem;
    whorl_message_read_problem(403, whorl_bytes_of("{\"title\":\"T\",\"detail\":\"a\\nb\"}"), &problem);
    assert_string_equal(problem.title, "T");
    assert_string_equal(problem.detail, "a b");
    whorl_message_read_problem(502, whorl_bytes_of("<html>"), &problem);
    assert_int_equal(problem.status, 502);
    assert_string_equal(problem.detail, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_is_strict),        cmocka_unit_test(hex_is_lower_and_exact),
        cmocka_unit_test(text_never_runs_over),    cmocka_unit_test(times_are_unix_seconds),
        cmocka_unit_test(members_are_found),       cmocka_unit_test(broken_json_is_not_read),
        cmocka_unit_test(bad_escapes_are_refused), cmocka_unit_test(bodies_are_to_the_letter),
        cmocka_unit_test(answers_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
