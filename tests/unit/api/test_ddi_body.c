/* What devices send over DDI, as their clients write it: taken; what decides nothing is not looked at. */
#include <string.h>

#include "tests/unit/pki/pki_fixture.h"

#include "api/ddi.h"
#include "base/utf8.h"

static err_t feedback(const char *text, struct ddi_feedback *out)
{
    AUTO(json_t) *document = NULL;
    assert_ok(json_parse(bytes_str(text), DDI_BODY_LIMIT, &document));
    return ddi_feedback_read(document, out);
}

static void real_clients_reports_are_read(void **state)
{
    struct ddi_feedback f;
    (void)state;
    /* SWUpdate: a number for an id, a time of its own form, progress */
    assert_ok(
        feedback("{\"id\":7,\"time\":\"20261122T170402\",\"status\":{\"result\":{\"progress\":{\"cnt\":0,"
                 "\"of\":1},\"finished\":\"none\"},\"execution\":\"proceeding\",\"details\":[\"Installing"
                 "\",\"\",\"two\\nlines\"]}}",
                 &f));
    assert_int_equal(f.word, FIRMWARE_PROCEEDING);
    assert_int_equal(f.finish, FIRMWARE_NONE);
    assert_true(f.has_progress && f.done == 0 && f.of == 1 && !f.has_code);
    assert_string_equal(f.text, "Installing; two lines");
    /* rauc-hawkbit-updater: a text for an id */
    assert_ok(
        feedback("{\"id\":\"7\",\"status\":{\"execution\":\"closed\",\"result\":{\"finished\":\"success\"}"
                 ",\"details\":[\"done\"]}}",
                 &f));
    assert_int_equal(f.word, FIRMWARE_CLOSED);
    assert_int_equal(f.finish, FIRMWARE_SUCCESS);
    assert_false(f.has_progress);
    /* the newest form: a timestamp, a code, no details */
    assert_ok(feedback("{\"timestamp\":1627997501890,\"status\":{\"execution\":\"closed\",\"result\":{"
                       "\"finished\":\"failure\"},\"code\":-42}}",
                       &f));
    assert_int_equal(f.finish, FIRMWARE_FAILURE);
    assert_true(f.has_code && f.code == -42);
    assert_string_equal(f.text, "");
}

static void every_word_of_hawkbit_is_known(void **state)
{
    static const char *const words[] = {"proceeding", "download", "downloaded", "scheduled",
                                        "resumed",    "rejected", "canceled",   "closed"};
    (void)state;
    for (int i = 0; i < 8; i++) {
        char text[128];
        struct ddi_feedback f;
        (void)snprintf(text, sizeof text,
                       "{\"status\":{\"execution\":\"%s\",\"result\":{\"finished\":\"none\"}}}", words[i]);
        assert_ok(feedback(text, &f));
        assert_int_equal(f.word, i);
    }
}

static void what_decides_nothing_is_refused_and_says_why(void **state)
{
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"[]", "object"},
        {"{}", "status"},
        {"{\"status\":7}", "status"},
        {"{\"status\":{\"execution\":\"closed\"}}", "result"},
        {"{\"status\":{\"result\":{\"finished\":\"success\"}}}", "execution"},
        {"{\"status\":{\"execution\":\"exploded\",\"result\":{\"finished\":\"success\"}}}", "exploded"},
        {"{\"status\":{\"execution\":7,\"result\":{\"finished\":\"success\"}}}", "execution"},
        {"{\"status\":{\"execution\":\"closed\",\"result\":{\"finished\":\"perhaps\"}}}", "perhaps"},
        {"{\"status\":{\"execution\":\"closed\",\"result\":{}}}", "finished"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ddi_feedback f;
        err_t error = feedback(bad[i].text, &f);
        assert_int_equal(error.code, ERR_BAD_REQUEST);
        assert_non_null(strstr(error.detail, bad[i].why));
    }
}

