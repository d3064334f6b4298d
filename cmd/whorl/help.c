/* `whorl help`, `--help` at each level. */
#include "cmd/whorl/help.h"

#include <string.h>

#include "cmd/whorl/cli.h"
#include "cmd/whorl/tables.h"
#include "cmd/whorl/text.h"

enum { NAME_WIDTH = 34 };

static bool may_repeat(const struct cli_argument *argument)
{
    return argument->kind == CLI_WORDS || argument->kind == CLI_ITEMS || argument->kind == CLI_PAIR ||
           argument->kind == CLI_IMAGES || argument->kind == CLI_ABSENT;
}

err_t cli_help_usage(const struct cli_command *command, struct buf *out)
{
    TRY(buf_printf(out, "whorl %s%s%s", command->group, command->verb[0] == '\0' ? "" : " ", command->verb));
    for (const struct cli_argument *a = command->arguments; a->name != NULL; a++) {
        bool is_needed = (a->flags & CLI_NEEDED) != 0;
        bool has_value = cli_argument_is_option(a) && a->kind != CLI_FLAG;
        /* long lists of choices are told below */
        bool is_long = has_value && strlen(a->value) > 24;
        TRY(buf_printf(out, " %s%s%s%s%s%s", is_needed ? "" : "[", a->name, has_value ? " " : "",
                       has_value ? is_long ? "WORD" : a->value : "", is_needed ? "" : "]",
                       may_repeat(a) ? "…" : ""));
    }
    return OK;
}

static err_t add_row(struct buf *out, const char *name, const char *value, const char *help)
{
    AUTO_VAL(buf) left = {0};
    TRY(buf_printf(&left, "%s%s%s", name, value == NULL ? "" : " ", value == NULL ? "" : value));
    size_t width = cli_text_width(buf_view(&left));
    if (width >= NAME_WIDTH) {
        return buf_printf(out, "  %s\n  %*s%s\n", buf_str(&left), NAME_WIDTH, "", help);
    }
    return buf_printf(out, "  %s%*s%s\n", buf_str(&left), (int)(NAME_WIDTH - width), "", help);
}

static err_t add_options(struct buf *out)
{
    TRY(buf_append_str(out, "\nOptions of every command:\n"));
    for (const struct cli_option *option = cli_option_table; option->name != NULL; option++) {
        TRY(add_row(out, option->name, option->value, option->help));
    }
    return OK;
}

static err_t help_command(const struct cli_command *command, struct buf *out)
{
    TRY(buf_append_str(out, "usage: "));
    TRY(cli_help_usage(command, out));
    TRY(buf_printf(out, "\n\n%s%s\n", command->help,
                   (command->flags & CLI_DANGEROUS) != 0 ? " (asks before)" : ""));
    if (command->arguments[0].name != NULL) {
        TRY(buf_append_str(out, "\n"));
    }
    for (const struct cli_argument *a = command->arguments; a->name != NULL; a++) {
        TRY(add_row(out, a->name, cli_argument_is_option(a) ? a->value : NULL, a->help));
    }
    return add_options(out);
}

static err_t help_group(const struct cli_group *group, struct buf *out)
{
    TRY(buf_printf(out, "whorl %s: %s\n\n", group->name, group->help));
    for (const struct cli_command *command = group->commands; command->group != NULL; command++) {
        AUTO_VAL(buf) name = {0};
        TRY(buf_printf(&name, "whorl %s %s", command->group, command->verb));
        TRY(add_row(out, buf_str(&name), NULL, command->help));
    }
    return buf_printf(out, "\n`whorl %s WORD --help` tells more.\n", group->name);
}

static err_t help_all(struct buf *out)
{
    TRY(buf_append_str(out, "whorl: the operator's command line of a Whorl server\n\n"));
    for (const struct cli_command *command = cli_groups()->commands; command->group != NULL; command++) {
        AUTO_VAL(buf) name = {0};
        TRY(buf_printf(&name, "whorl %s", command->group));
        TRY(add_row(out, buf_str(&name), NULL, command->help));
    }
    for (const struct cli_group *group = cli_groups() + 1; group->name != NULL; group++) {
        AUTO_VAL(buf) name = {0};
        TRY(buf_printf(&name, "whorl %s …", group->name));
        TRY(add_row(out, buf_str(&name), NULL, group->help));
    }
    TRY(add_options(out));
    return buf_append_str(out, "\n`whorl WORD --help` tells more. Exit codes: 0 ok, 1 failed, 2 usage.\n");
}

err_t cli_help_text(const char *group, const struct cli_command *command, struct buf *out)
{
    if (command != NULL) {
        return help_command(command, out);
    }
    const struct cli_group *found = group == NULL ? NULL : cli_group_find(group);
    return found != NULL ? help_group(found, out) : help_all(out);
}

/* The words behind `help`, as far as there are any. */
static const char *word_at(const struct cli_line *line, size_t place)
{
    for (size_t i = 0; i < line->given_count; i++) {
        if (strcmp(line->given[i].argument->name, "WORD") == 0 && place-- == 0) {
            return line->given[i].text;
        }
    }
    return NULL;
}

static err_t help_words(const struct cli_line *line, struct buf *out)
{
    const char *group = word_at(line, 0);
    const char *verb = word_at(line, 1);
    if (group == NULL) {
        return help_all(out);
    }
    const struct cli_command *command = cli_command_find(group, verb == NULL ? "" : verb);
    ENSURE(command != NULL || (verb == NULL && cli_group_find(group) != NULL), ERR_BAD_REQUEST,
           "there is no command `%.32s%s%.32s`", group, verb == NULL ? "" : " ", verb == NULL ? "" : verb);
    return cli_help_text(group, command, out);
}

err_t cli_run_help(struct cli *cli, const struct cli_line *line)
{
    AUTO_VAL(buf) text = {0};
    if (line->options.is_help) {
        TRY(cli_help_text(line->group, line->command, &text));
    } else if (cli_line_has(line, "--man")) {
        TRY(cli_help_manual(&text));
    } else {
        TRY(help_words(line, &text));
    }
    return cli_put(&cli->output, buf_view(&text));
}
