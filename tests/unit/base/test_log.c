/* log.c: one valid JSON object a line, escaped and cut, whatever the text is. */
#include <fcntl.h>

#include "base/json.h"
#include "base/log.h"
#include "base/trace_table.h"
#include "base/utf8.h"
#include "tests/unit/base/base_fixture.h"

struct fixture {
    int pipe[2];
    struct manual_clock clock;
    struct log *log;
    char line[8192];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL || pipe2(f->pipe, O_NONBLOCK | O_CLOEXEC) != 0) {
        free(f);
        return -1;
    }
    manual_clock_init(&f->clock, 1795369239007);
    *state = f;
    return log_new(f->pipe[1], LOG_INFO, &f->clock.clock, &f->log).code == ERR_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    log_free(f->log);
    (void)close(f->pipe[0]);
    (void)close(f->pipe[1]);
    free(f);
    return 0;
}

/* What was written since the last call; "" when nothing. */
static const char *read_line(struct fixture *f)
{
    ssize_t n = read(f->pipe[0], f->line, sizeof f->line - 1);
    f->line[n > 0 ? n : 0] = '\0';
    return f->line;
}

/* The line as an object: exactly one line feed, at its end. */
static json_t *read_object(struct fixture *f)
{
    const char *line = read_line(f);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    json_t *object = NULL;
    assert_ok(json_parse(bytes_str(line), sizeof f->line, &object));
    return object;
}

static void line_has_the_agreed_form(void **state)
{
    struct fixture *f = *state;
    LOG(f->log, LOG_INFO, "ready", LOG_STR("device", "127.0.0.1:8443"), LOG_INT("port", -1),
        LOG_FLAG("on", true));
    assert_string_equal(read_line(f),
                        "{\"ts\":\"2026-11-22T17:40:39.007Z\",\"level\":\"info\",\"event\":\"ready\","
                        "\"device\":\"127.0.0.1:8443\",\"port\":-1,\"on\":true}\n");
}

static void levels_filter(void **state)
{
    struct fixture *f = *state;
    log_event(f->log, LOG_DEBUG, "quiet", NULL, 0);
    assert_string_equal(read_line(f), "");
    log_set_level(f->log, LOG_DEBUG);
    log_event(f->log, LOG_DEBUG, "loud", NULL, 0);
    assert_non_null(strstr(read_line(f), "\"level\":\"debug\",\"event\":\"loud\"}"));
    log_event(NULL, LOG_ERROR, "dropped", NULL, 0);
}

