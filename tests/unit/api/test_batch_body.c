/* Hand-over bodies: every accepted form, and every bad line named by its place. No inventory is needed. */
#include "tests/unit/pki/pki_fixture.h"

#include "api/batch_body.h"

#define ID_A "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"
#define ID_B "b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2"

static void the_bare_file(void **state)
{
    (void)state;
    AUTO_VAL(batch_body) body = {.document = NULL};
    struct batch_report report;
    assert_ok(batch_body_parse(bytes_str("{\"devices\":[\"" ID_A "\",\"" ID_B "\"]}"), 1000, &body, &report));
    assert_int_equal(body.count, 2);
    assert_int_equal(body.name.n, 0);
    assert_int_equal(body.product.n, 0);
    assert_true(body.devices[1].has_id);
    assert_int_equal(body.devices[1].id.b[31], 0xb2);
}

static void objects(void **state)
{
    (void)state;
    AUTO_VAL(batch_body) body = {.document = NULL};
    struct batch_report report;
    const char *text =
        "{\"name\":\"lot-1\",\"product\":\"lamp\",\"devices\":["
        "{\"id\":\"" ID_A "\",\"serial\":\"S-1\",\"model\":\"M\",\"attributes\":{ \"lot\" : 7 }},"
        "{\"spki\":\"AQID\"}]}";
    assert_ok(batch_body_parse(bytes_str(text), 1000, &body, &report));
    assert_true(bytes_is(body.name, "lot-1"));
    assert_true(bytes_is(body.product, "lamp"));
    assert_true(bytes_is(body.devices[0].serial, "S-1"));
    assert_true(bytes_is(body.devices[0].model, "M"));
    assert_true(bytes_is(body.devices[0].attributes, "{\"lot\":7}"));
    assert_false(body.devices[1].has_id);
    assert_true(bytes_is(body.devices[1].spki, "\x01\x02\x03"));
}

static void bad_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word;
        err_code code;
    } table[] = {
        {"", "", ERR_BAD_JSON},
        {"{", "line", ERR_BAD_JSON},
        {"[]", "object", ERR_UNPROCESSABLE},
        {"{}", "'devices' is missing", ERR_UNPROCESSABLE},
        {"{\"devices\":[]}", "'devices'", ERR_UNPROCESSABLE},
        {"{\"devices\":{}}", "array", ERR_UNPROCESSABLE},
        {"{\"devices\":[\"" ID_A "\"],\"colour\":1}", "'colour' is not a known field", ERR_UNPROCESSABLE},
        {"{\"devices\":[\"" ID_A "\"],\"name\":\"\"}", "'name'", ERR_UNPROCESSABLE},
        {"{\"devices\":[\"" ID_A "\"],\"name\":7}", "'name'", ERR_UNPROCESSABLE},
        {"{\"devices\":[\"" ID_A "\"],\"devices\":[]}", "duplicate", ERR_BAD_JSON},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        AUTO_VAL(batch_body) body = {.document = NULL};
        struct batch_report report;
        assert_error(batch_body_parse(bytes_str(table[i].text), 1000, &body, &report), table[i].code,
                     table[i].word);
        assert_int_equal(report.refused, 0);
    }
    AUTO_VAL(batch_body) body = {.document = NULL};
    struct batch_report report;
    assert_error(batch_body_parse(bytes_str("{\"devices\":[]}"), 5, &body, &report), ERR_TOO_LARGE, "");
}

static void each_bad_line_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *line, *word;
    } bad[] = {
        {"\"A1A1\"", "64 lower-case"},
        {"\"A1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\"", "64 lower-case"},
        {"\"" ID_A "00\"", "64 lower-case"},
        {"7", "an id or an object"},
        {"null", "an id or an object"},
        {"{}", "either"},
        {"{\"id\":\"" ID_A "\",\"spki\":\"AQID\"}", "either"},
        {"{\"id\":\"" ID_A "\",\"puf_response\":\"x\"}", "'puf_response'"},
        {"{\"id\":\"" ID_A "\",\"attributes\":[]}", "'attributes'"},
        {"{\"id\":\"" ID_A "\",\"serial\":\"a\\u0000b\"}", ""},
        {"{\"spki\":\"AQ ID\"}", "'spki'"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        AUTO_VAL(batch_body) body = {.document = NULL};
        AUTO_VAL(buf) text = {0};
        struct batch_report report;
        assert_ok(buf_printf(&text, "{\"devices\":[\"" ID_B "\",%s]}", bad[i].line));
        err_t error = batch_body_parse(buf_view(&text), 10000, &body, &report);
        if (error.code == ERR_BAD_JSON) {
            assert_has(bad[i].line, "u0000"); /* jansson refuses it before us */
            continue;
        }
        assert_int_equal(error.code, ERR_UNPROCESSABLE);
        assert_int_equal(report.refused, 1);
        assert_int_equal(report.lines[0].index, 1);
        assert_has(report.lines[0].reason, bad[i].word);
    }
}

static void many_bad_lines_are_counted_and_the_first_listed(void **state)
{
    (void)state;
    AUTO_VAL(batch_body) body = {.document = NULL};
    AUTO_VAL(buf) text = {0};
    struct batch_report report;
    assert_ok(buf_append_str(&text, "{\"devices\":[\"" ID_A "\""));
    for (int i = 0; i < 250; i++) {
        assert_ok(buf_append_str(&text, ",1"));
    }
    assert_ok(buf_append_str(&text, "]}"));
    assert_error(batch_body_parse(buf_view(&text), 10000, &body, &report), ERR_UNPROCESSABLE, "250 of 251");
    assert_int_equal(report.refused, 250);
    assert_int_equal(report.listed, BATCH_REPORT_MAX);
    assert_int_equal(report.lines[99].index, 100);
}

/* as long as a short key: of values without text there may be fewer (JSON_GROWTH) */
#define SPKI "AQIDAQIDAQIDAQIDAQIDAQIDAQIDAQIDAQIDAQIDAQIDAQIDAQIDAQIDAQIDAQID"

static void the_largest_batch_passes_and_one_more_does_not(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        AUTO_VAL(batch_body) body = {.document = NULL};
        AUTO_VAL(buf) text = {0};
        struct batch_report report;
        assert_ok(buf_append_str(&text, "{\"devices\":[\"" ID_A "\""));
        for (int i = 1; i < BATCH_DEVICES_MAX + more; i++) {
            assert_ok(buf_append_str(&text, ",{\"spki\":\"" SPKI "\",\"serial\":\"x\"}"));
        }
        assert_ok(buf_append_str(&text, "]}"));
        err_t error = batch_body_parse(buf_view(&text), 64 << 20, &body, &report);
        assert_int_equal(error.code, more == 0 ? ERR_OK : ERR_TOO_LARGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bare_file),
        cmocka_unit_test(objects),
        cmocka_unit_test(bad_bodies),
        cmocka_unit_test(each_bad_line_is_named),
        cmocka_unit_test(many_bad_lines_are_counted_and_the_first_listed),
        cmocka_unit_test(the_largest_batch_passes_and_one_more_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
