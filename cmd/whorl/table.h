/* Tables for people: columns as wide as what is in them, nothing cut. Pages of a long list go through one
 * table, whose columns only grow. */
#ifndef WHORL_CMD_WHORL_TABLE_H
#define WHORL_CMD_WHORL_TABLE_H

#include "cmd/whorl/output.h"

enum { CLI_COLUMNS_MAX = 12 };

struct cli_column {
    const char *title; /* NULL ends a list of columns */
    const char *path;  /* of the value in an item: "devices.enrolled" */
};

struct cli_cell {
    size_t at, size; /* in the table's text */
};
struct cli_table {
    const struct cli_column *columns; /* borrowed, static */
    size_t widths[CLI_COLUMNS_MAX];
    struct buf text;
    struct cli_cell *cells; /* row by row */
    size_t cell_count, cell_capacity;
    bool has_head; /* was printed */
};
void cli_table_clear(struct cli_table *table);
DEFINE_AUTO_VAL(cli_table, cli_table_clear);

/** Takes the values of one item. @errors ERR_NO_MEMORY @thread any */
err_t cli_table_add(struct cli_table *table, const json_t *item);
/** Prints what was added since, under a head line the first time. @errors as cli_put() */
err_t cli_table_flush(struct cli_table *table, struct cli_output *output);

/** The value at a path ("a.b"), or NULL. */
const json_t *cli_value_at(const json_t *item, const char *path);
/** A value as a person reads it, escaped, on one line: texts as they are, lists with commas, objects as
 * name=value, nothing as "-". */
err_t cli_value_text(const json_t *value, struct buf *out);
/** The colour that a word of state has ("" mostly), for a stream that has colours. */
const char *cli_colour_of(const char *word);
#define CLI_COLOUR_OFF  "\033[0m"
#define CLI_COLOUR_BOLD "\033[1m"

#endif
