/* A device's report, read from JSON in every shape, and what it is told of its action. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "api/device_firmware.h"

static err_t read_report(const char *text, json_t **document, struct firmware_report *out)
{
    *document = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(*document);
    return firmware_report_body_read(*document, out);
}

static void each_word_has_its_meaning(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum firmware_word word;
        enum firmware_finish finish;
        bool is_cancel;
    } rows[] = {
        {"{\"action\":\"7\",\"state\":\"downloading\"}", FIRMWARE_DOWNLOAD, FIRMWARE_NONE, false},
        {"{\"action\":\"7\",\"state\":\"downloaded\"}", FIRMWARE_DOWNLOADED, FIRMWARE_NONE, false},
        {"{\"action\":\"7\",\"state\":\"installed\"}", FIRMWARE_PROCEEDING, FIRMWARE_SUCCESS, false},
        {"{\"action\":7,\"state\":\"success\"}", FIRMWARE_CLOSED, FIRMWARE_SUCCESS, false},
        {"{\"action\":7,\"state\":\"failure\",\"other\":{}}", FIRMWARE_CLOSED, FIRMWARE_FAILURE, false},
        {"{\"action\":7,\"state\":\"rejected\"}", FIRMWARE_REJECTED, FIRMWARE_FAILURE, false},
        {"{\"action\":7,\"state\":\"cancelled\"}", FIRMWARE_CANCELED, FIRMWARE_NONE, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO(json_t) *document = NULL;
        struct firmware_report report;
        assert_int_equal(read_report(rows[i].text, &document, &report).code, ERR_OK);
        assert_int_equal(report.action, 7);
        assert_int_equal(report.word, rows[i].word);
        assert_int_equal(report.finish, rows[i].finish);
        assert_int_equal(report.is_cancel, rows[i].is_cancel);
        assert_false(report.has_digest || report.has_progress);
        assert_string_equal(report.text, "");
    }
}

static void all_of_it_is_read(void **state)
{
    (void)state;
    AUTO(json_t) *document = NULL;
    struct firmware_report report;
    assert_int_equal(
        read_report("{\"action\":\"2147483647\",\"state\":\"downloading\",\"progress\":{\"done\":1,\"of\":"
                    "2},\"message\":\"a\\nb\",\"sha256\":"
                    "\"edeaaff3f1774ad2888673770c6d64097e391bc362d7d6fb34982ddf0efd18cb\"}",
                    &document, &report)
            .code,
        ERR_OK);
    assert_int_equal(report.action, 2147483647);
    assert_true(report.has_progress && report.has_digest);
    assert_int_equal(report.done, 1);
    assert_int_equal(report.of, 2);
    assert_int_equal(report.digest.b[31], 0xcb);
    assert_string_equal(report.text, "a\nb");
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *named;
    } rows[] = {
        {"[]", "object"},
        {"{\"state\":\"success\"}", "'action'"},
        {"{\"action\":null,\"state\":\"success\"}", "'action'"},
        {"{\"action\":0,\"state\":\"success\"}", "'action'"},
        {"{\"action\":-7,\"state\":\"success\"}", "'action'"},
        {"{\"action\":2147483648,\"state\":\"success\"}", "'action'"},
        {"{\"action\":\"2147483648\",\"state\":\"success\"}", "'action'"},
        {"{\"action\":\"99999999999999999999\",\"state\":\"success\"}", "'action'"},
        {"{\"action\":\"07\",\"state\":\"success\"}", "'action'"},
        {"{\"action\":\" 7\",\"state\":\"success\"}", "'action'"},
        {"{\"action\":\"\",\"state\":\"success\"}", "'action'"},
        {"{\"action\":7.0,\"state\":\"success\"}", "'action'"},
        {"{\"action\":7}", "'state'"},
        {"{\"action\":7,\"state\":\"Success\"}", "'state'"},
        {"{\"action\":7,\"state\":5}", "'state'"},
        {"{\"action\":7,\"state\":\"success\",\"sha256\":\"00\"}", "'sha256'"},
        {"{\"action\":7,\"state\":\"success\",\"progress\":7}", "'progress'"},
        {"{\"action\":7,\"state\":\"success\",\"progress\":{\"done\":1}}", "'progress'"},
        {"{\"action\":7,\"state\":\"success\",\"progress\":{\"done\":-1,\"of\":2}}", "'progress'"},
        {"{\"action\":7,\"state\":\"success\",\"message\":7}", "'message'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO(json_t) *document = NULL;
        struct firmware_report report;
        err_t error = read_report(rows[i].text, &document, &report);
        if (error.code != ERR_UNPROCESSABLE || strstr(error.detail, rows[i].named) == NULL) {
            fail_msg("%s got %d %s", rows[i].text, (int)error.code, error.detail);
        }
    }
}

static void an_action_is_told(void **state)
{
    (void)state;
    struct firmware_action action = {.id = 21,
                                     .state = ACTION_RUNNING,
                                     .version = "1.2",
                                     .sequence = 9,
                                     .is_in_window = true,
                                     .artifact_count = 2};
    memset(action.artifacts[1].digests.sha256.b, 0xab, SHA256_SIZE);
    memcpy(action.artifacts[1].part, "os", 3);
    action.artifacts[1].digests.size = 5;
    AUTO(json_t) *value = NULL;
    AUTO_VAL(buf) text = {0};
    assert_int_equal(firmware_action_render(&action, &value).code, ERR_OK);
    assert_int_equal(json_append(&text, value).code, ERR_OK);
    const char *told = buf_str(&text);
    assert_non_null(strstr(told, "\"id\":\"21\""));
    assert_non_null(strstr(told, "\"manifest\":\"firmware/manifest/21\""));
    assert_non_null(strstr(told, "\"forced\":false"));
    assert_non_null(strstr(told, "\"window\":true"));
    const json_t *second = json_array_get(json_object_get(value, "artifacts"), 1);
    assert_string_equal(json_string_value(json_object_get(second, "href")),
                        "firmware/images/abababababababababababababababababababababababababababababababab");
    assert_string_equal(json_string_value(json_object_get(second, "part")), "os");
    assert_int_equal(json_integer_value(json_object_get(second, "size")), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_word_has_its_meaning),
        cmocka_unit_test(all_of_it_is_read),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(an_action_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
