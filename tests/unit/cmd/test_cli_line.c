/* The command line as it is read, and what it asks of the API. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "cmd/whorl/request.h"

enum { WORDS_MAX = 32, TEXT_SIZE = 512 };

/* A line as a shell would cut it; argv points into the text. */
struct words {
    char text[TEXT_SIZE];
    char *argv[WORDS_MAX];
    int argc;
};

static void cut(const char *text, struct words *words)
{
    char *rest = NULL;
    assert_true(strlen(text) < sizeof words->text);
    strcpy(words->text, text);
    words->argc = 0;
    for (char *word = strtok_r(words->text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        words->argv[words->argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
    }
}

static void lines_that_are_taken(void **state)
{
    (void)state;
    static const struct {
        const char *text, *group, *verb;
    } rows[] = {{"whorl device list", "device", "list"},
                {"whorl --profile x device list --all", "device", "list"},
                {"whorl device --json show abc", "device", "show"},
                {"whorl whoami", "whoami", ""},
                {"whorl batch import - --format csv", "batch", "import"},
                {"whorl product edit x --hub=", "product", "edit"},
                {"whorl product edit -- --name", "product", "edit"},
                {"whorl device list --sort -serial", "device", "list"},
                {"whorl batch create a b c", "batch", "create"},
                {"whorl help device revoke", "help", ""},
                {"whorl help --man", "help", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct words words;
        struct cli_line line;
        cut(rows[i].text, &words);
        assert_int_equal(cli_line_parse(words.argc, words.argv, &line).code, ERR_OK);
        assert_string_equal(line.command->group, rows[i].group);
        assert_string_equal(line.command->verb, rows[i].verb);
    }
}

static void lines_that_are_not(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part; /* of what is said */
    } rows[] = {{"whorl", "a command is needed"},
                {"whorl device", "needs a further word"},
                {"whorl paint", "no command `paint`"},
                {"whorl device paint", "no command `device paint`"},
                {"whorl device show", "ID is needed"},
                {"whorl device show a b", "no room for `b`"},
                {"whorl device list --colour red", "no option --colour"},
                {"whorl device list --stat x", "no option --stat"},
                {"whorl device list --state", "needs a value"},
                {"whorl device list --state a --state b", "given twice"},
                {"whorl device list --all=yes", "takes no value"},
                {"whorl batch import f --dry-run=1", "takes no value"},
                {"whorl whoami --token x", "seen by everybody"},
                {"whorl whoami --token=x", "seen by everybody"},
                {"whorl --state x device list", "no option --state"},
                {"whorl device list -x", "no option -x"},
                {"whorl product create", "NAME is needed"},
                {"whorl token create n", "--scope is needed"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct words words;
        struct cli_line line;
        cut(rows[i].text, &words);
        err_t error = cli_line_parse(words.argc, words.argv, &line);
        assert_int_equal(error.code, ERR_BAD_REQUEST);
        if (strstr(error.detail, rows[i].part) == NULL) {
            fail_msg("%s: %s", rows[i].text, error.detail);
        }
    }
}

static void help_needs_nothing_else(void **state)
{
    (void)state;
    static const char *const rows[] = {"whorl --help", "whorl -h", "whorl device --help",
                                       "whorl device show -h"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct words words;
        struct cli_line line;
        cut(rows[i], &words);
        assert_int_equal(cli_line_parse(words.argc, words.argv, &line).code, ERR_OK);
        assert_true(line.options.is_help);
    }
}

static void too_much_is_refused(void **state)
{
    (void)state;
    static char words[] = "whorl\0batch\0create\0x";
    char *argv[CLI_GIVEN_MAX + 8] = {words, words + 6, words + 12};
    struct cli_line line;
    for (size_t i = 3; i < sizeof argv / sizeof argv[0]; i++) {
        argv[i] = words + 19;
    }
    assert_int_equal(cli_line_parse(CLI_GIVEN_MAX + 3, argv, &line).code, ERR_OK);
    assert_int_equal(cli_line_parse(CLI_GIVEN_MAX + 4, argv, &line).code, ERR_BAD_REQUEST);
}

/* --- requests --------------------------------------------------------------------------------------- */

static err_t look_up(void *context, const char *list, const char *name, struct buf *out)
{
    (void)context;
    ENSURE(strcmp(name, "absent") != 0, ERR_NOT_FOUND, "none");
    return buf_printf(out, "<%s of %s>", name, list);
}

static err_t make(const char *text, struct buf *path, json_t **body)
{
    struct words words;
    struct cli_line line;
    struct manual_clock clock;
    manual_clock_init(&clock, INT64_C(1790000000000));
    const struct cli_request_parts parts = {.clock = &clock.clock, .lookup = look_up};
    cut(text, &words);
    assert_int_equal(cli_line_parse(words.argc, words.argv, &line).code, ERR_OK);
    TRY(cli_request_path(&parts, &line, path));
    return cli_request_body(&parts, &line, body);
}

static void paths_and_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *line, *path, *body;
    } rows[] = {
        {"whorl device list --state enrolled --label a=b&c", "/api/v1/devices?state=enrolled&label=a%3Db%26c",
         "{}"},
        {"whorl device list --batch lot", "/api/v1/devices?batch=%3Clot%20of%20batches%3E", "{}"},
        {"whorl device list --batch 01920000-0000-7000-8000-000000000001",
         "/api/v1/devices?batch=01920000-0000-7000-8000-000000000001", "{}"},
        {"whorl device show ../x?y#z", "/api/v1/devices/..%2Fx%3Fy%23z", "{}"},
        {"whorl device revoke ab --reason keyCompromise --note n", "/api/v1/devices/ab/revoke",
         "{\"reason\":\"keyCompromise\",\"note\":\"n\"}"},
        {"whorl device edit ab --label a=b=c --label d= --remove-label e --attribute f=1 --note ''",
         "/api/v1/devices/ab",
         "{\"labels\":{\"a\":\"b=c\",\"d\":\"\",\"e\":null},\"attributes\":{\"f\":\"1\"},\"note\":null}"},
        {"whorl product create p --certificate-ttl 2h --renew-percent 7 --allow-rsa-2048 true "
         "--key-algorithm P-256,,P-384 "
         "--key-algorithm RSA --hub ''",
         "/api/v1/products",
         "{\"name\":\"p\",\"certificate_ttl_s\":7200,\"renew_percent\":7,\"allow_rsa_2048\":true,"
         "\"key_algorithms\":[\"P-256\",\"P-384\",\"RSA\"],\"hub\":null}"},
        {"whorl product create p --renew-spread-percent 0 --rekey-period 365d --rekey-required true "
         "--overdue-alert-after 0 --overdue-quarantine-days 14",
         "/api/v1/products",
         "{\"name\":\"p\",\"renew_spread_percent\":0,\"rekey_period_s\":31536000,\"rekey_required\":true,"
         "\"overdue_alert_after_s\":0,\"overdue_quarantine_days\":14}"},
        {"whorl token create n --scope a,b --expires 1d", "/api/v1/tokens",
         "{\"name\":\"n\",\"scopes\":[\"a\",\"b\"],\"expires_at\":\"2026-09-22T14:13:20Z\"}"},
        {"whorl token create n --scope a --expires 2030-01-01T00:00:00+01:00 --tenant acme", "/api/v1/tokens",
         "{\"name\":\"n\",\"scopes\":[\"a\"],\"expires_at\":\"2029-12-31T23:00:00Z\",\"tenant_id\":\"<acme "
         "of tenants>\"}"},
        {"whorl token edit x --source ''", "/api/v1/tokens/x", "{\"allowed_sources\":[]}"},
        {"whorl batch create a,b c", "/api/v1/batches", "{\"devices\":[\"a,b\",\"c\"]}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO_VAL(buf) path = {0};
        AUTO_VAL(buf) text = {0};
        AUTO(json_t) *body = NULL;
        assert_int_equal(make(rows[i].line, &path, &body).code, ERR_OK);
        assert_string_equal(buf_str(&path), rows[i].path);
        assert_int_equal(json_append(&text, body).code, ERR_OK);
        assert_string_equal(buf_str(&text), rows[i].body);
    }
}

static void values_that_are_not_of_their_kind(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        err_code code;
    } rows[] = {{"whorl product edit p --renew-percent many", ERR_BAD_REQUEST},
                {"whorl product edit p --renew-percent 99999999999999999999", ERR_BAD_REQUEST},
                {"whorl product edit p --renew-percent ''", ERR_BAD_REQUEST},
                {"whorl product edit p --renew-percent 7x", ERR_BAD_REQUEST},
                {"whorl product edit p --allow-rsa-2048 yes", ERR_BAD_REQUEST},
                {"whorl product edit p --certificate-ttl 2w", ERR_BAD_REQUEST},
                {"whorl product edit p --certificate-ttl 9223372036854775807d", ERR_BAD_REQUEST},
                {"whorl product edit p --certificate-ttl -1", ERR_BAD_REQUEST},
                {"whorl product edit absent --name x", ERR_NOT_FOUND},
                {"whorl product edit p --name \xff", ERR_BAD_REQUEST},
                {"whorl device edit d --label =x", ERR_BAD_REQUEST},
                {"whorl device edit d --label x", ERR_BAD_REQUEST},
                {"whorl device show ..", ERR_BAD_REQUEST},
                {"whorl device show .", ERR_BAD_REQUEST},
                {"whorl device show ''", ERR_BAD_REQUEST},
                {"whorl token create n --scope a --expires tomorrow", ERR_BAD_REQUEST},
                {"whorl hub create h --host x --trust-anchors /nonexistent/file", ERR_NOT_FOUND}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO_VAL(buf) path = {0};
        AUTO(json_t) *body = NULL;
        assert_int_equal(make(rows[i].line, &path, &body).code, rows[i].code);
        assert_null(body);
    }
}

static void files_become_texts(void **state)
{
    (void)state;
    char name[] = "/tmp/whorl-cli-XXXXXX";
    AUTO_VAL(buf) line = {0};
    AUTO_VAL(buf) path = {0};
    AUTO(json_t) *body = NULL;
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a\nb\n", 4), 4);
    assert_int_equal(buf_printf(&line, "whorl hub create h --host x --trust-anchors %s", name).code, ERR_OK);
    assert_int_equal(make(buf_str(&line), &path, &body).code, ERR_OK);
    assert_string_equal(json_string_value(json_object_get(body, "trust_anchors")), "a\nb\n");
    assert_int_equal(write(fd, "\xff", 1), 1);
    json_decref(TAKE(body));
    path.n = 0;
    assert_int_equal(make(buf_str(&line), &path, &body).code, ERR_BAD_REQUEST);
    assert_int_equal(ftruncate(fd, 5 * 1024 * 1024), 0);
    path.n = 0;
    assert_int_equal(make(buf_str(&line), &path, &body).code, ERR_TOO_LARGE);
    close(fd);
    unlink(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_that_are_taken),    cmocka_unit_test(lines_that_are_not),
        cmocka_unit_test(help_needs_nothing_else), cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(paths_and_bodies),        cmocka_unit_test(values_that_are_not_of_their_kind),
        cmocka_unit_test(files_become_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
