/* json_read.c: every kind, right and wrong; missing, null and unknown members. */
#include "base/json.h"
#include "tests/unit/base/base_fixture.h"

struct target {
    const char *text;
    int64_t number;
    bool on, has_on;
    int64_t at_ms;
    struct uuid id;
    uint8_t hash[32];
    struct buf der;
    json_t *object, *array;
};

#define FIELD(name_, kind_, min_, max_)                                                                      \
    {                                                                                                        \
#name_, kind_, false, offsetof(struct target, name_), min_, max_, JSON_NO_HAS                        \
    }

static const struct json_field fields[] = {
    FIELD(text, JSON_KIND_TEXT, 2, 5),
    FIELD(number, JSON_KIND_INTEGER, -3, 10),
    {"on", JSON_KIND_BOOLEAN, false, offsetof(struct target, on), 0, 0, offsetof(struct target, has_on)},
    FIELD(at_ms, JSON_KIND_TIME, 0, 0),
    FIELD(id, JSON_KIND_UUID, 0, 0),
    FIELD(hash, JSON_KIND_HEX32, 0, 0),
    FIELD(der, JSON_KIND_BASE64, 1, 4),
    FIELD(object, JSON_KIND_OBJECT, 0, 0),
    FIELD(array, JSON_KIND_ARRAY, 1, 2),
};

static err_t read_text(const char *text, bool refuse_unknown, struct target *target, json_t **document)
{
    TRY(json_parse(bytes_str(text), 4096, document));
    return json_read(*document, fields, COUNT_OF(fields), refuse_unknown, target);
}

static void every_kind(void **state)
{
    (void)state;
    struct target t = {0};
    AUTO(json_t) *document = NULL;
    assert_ok(read_text("{\"text\":\"hello\",\"number\":-3,\"on\":false,\"at_ms\":\"1970-01-01T00:00:01Z\","
                        "\"id\":\"017f22e2-79b0-7cc3-98c4-dc0c0c07398f\","
                        "\"hash\":\"00000000000000000000000000000000000000000000000000000000000000ff\","
                        "\"der\":\"Zm9v\",\"object\":{\"x\":1},\"array\":[1,2]}",
                        true, &t, &document));
    assert_string_equal(t.text, "hello");
    assert_int_equal(t.number, -3);
    assert_false(t.on);
    assert_true(t.has_on);
    assert_int_equal(t.at_ms, 1000);
    assert_int_equal(t.id.b[15], 0x8f);
    assert_int_equal(t.hash[31], 0xff);
    assert_string_equal(buf_str(&t.der), "foo");
    assert_ptr_equal(t.object, json_object_get(document, "object"));
    assert_int_equal(json_array_size(t.array), 2);
    buf_clear(&t.der);
}

static void wrong_values_name_the_field(void **state)
{
    (void)state;
    static const struct {
        const char *json, *named;
    } rows[] = {
        {"{\"text\":1}", "'text'"},
        {"{\"text\":\"a\"}", "'text'"},
        {"{\"text\":\"abcdef\"}", "'text'"},
        {"{\"text\":\"h\xc3\xa9llo\"}", "'text'"}, /* bytes count, not characters */
        {"{\"text\":\"a\\u0007b\"}", "'text'"},
        {"{\"text\":\"ab\\u007f\"}", "'text'"},
        {"{\"number\":\"1\"}", "'number'"},
        {"{\"number\":1.0}", "'number'"},
        {"{\"number\":-4}", "'number'"},
        {"{\"number\":11}", "'number'"},
        {"{\"number\":9223372036854775807}", "'number'"},
        {"{\"on\":1}", "'on'"},
        {"{\"on\":\"true\"}", "'on'"},
        {"{\"at_ms\":\"yesterday\"}", "'at_ms'"},
        {"{\"at_ms\":0}", "'at_ms'"},
        {"{\"id\":\"x\"}", "'id'"},
        {"{\"hash\":\"00FF\"}", "'hash'"},
        {"{\"hash\":\"00000000000000000000000000000000000000000000000000000000000000FF\"}", "'hash'"},
        {"{\"der\":\"Zm9vYmE=\"}", "'der'"},
        {"{\"der\":\"\"}", "'der'"},
        {"{\"der\":\"Zm9v\\n\"}", "'der'"},
        {"{\"object\":[]}", "'object'"},
        {"{\"array\":{}}", "'array'"},
        {"{\"array\":[]}", "'array'"},
        {"{\"array\":[1,2,3]}", "'array'"},
        {"{\"other\":1}", "'other'"},
        {"[]", "object"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct target t = {0};
        AUTO(json_t) *document = NULL;
        err_t error = read_text(rows[i].json, true, &t, &document);
        assert_error(error, ERR_UNPROCESSABLE);
        if (strstr(error.detail, rows[i].named) == NULL) {
            fail_msg("%s: %s", rows[i].json, error.detail);
        }
        buf_clear(&t.der);
    }
}

static void unknown_fields_may_be_ignored(void **state)
{
    (void)state;
    struct target t = {0};
    AUTO(json_t) *document = NULL;
    assert_ok(read_text("{\"other\":1,\"number\":2}", false, &t, &document));
    assert_int_equal(t.number, 2);
}

static void absent_and_null_leave_the_value(void **state)
{
    (void)state;
    struct target t = {.number = 7, .on = true};
    AUTO(json_t) *document = NULL;
    assert_ok(read_text("{\"number\":null,\"on\":null}", true, &t, &document));
    assert_int_equal(t.number, 7);
    assert_true(t.on);
    assert_false(t.has_on);
    assert_null(t.text);
}

static void required_fields_must_be_there(void **state)
{
    (void)state;
    static const struct json_field needed[] = {{"n", JSON_KIND_INTEGER, true, 0, 0, 9, JSON_NO_HAS}};
    static const char *const bad[] = {"{}", "{\"n\":null}"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        int64_t n = 0;
        AUTO(json_t) *document = NULL;
        assert_ok(json_parse(bytes_str(bad[i]), 100, &document));
        err_t error = json_read(document, needed, 1, true, &n);
        assert_error(error, ERR_UNPROCESSABLE);
        assert_string_equal(error.detail, "'n' is missing");
    }
    assert_error(json_read(NULL, needed, 1, true, NULL), ERR_UNPROCESSABLE);
}

static void no_maximum_means_no_limit_of_its_own(void **state)
{
    (void)state;
    static const struct json_field open[] = {{"a", JSON_KIND_ARRAY, true, 0, 0, 0, JSON_NO_HAS}};
    json_t *array = NULL;
    AUTO(json_t) *document = NULL;
    assert_ok(json_parse(bytes_str("{\"a\":[1,2,3,4]}"), 100, &document));
    assert_ok(json_read(document, open, 1, true, &array));
    assert_int_equal(json_array_size(array), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind),
        cmocka_unit_test(wrong_values_name_the_field),
        cmocka_unit_test(unknown_fields_may_be_ignored),
        cmocka_unit_test(absent_and_null_leave_the_value),
        cmocka_unit_test(required_fields_must_be_there),
        cmocka_unit_test(no_maximum_means_no_limit_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
