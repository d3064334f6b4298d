/* Tables, single things, problems and JSON as they reach the streams. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cmd/whorl/cli.h"

struct capture {
    struct cli_output output;
    char *out, *err;
    size_t out_size, err_size;
};

static void capture_open(struct capture *capture)
{
    *capture = (struct capture){.out = NULL};
    capture->output.out = open_memstream(&capture->out, &capture->out_size);
    capture->output.err = open_memstream(&capture->err, &capture->err_size);
    assert_non_null(capture->output.out);
    assert_non_null(capture->output.err);
}

static void capture_flush(struct capture *capture)
{
    (void)fflush(capture->output.out);
    (void)fflush(capture->output.err);
}

static void capture_close(struct capture *capture)
{
    (void)fclose(capture->output.out);
    (void)fclose(capture->output.err);
    free(capture->out);
    free(capture->err);
}

static json_t *json_of(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    return value;
}

static const struct cli_column columns[] = {
    {"ID", "id"}, {"STATE", "state"}, {"DUE", "devices.due"}, {"LABELS", "labels"}, {NULL, NULL}};

static void add(struct cli_table *table, const char *text)
{
    AUTO(json_t) *item = json_of(text);
    assert_int_equal(cli_table_add(table, item).code, ERR_OK);
}

static void columns_are_aligned_and_nothing_is_cut(void **state)
{
    (void)state;
    struct capture capture;
    capture_open(&capture);
    AUTO_VAL(cli_table) table = {.columns = columns};
    add(&table,
        "{\"id\":\"a\",\"state\":\"enrolled\",\"devices\":{\"due\":7},\"labels\":{\"a\":\"b\",\"c\":1}}");
    add(&table, "{\"id\":\"漢字\",\"state\":null,\"labels\":[\"x\",\"y\",{\"z\":1}]}");
    assert_int_equal(cli_table_flush(&table, &capture.output).code, ERR_OK);
    add(&table, "{\"id\":\"a long one\",\"state\":\"\",\"devices\":[],\"labels\":\"t\\u001b[1m\"}");
    assert_int_equal(cli_table_flush(&table, &capture.output).code, ERR_OK);
    assert_int_equal(cli_table_flush(&table, &capture.output).code, ERR_OK);
    capture_flush(&capture);
    assert_string_equal(capture.out, "ID    STATE     DUE  LABELS\n"
                                     "a     enrolled  7    a=b,c=1\n"
                                     "漢字  -         -    x,y,{\"z\":1}\n"
                                     "a long one  -         -    t\\x1b[1m\n");
    capture_close(&capture);
}

static void an_empty_table_is_nothing(void **state)
{
    (void)state;
    struct capture capture;
    capture_open(&capture);
    AUTO_VAL(cli_table) table = {.columns = columns};
    assert_int_equal(cli_table_flush(&table, &capture.output).code, ERR_OK);
    capture_flush(&capture);
    assert_int_equal(capture.out_size, 0);
    capture_close(&capture);
}

static void colours_do_not_move_columns(void **state)
{
    (void)state;
    struct capture capture;
    capture_open(&capture);
    capture.output.has_colour = true;
    AUTO_VAL(cli_table) table = {.columns = columns};
    add(&table, "{\"id\":\"a\",\"state\":\"revoked\"}");
    add(&table, "{\"id\":\"b\",\"state\":\"registered\"}");
    assert_int_equal(cli_table_flush(&table, &capture.output).code, ERR_OK);
    capture_flush(&capture);
    assert_string_equal(capture.out, "\033[1mID  STATE       DUE  LABELS\033[0m\n"
                                     "a   \033[31mrevoked\033[0m     -    -\n"
                                     "b   registered  -    -\n");
    capture_close(&capture);
}

static const struct cli_column inner_columns[] = {{"SERIAL", "serial"}, {NULL, NULL}};

static void one_thing_is_lines_blocks_and_a_table(void **state)
{
    (void)state;
    struct capture capture;
    capture_open(&capture);
    const struct cli_command command = {.inner = "certificates", .inner_columns = inner_columns};
    AUTO(json_t) *thing =
        json_of("{\"id\":\"7\",\"labels\":{\"site\":\"x\\ty\"},\"none\":{},\"pem\":\"-----A\\nB\\u001b\\n\","
                "\"certificates\":[{\"serial\":\"0a\"}],\"has\":true}");
    assert_int_equal(cli_show(&capture.output, &command, thing).code, ERR_OK);
    capture_flush(&capture);
    assert_string_equal(capture.out, "id           7\n"
                                     "labels.site  x\\x09y\n"
                                     "none         -\n"
                                     "has          true\n"
                                     "\npem:\n-----A\nB\\x1b\n"
                                     "\nSERIAL\n0a\n");
    capture_close(&capture);
}

static void programs_get_what_came(void **state)
{
    (void)state;
    struct capture capture;
    capture_open(&capture);
    const struct cli_command command = {.inner = NULL};
    AUTO(json_t) *thing = json_of("{\"b\":\"ü\\u001b\",\"a\":[1,null]}");
    capture.output.is_json = true;
    assert_int_equal(cli_show(&capture.output, &command, thing).code, ERR_OK);
    capture.output.is_terminal = true;
    assert_int_equal(cli_show(&capture.output, &command, thing).code, ERR_OK);
    capture_flush(&capture);
    assert_string_equal(capture.out,
                        "{\"b\":\"ü\\u001B\",\"a\":[1,null]}\n{\"b\":\"\\u00FC\\u001B\",\"a\":[1,null]}\n");
    capture_close(&capture);
}

/* @param expected of standard error; standard output stays empty */
static void check_problem(const struct cli_answer *facts, const char *body, const char *expected)
{
    struct capture capture;
    AUTO_VAL(cli_answer) answer = *facts;
    capture_open(&capture);
    assert_int_equal(buf_append_str(&answer.body, body).code, ERR_OK);
    err_t error = cli_problem(&capture.output, &answer);
    assert_int_equal(cli_finish(&capture.output, error), CLI_EXIT_FAILED);
    capture_flush(&capture);
    assert_string_equal(capture.err, expected);
    assert_int_equal(capture.out_size, 0);
    capture_close(&capture);
}

