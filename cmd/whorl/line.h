/* The command line, read by the tables. Nothing is done with it here, and no value of the API is judged: the
 * server knows better. */
#ifndef WHORL_CMD_WHORL_LINE_H
#define WHORL_CMD_WHORL_LINE_H

#include "cmd/whorl/command.h"

enum { CLI_GIVEN_MAX = 256 };

/* Options of every command. */
struct cli_options {
    const char *server, *ca, *profile, *token_file, *certificate, *key, *limit;
    bool is_json, is_all, is_yes, is_help;
};

struct cli_option {
    const char *name, *value; /* value NULL: a flag */
    const char *help;
    size_t offset;
};
extern const struct cli_option cli_option_table[]; /* ends with a name of NULL */

struct cli_given {
    const struct cli_argument *argument;
    const char *text; /* borrowed from argv */
};
struct cli_line {
    const char *group; /* the words, even if they name no command; NULL when not given */
    const char *verb;
    const struct cli_command *command;
    struct cli_options options;
    struct cli_given given[CLI_GIVEN_MAX];
    size_t given_count;
};

/** Reads argv. With --help a line may be incomplete: `command` may be NULL then, and needed arguments absent.
 *  @param[out] out borrows argv @errors ERR_BAD_REQUEST with what is wrong @thread any */
err_t cli_line_parse(int argc, char *const *argv, struct cli_line *out);
/** What was given for the argument of this name (the first time), or NULL. */
const char *cli_line_text(const struct cli_line *line, const char *name);
bool cli_line_has(const struct cli_line *line, const char *name);

#endif
