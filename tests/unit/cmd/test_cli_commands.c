/* The tables of commands against themselves and against the description of the API: every command calls an
 * operation that is there, with parameters and members that it takes, and shows columns that it answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/openapi.h"
#include "cmd/whorl/help.h"
#include "cmd/whorl/line.h"

static void each_command(void (*fn)(const struct cli_command *command))
{
    for (const struct cli_group *group = cli_groups(); group->name != NULL; group++) {
        for (const struct cli_command *command = group->commands; command->group != NULL; command++) {
            fn(command);
        }
    }
}

/* --- by themselves ---------------------------------------------------------------------------------- */

static bool is_global(const char *name)
{
    for (const struct cli_option *option = cli_option_table; option->name != NULL; option++) {
        if (strcmp(option->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void check_arguments(const struct cli_command *command)
{
    size_t places = 0;
    for (const char *p = command->path; *p != '\0'; p++) {
        places += *p == '{' ? 1 : 0;
    }
    for (const struct cli_argument *a = command->arguments; a->name != NULL; a++) {
        places -= a->place == CLI_IN_PATH ? 1 : 0;
        assert_non_null(a->member);
        assert_non_null(a->help);
        assert_true(a->place == CLI_IN_PATH || a->place == CLI_BY_HAND || a->member[0] != '\0');
        assert_int_equal(cli_argument_is_option(a) && a->kind != CLI_FLAG,
                         cli_argument_is_option(a) && a->value != NULL);
        assert_false(is_global(a->name));
        for (const struct cli_argument *b = a + 1; b->name != NULL; b++) {
            assert_string_not_equal(a->name, b->name);
        }
    }
    assert_int_equal(places, 0);
}

static void check_columns(const struct cli_column *columns)
{
    size_t count = 0;
    while (columns[count].title != NULL) {
        count++;
    }
    assert_in_range(count, 1, CLI_COLUMNS_MAX);
}

static void check_row(const struct cli_command *command)
{
    assert_ptr_equal(cli_command_find(command->group, command->verb), command);
    assert_true(command->path[0] == '/' || command->run != NULL);
    check_arguments(command);
    if (command->items != NULL) {
        check_columns(command->columns);
    }
    if (command->inner != NULL) {
        check_columns(command->inner_columns);
    }
    assert_true((command->flags & CLI_DANGEROUS) == 0 || command->method == CLI_POST ||
                command->method == CLI_DELETE);
}

static void rows_are_whole(void **state)
{
    (void)state;
    each_command(check_row);
}

static void check_help(const struct cli_command *command)
{
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) usage = {0};
    assert_int_equal(cli_help_text(NULL, command, &text).code, ERR_OK);
    assert_int_equal(cli_help_usage(command, &usage).code, ERR_OK);
    assert_non_null(strstr(buf_str(&text), buf_str(&usage)));
    for (const struct cli_argument *a = command->arguments; a->name != NULL; a++) {
        assert_non_null(strstr(buf_str(&text), a->name));
        assert_non_null(strstr(buf_str(&text), a->help));
    }
}

static void help_tells_all(void **state)
{
    (void)state;
    AUTO_VAL(buf) all = {0};
    each_command(check_help);
    assert_int_equal(cli_help_text(NULL, NULL, &all).code, ERR_OK);
    for (const struct cli_group *group = cli_groups() + 1; group->name != NULL; group++) {
        AUTO_VAL(buf) text = {0};
        assert_non_null(strstr(buf_str(&all), group->help));
        assert_int_equal(cli_help_text(group->name, NULL, &text).code, ERR_OK);
        assert_non_null(strstr(buf_str(&text), group->commands[0].help));
    }
}

/* --- against the description of the API --------------------------------------------------------------- */

static json_t *described(void)
{
    json_t *document = json_loads(openapi_document, 0, NULL);
    assert_non_null(document);
    return document;
}

static const json_t *resolve(const json_t *document, const json_t *value)
{
    const char *name = NULL;
    while ((name = json_string_value(json_object_get(value, "$ref"))) != NULL) {
        value = document;
        for (const char *p = name + 2; value != NULL;) { /* behind "#/" */
            size_t size = strcspn(p, "/");
            value = json_object_getn(value, p, size);
            if (p[size] == '\0') {
                break;
            }
            p += size + 1;
        }
    }
    return value;
}

/* The schema of a member of a schema, through allOf, anyOf and oneOf; NULL when it has none of this name. */
static const json_t *member_of(const json_t *document, const json_t *schema, const char *name)
{
    static const char *const unions[] = {"allOf", "anyOf", "oneOf"};
    schema = resolve(document, schema);
    const json_t *found = json_object_get(json_object_get(schema, "properties"), name);
    for (size_t u = 0; found == NULL && u < 3; u++) {
        const json_t *parts = json_object_get(schema, unions[u]);
        for (size_t i = 0; found == NULL && i < json_array_size(parts); i++) {
            found = member_of(document, json_array_get(parts, i), name);
        }
    }
    return found == NULL ? NULL : resolve(document, found);
}

/* The schema at "name", or "object.name". */
static const json_t *member_at(const json_t *document, const json_t *schema, const char *path)
{
    char name[64] = "";
    const char *dot = strchr(path, '.');
    if (dot == NULL) {
        return member_of(document, schema, path);
    }
    assert_true((size_t)(dot - path) < sizeof name);
    memcpy(name, path, (size_t)(dot - path));
    const json_t *object = member_of(document, schema, name);
    return object == NULL ? NULL : member_of(document, object, dot + 1);
}

static bool is_same_path(const char *ours, const char *theirs)
{
    while (*ours != '\0' && *theirs != '\0') {
        if (*ours == '{' && *theirs == '{') {
            ours = strchr(ours, '}');
            theirs = strchr(theirs, '}');
        } else if (*ours != *theirs) {
            return false;
        }
        ours++;
        theirs++;
    }
    return *ours == *theirs;
}

static const json_t *operation_of(json_t *document, const struct cli_command *command)
{
    static const char *const methods[] = {"get", "post", "patch", "delete", "put"};
    const char *path = NULL;
    json_t *item = NULL;
    json_object_foreach(json_object_get(document, "paths"), path, item)
    {
        if (is_same_path(command->path, path)) {
            return json_object_get(item, methods[command->method]);
        }
    }
    return NULL;
}

static bool has_parameter(const json_t *document, const json_t *operation, const char *name)
{
    const json_t *list = json_object_get(operation, "parameters");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *parameter = resolve(document, json_array_get(list, i));
        const char *known = json_string_value(json_object_get(parameter, "name"));
        if (known != NULL && strcmp(known, name) == 0) {
            return true;
        }
    }
    return false;
}

static const json_t *schema_of(const json_t *document, const json_t *content)
{
    return resolve(document, json_object_get(json_object_get(content, "application/json"), "schema"));
}

static const json_t *answer_schema(const json_t *document, const json_t *operation)
{
    static const char *const statuses[] = {"200", "201"};
    for (size_t i = 0; i < 2; i++) {
        const json_t *answer = json_object_get(json_object_get(operation, "responses"), statuses[i]);
        const json_t *schema = schema_of(document, json_object_get(resolve(document, answer), "content"));
        if (schema != NULL) {
            return schema;
        }
    }
    return NULL;
}

static void check_given(const json_t *document, const json_t *operation, const struct cli_command *command)
{
    const json_t *body =
        json_object_get(resolve(document, json_object_get(operation, "requestBody")), "content");
    for (const struct cli_argument *a = command->arguments; a->name != NULL; a++) {
        bool is_known = a->place == CLI_IN_QUERY ? has_parameter(document, operation, a->member)
                        : a->place == CLI_IN_BODY
                            ? member_at(document, schema_of(document, body), a->member) != NULL
                            : true;
        if (!is_known) {
            fail_msg("whorl %s %s: %s is not described", command->group, command->verb, a->name);
        }
    }
}

static void check_shown(const json_t *document, const json_t *schema, const char *list,
                        const struct cli_column *columns)
{
    const json_t *items = member_of(document, schema, list);
    const json_t *item = json_object_get(items, "items");
    if (item == NULL) {
        fail_msg("no list %s", list);
    }
    for (const struct cli_column *column = columns; column->title != NULL; column++) {
        char name[64] = "";
        assert_true(strcspn(column->path, ".") < sizeof name);
        memcpy(name, column->path, strcspn(column->path, "."));
        if (member_of(document, item, name) == NULL) {
            fail_msg("%s: a column shows %s", list, column->path);
        }
    }
}

static void check_described(const struct cli_command *command)
{
    if (command->path[0] == '\0') {
        return;
    }
    AUTO(json_t) *document = described();
    const json_t *operation = operation_of(document, command);
    if (operation == NULL) {
        fail_msg("whorl %s %s calls nothing that is described", command->group, command->verb);
    }
    check_given(document, operation, command);
    const json_t *schema = answer_schema(document, operation);
    if (command->items != NULL) {
        check_shown(document, schema, command->items, command->columns);
        assert_true(has_parameter(document, operation, command->cursor == NULL ? "cursor" : command->cursor));
    }
    if (command->inner != NULL) {
        check_shown(document, schema, command->inner, command->inner_columns);
    }
}

static void commands_call_what_is_described(void **state)
{
    (void)state;
    each_command(check_described);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_whole),
        cmocka_unit_test(help_tells_all),
        cmocka_unit_test(commands_call_what_is_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