static void problems_are_told_in_few_lines(void **state)
{
    (void)state;
    check_problem(
        &(struct cli_answer){.status = 422},
        "{\"title\":\"Cannot\",\"detail\":\"2 fields\",\"errors\":[{\"pointer\":\"/a\",\"detail\":\"bad\"},"
        "{\"pointer\":\"\",\"detail\":\"w\\u001bw\"}],\"request_id\":\"r1\"}",
        "whorl: Cannot: 2 fields (422)\n  /a: bad\n  the whole: w\\x1bw\n  request r1\n");
    check_problem(
        &(struct cli_answer){.status = 422},
        "{\"title\":\"Cannot\",\"detail\":\"bad\",\"errors\":[{\"pointer\":\"/a\",\"detail\":\"bad\"}]}",
        "whorl: Cannot (422)\n  /a: bad\n");
    check_problem(
        &(struct cli_answer){.status = 412}, "{\"title\":\"Changed\"}",
        "whorl: Changed (412)\n  it was changed by somebody else meanwhile, and nothing was done; the same "
        "command again is based on what it is now\n");
    check_problem(&(struct cli_answer){.status = 503, .retry_after = "5"}, "{\"title\":\"Busy\"}",
                  "whorl: Busy (503)\n  to be tried again in 5 s\n");
    check_problem(
        &(struct cli_answer){.status = 302, .location = "https://evil/"}, "",
        "whorl: the server answered (302)\n  it wants to send us to https://evil/, where your credential "
        "must not go\n");
    check_problem(&(struct cli_answer){.status = 502}, "<html>", "whorl: the server answered (502)\n");
    check_problem(&(struct cli_answer){.status = 500}, "{\"title\":7,\"errors\":{},\"detail\":[]}",
                  "whorl: the server answered (500)\n");
    check_problem(&(struct cli_answer){.status = 500}, "[1]", "whorl: the server answered (500)\n");
}

static void exit_codes(void **state)
{
    (void)state;
    struct capture capture;
    capture_open(&capture);
    assert_int_equal(cli_finish(&capture.output, OK), CLI_EXIT_OK);
    assert_int_equal(cli_finish(&capture.output, ERR(ERR_IO, "x")), CLI_EXIT_FAILED);
    assert_int_equal(cli_finish(&capture.output, ERR(ERR_BAD_REQUEST, "y")), CLI_EXIT_USAGE);
    capture_flush(&capture);
    assert_string_equal(capture.err, "whorl: x\nwhorl: y\n");
    capture_close(&capture);
}

static void a_reader_that_left_is_no_failure_but_a_full_disk_is(void **state)
{
    (void)state;
    struct capture capture;
    int ends[2];
    capture_open(&capture);
    FILE *kept = capture.output.out;
    (void)signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    capture.output.out = fdopen(ends[1], "w");
    (void)cli_put(&capture.output, bytes_str("x")).code;
    assert_int_equal(cli_finish(&capture.output, OK), CLI_EXIT_OK);
    assert_true(capture.output.is_closed);
    (void)fclose(capture.output.out);
    capture.output.is_closed = false;
    capture.output.out = fopen("/dev/full", "w");
    assert_non_null(capture.output.out);
    (void)cli_put(&capture.output, bytes_str("x")).code;
    assert_int_equal(cli_finish(&capture.output, OK), CLI_EXIT_FAILED);
    (void)fclose(capture.output.out);
    capture.output.out = kept;
    capture_close(&capture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_aligned_and_nothing_is_cut),
        cmocka_unit_test(an_empty_table_is_nothing),
        cmocka_unit_test(colours_do_not_move_columns),
        cmocka_unit_test(one_thing_is_lines_blocks_and_a_table),
        cmocka_unit_test(programs_get_what_came),
        cmocka_unit_test(problems_are_told_in_few_lines),
        cmocka_unit_test(exit_codes),
        cmocka_unit_test(a_reader_that_left_is_no_failure_but_a_full_disk_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