static void text_is_escaped(void **state)
{
    struct fixture *f = *state;
    LOG(f->log, LOG_INFO, "e\"v", LOG_STR("t", "a\"b\\c\nd\x01\x7f\xc3\xa9\xff\xe2\x82"),
        LOG_STR("none", NULL));
    AUTO(json_t) *object = read_object(f);
    assert_string_equal(json_string_value(json_object_get(object, "event")), "e\"v");
    assert_string_equal(json_string_value(json_object_get(object, "t")),
                        "a\"b\\c\nd\x01\x7f\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    assert_null(json_object_get(object, "none"));
}

static void long_text_is_cut_between_characters(void **state)
{
    struct fixture *f = *state;
    char text[1000] = "";
    for (size_t i = 0; i + 3 < sizeof text; i += 3) {
        memcpy(text + i, "\xe2\x82\xac", 4);
    }
    LOG(f->log, LOG_INFO, "e", LOG_STR("t", text));
    AUTO(json_t) *object = read_object(f);
    assert_int_equal(json_string_length(json_object_get(object, "t")), 255);
}

static void a_line_is_never_longer_than_its_room(void **state)
{
    struct fixture *f = *state;
    char text[300];
    memset(text, 1, sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct log_field fields[8];
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        fields[i] = LOG_STR("t", text);
    }
    fields[0].name = "first";
    log_event(f->log, LOG_INFO, "e", fields, 2);
    AUTO(json_t) *whole = read_object(f);
    assert_null(json_object_get(whole, "cut"));
    fields[7] = LOG_INT("last", 7);
    for (size_t i = 1; i < 7; i++) {
        static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g"};
        fields[i].name = names[i];
    }
    log_event(f->log, LOG_INFO, "e", fields, COUNT_OF(fields));
    AUTO(json_t) *cut = read_object(f);
    assert_true(strlen(f->line) <= 4096);
    assert_true(json_is_true(json_object_get(cut, "cut")));
    assert_int_equal(json_string_length(json_object_get(cut, "first")), 256);
    assert_int_equal(json_integer_value(json_object_get(cut, "last")), 7);
}

static void errors_name_their_place(void **state)
{
    struct fixture *f = *state;
    log_error(f->log, "failed", "r1", ERR(ERR_DISK_FULL, "no room"));
    AUTO(json_t) *object = read_object(f);
    assert_string_equal(json_string_value(json_object_get(object, "request_id")), "r1");
    assert_string_equal(json_string_value(json_object_get(object, "error")), "disk-full");
    assert_string_equal(json_string_value(json_object_get(object, "detail")), "no room");
    assert_non_null(json_object_get(object, "line"));
    log_error(f->log, "failed", NULL, ERR(ERR_IO, "x"));
    AUTO(json_t) *without = read_object(f);
    assert_null(json_object_get(without, "request_id"));
}

static void errors_name_the_trace_of_their_request(void **state)
{
    struct fixture *f = *state;
    struct trace_entry entry = {.request_id = "r1", .trace = {.id = "t1", .parent = "p1"}};
    AUTO_PTR(trace_table) *traces = NULL;
    assert_ok(trace_table_new(&traces));
    trace_table_put(traces, &entry);
    log_set_traces(f->log, traces);
    log_error(f->log, "failed", "r1", ERR(ERR_IO, "x"));
    AUTO(json_t) *object = read_object(f);
    assert_string_equal(json_string_value(json_object_get(object, "trace_id")), "t1");
    assert_string_equal(json_string_value(json_object_get(object, "parent_id")), "p1");
    log_error(f->log, "failed", "r2", ERR(ERR_IO, "x"));
    AUTO(json_t) *other = read_object(f);
    assert_null(json_object_get(other, "trace_id"));
    log_set_traces(f->log, NULL);
}

static void errors_name_their_request(void **state)
{
    struct fixture *f = *state;
    const struct log_origin origin = {.request_id = "r1", .trace_id = "t1", .parent_id = "p1"};
    log_request_error(f->log, "failed", &origin, ERR(ERR_IO, "x"));
    AUTO(json_t) *object = read_object(f);
    assert_string_equal(json_string_value(json_object_get(object, "request_id")), "r1");
    assert_string_equal(json_string_value(json_object_get(object, "trace_id")), "t1");
    assert_string_equal(json_string_value(json_object_get(object, "parent_id")), "p1");
    assert_string_equal(json_string_value(json_object_get(object, "detail")), "x");
    log_request_error(f->log, "failed", &(struct log_origin){.request_id = "r1"}, ERR(ERR_IO, "x"));
    AUTO(json_t) *without = read_object(f);
    assert_null(json_object_get(without, "trace_id"));
    assert_null(json_object_get(without, "parent_id"));
}

static void a_full_pipe_does_not_hurt(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 10000; i++) {
        LOG(f->log, LOG_INFO, "flood", LOG_INT("i", i));
    }
    assert_memory_equal(read_line(f), "{\"ts\"", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(line_has_the_agreed_form, setup, teardown),
        cmocka_unit_test_setup_teardown(levels_filter, setup, teardown),
        cmocka_unit_test_setup_teardown(text_is_escaped, setup, teardown),
        cmocka_unit_test_setup_teardown(long_text_is_cut_between_characters, setup, teardown),
        cmocka_unit_test_setup_teardown(a_line_is_never_longer_than_its_room, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_name_their_place, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_name_the_trace_of_their_request, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_name_their_request, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_pipe_does_not_hurt, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
