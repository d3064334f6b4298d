/* whorl(1), in the macros of man(7), from the same tables as the parser. */
#include <string.h>

#include "cmd/whorl/help.h"
#include "cmd/whorl/line.h"

/* Text of a page: a backslash and a hyphen mean something there; so does a dot or a quote at a line's start.
 */
static err_t append_text(struct buf *out, const char *text)
{
    if (text[0] == '.' || text[0] == '\'') {
        TRY(buf_append_str(out, "\\&"));
    }
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\\') {
            TRY(buf_append_str(out, "\\e"));
        } else if (*p == '-') {
            TRY(buf_append_str(out, "\\-"));
        } else if (strncmp(p, "…", sizeof "…" - 1) == 0) {
            TRY(buf_append_str(out, "..."));
            p += sizeof "…" - 2;
        } else {
            TRY(buf_append(out, p, 1));
        }
    }
    return OK;
}

static err_t append_line(struct buf *out, const char *macro, const char *text)
{
    TRY(buf_append_str(out, macro));
    TRY(append_text(out, text));
    return buf_append_str(out, "\n");
}

/* A term and what it means. */
static err_t append_term(struct buf *out, const char *name, const char *value, const char *help)
{
    AUTO_VAL(buf) term = {0};
    TRY(buf_printf(&term, "%s%s%s", name, value == NULL ? "" : " ", value == NULL ? "" : value));
    TRY(buf_append_str(out, ".TP\n"));
    TRY(append_line(out, ".B ", buf_str(&term)));
    return append_line(out, "", help);
}

static err_t append_command(struct buf *out, const struct cli_command *command)
{
    AUTO_VAL(buf) usage = {0};
    TRY(cli_help_usage(command, &usage));
    TRY(append_term(out, buf_str(&usage), NULL, command->help));
    if (command->arguments[0].name == NULL) {
        return OK;
    }
    TRY(buf_append_str(out, ".RS\n"));
    for (const struct cli_argument *a = command->arguments; a->name != NULL; a++) {
        TRY(append_term(out, a->name, cli_argument_is_option(a) ? a->value : NULL, a->help));
    }
    return buf_append_str(out, ".RE\n");
}

static err_t append_commands(struct buf *out)
{
    TRY(buf_append_str(out, ".SH COMMANDS\n"));
    for (const struct cli_group *group = cli_groups(); group->name != NULL; group++) {
        if (group->name[0] != '\0') {
            AUTO_VAL(buf) title = {0};
            TRY(buf_printf(&title, "whorl %s: %s", group->name, group->help));
            TRY(append_line(out, ".SS ", buf_str(&title)));
        }
        for (const struct cli_command *command = group->commands; command->group != NULL; command++) {
            TRY(append_command(out, command));
        }
    }
    return OK;
}

static err_t append_options(struct buf *out)
{
    TRY(buf_append_str(out, ".SH OPTIONS\n"));
    for (const struct cli_option *option = cli_option_table; option->name != NULL; option++) {
        TRY(append_term(out, option->name, option->value, option->help));
    }
    return OK;
}

static const char head[] =
    ".TH WHORL 1 2026-11-24 Whorl\n"
    ".SH NAME\n"
    "whorl \\- the operator's command line of a Whorl server\n"
    ".SH SYNOPSIS\n"
    ".B whorl\n"
    ".I command\n"
    ".RI [ word \\ ...]\n"
    ".RI [ options ]\n"
    ".SH DESCRIPTION\n"
    "Looks at the devices, certificates and policies of a Whorl server, and gives orders, over its "
    "management API.\n"
    ".B whorl login\n"
    "keeps the server's address, its trust anchor and a credential in a profile; every other command uses "
    "them.\n"
    ".PP\n"
    "Results go to standard output as tables, or with\n"
    ".B \\-\\-json\n"
    "as JSON: a list as one object a line, anything else as one line.\n"
    "An empty list prints nothing there. Everything else that is said goes to standard error.\n"
    "Where an ID is asked for and a name would do, the name does.\n"
    ".PP\n"
    "A change is based on what the thing is at that moment; when somebody else changed it meanwhile, nothing "
    "is done\n"
    "and it is said. What is made is made once, even if the connection breaks and the call is repeated.\n"
    "What cannot be undone asks for the first characters of the id, or wants\n"
    ".BR \\-\\-yes .\n";

static const char tail[] =
    ".SH ENVIRONMENT\n"
    ".TP\n.B WHORL_SERVER\nthe server, as\n.B \\-\\-server\n"
    ".TP\n.B WHORL_CA\nthe file of trust anchors, as\n.B \\-\\-ca\n"
    ".TP\n.B WHORL_TOKEN\na token; no option takes one, since others see the options of a program\n"
    ".TP\n.B WHORL_PROFILE\nthe profile, as\n.B \\-\\-profile\n"
    ".TP\n.B NO_COLOR\nno colours, whatever its value\n"
    ".SH FILES\n"
    ".TP\n.I $XDG_CONFIG_HOME/whorl/config.json\nprofiles with their trust anchors and credentials "
    "(\\(ti/.config when XDG_CONFIG_HOME is not set); only its owner may read it\n"
    ".SH EXIT STATUS\n"
    ".TP\n.B 0\nit was done\n"
    ".TP\n.B 1\nit was not: the server said no, or could not be reached, or lines of a list were refused\n"
    ".TP\n.B 2\nthe command line is wrong\n"
    ".SH EXAMPLES\n"
    ".nf\n"
    "whorl login \\-\\-server https://whorl.example:9443 \\-\\-ca ca.pem\n"
    "whorl batch import reel.json \\-\\-format microchip \\-\\-product sensor\n"
    "whorl device list \\-\\-state quarantined \\-\\-all \\-\\-json | jq \\-r .id\n"
    "whorl device revoke 5f0c... \\-\\-reason keyCompromise\n"
    ".fi\n";

err_t cli_help_manual(struct buf *out)
{
    TRY(buf_append_str(out, head));
    TRY(append_commands(out));
    TRY(append_options(out));
    return buf_append_str(out, tail);
}