static void odd_numbers_and_long_texts_do_no_harm(void **state)
{
    struct ddi_feedback f;
    AUTO_VAL(buf) text = {0};
    (void)state;
    static const char *const progress[] = {"{\"cnt\":9,\"of\":5}",
                                           "{\"cnt\":-1,\"of\":5}",
                                           "{\"cnt\":1,\"of\":0}",
                                           "{\"cnt\":1.5,\"of\":2}",
                                           "{\"cnt\":\"1\",\"of\":2}",
                                           "{\"of\":2}",
                                           "[1,2]"};
    for (size_t i = 0; i < sizeof progress / sizeof progress[0]; i++) {
        char body[192];
        (void)snprintf(
            body, sizeof body,
            "{\"status\":{\"execution\":\"proceeding\",\"result\":{\"finished\":\"none\",\"progress\":"
            "%s},\"code\":\"x\",\"details\":\"no list\"}}",
            progress[i]);
        assert_ok(feedback(body, &f));
        assert_false(f.has_progress || f.has_code);
        assert_string_equal(f.text, "");
    }
    assert_ok(buf_append_str(
        &text, "{\"status\":{\"execution\":\"closed\",\"result\":{\"finished\":\"none\"},\"details\":[\"x"));
    for (int i = 0; i < 1000; i++) {
        assert_ok(buf_append_str(&text, "\xc3\xa4"));
    }
    assert_ok(buf_append_str(&text, "\",\"more\"]}}"));
    assert_ok(feedback(buf_str(&text), &f));
    assert_int_equal(strlen(f.text), FIRMWARE_REPORT_TEXT_SIZE - 2); /* no half character */
    assert_true(utf8_is_valid(bytes_str(f.text)));
}

static err_t attributes(const char *text, struct ddi_attributes *out)
{
    AUTO(json_t) *document = NULL;
    ddi_attributes_clear(out);
    assert_ok(json_parse(bytes_str(text), DDI_BODY_LIMIT, &document));
    return ddi_attributes_read(document, out);
}

static void attributes_are_read(void **state)
{
    AUTO_VAL(ddi_attributes) a = {.data = NULL};
    (void)state;
    assert_ok(
        attributes("{\"id\":\"\",\"time\":\"20261122T170402\",\"status\":{\"result\":{\"finished\":"
                   "\"success\"},\"execution\":\"closed\",\"details\":[\"\"]},\"data\":{\"board\":\"pi4\","
                   "\"n\":-3,\"ok\":true}}",
                   &a));
    assert_int_equal(a.mode, ATTRIBUTES_MERGE);
    assert_string_equal(json_string_value(json_object_get(a.data, "board")), "pi4");
    assert_string_equal(json_string_value(json_object_get(a.data, "n")), "-3");
    assert_string_equal(json_string_value(json_object_get(a.data, "ok")), "true");
    assert_ok(attributes("{\"mode\":\"replace\",\"data\":{}}", &a));
    assert_int_equal(a.mode, ATTRIBUTES_REPLACE);
    assert_ok(attributes("{\"mode\":\"remove\",\"data\":{\"x\":\"\"}}", &a));
    assert_int_equal(a.mode, ATTRIBUTES_REMOVE);
    assert_ok(attributes("{\"mode\":null,\"data\":{}}", &a));
    static const char *const bad[] = {"[]",
                                      "{}",
                                      "{\"data\":[]}",
                                      "{\"data\":{\"a\":{}}}",
                                      "{\"data\":{\"a\":null}}",
                                      "{\"data\":{\"a\":1.5}}",
                                      "{\"mode\":\"smash\",\"data\":{}}",
                                      "{\"mode\":1,\"data\":{}}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(attributes(bad[i], &a).code, ERR_BAD_REQUEST);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_clients_reports_are_read),
        cmocka_unit_test(every_word_of_hawkbit_is_known),
        cmocka_unit_test(what_decides_nothing_is_refused_and_says_why),
        cmocka_unit_test(odd_numbers_and_long_texts_do_no_harm),
        cmocka_unit_test(attributes_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
