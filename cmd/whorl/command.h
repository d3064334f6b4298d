/* What a command is: words, a call of the API, what goes where, what is shown. One const table of these makes
 * the parser, the help, the manual page and the completion; so none of them can lack what another has. */
#ifndef WHORL_CMD_WHORL_COMMAND_H
#define WHORL_CMD_WHORL_COMMAND_H

#include "cmd/whorl/table.h"

struct cli;
struct cli_line;

enum cli_method { CLI_GET, CLI_POST, CLI_PATCH, CLI_DELETE, CLI_PUT };
enum cli_place {
    CLI_IN_PATH, /* the next {} of the path */
    CLI_IN_QUERY,
    CLI_IN_BODY,
    CLI_BY_HAND /* the command's own function reads it */
};
enum cli_kind {
    CLI_TEXT,
    CLI_INTEGER,
    CLI_BOOLEAN, /* true or false */
    CLI_FLAG,    /* true when given; takes no value */
    CLI_WORDS,   /* a list; may be given several times, and with commas */
    CLI_ITEMS,   /* a list; may be given several times, commas are part of a value */
    CLI_PAIR,    /* NAME=VALUE, a member of an object; may be given several times */
    CLI_WAVES,   /* the waves of a campaign: NAME=VALUE, a percent or count:N each, with commas */
    CLI_IMAGES,  /* an image of a release; may be given several times */
    CLI_ABSENT,  /* NAME, a member to take away; may be given several times */
    CLI_FILE,    /* the content of a file, as text */
    CLI_JSON,    /* the content of a file, as JSON */
    CLI_SECONDS, /* 90d, 12h, 30m, 10s or 10 */
    CLI_WHEN     /* a time (RFC 3339), or a span of it from now */
};
enum {
    CLI_NEEDED = 1,   /* argument: must be given */
    CLI_NULLABLE = 2, /* argument: an empty value is null in the body */
};
enum {
    CLI_DANGEROUS = 1, /* command: asks for the id's first characters, or --yes */
    CLI_ONCE = 2,      /* command: the answer holds a secret that is shown once */
};

struct cli_argument {
    const char *name;  /* "--state", or "ID" for one by position; NULL ends a list */
    const char *value; /* what to write behind it; "a|b|c" are offered by completion */
    const char *help;
    const char *member; /* of query or body, there also "object.member"; "" where the place needs none */
    const char *names;  /* a list whose names are taken for ids too ("products"), or NULL */
    enum cli_place place;
    enum cli_kind kind;
    unsigned flags;
};

typedef err_t (*cli_run_fn)(struct cli *cli, const struct cli_line *line);

struct cli_command {
    const char *group, *verb; /* verb "": the group's name is the command */
    const char *help;         /* one line; what it does to a dangerous command's thing */
    const char *path;
    const struct cli_argument *arguments;
    const char *items;                /* a list: the member that holds it */
    const char *cursor;               /* a list: the parameter that goes on behind a page; NULL: "cursor" */
    const struct cli_column *columns; /* of a list; of one thing NULL: all members */
    const char *inner;                /* a list within one thing, shown as a table of its own */
    const struct cli_column *inner_columns;
    cli_run_fn run; /* NULL: as the members above say */
    enum cli_method method;
    unsigned flags;
};

struct cli_group {
    const char *name, *help;
    const struct cli_command *commands; /* ends with a group of NULL */
};

/** All groups, ending with a name of NULL; the first is the one of commands without a group. @thread any */
const struct cli_group *cli_groups(void);
/** The command of these words; NULL when there is none. @param verb "" for one without a group */
const struct cli_command *cli_command_find(const char *group, const char *verb);
/** By name; NULL when there is none. */
const struct cli_group *cli_group_find(const char *name);
bool cli_argument_is_option(const struct cli_argument *argument);

#endif
