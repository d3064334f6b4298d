/* Where the program writes: results on one stream, all else on the other. A reader that went away (`| head`)
 * is no failure: the program stops quietly. */
#ifndef WHORL_CMD_WHORL_OUTPUT_H
#define WHORL_CMD_WHORL_OUTPUT_H

#include <stdio.h>

#include "base/json.h"

enum { CLI_EXIT_OK = 0, CLI_EXIT_FAILED = 1, CLI_EXIT_USAGE = 2 };

struct cli_output {
    FILE *out, *err; /* borrowed */
    bool is_json;    /* results for programs */
    bool is_terminal, has_colour;
    bool is_closed; /* nobody reads the results any more */
};

/** stdout and stderr; colour on a terminal, unless NO_COLOR is set or TERM is dumb. @thread any */
void cli_output_init(struct cli_output *output, bool is_json);
/** Results, as they are. @errors ERR_IO; without a detail when the reader went away */
err_t cli_put(struct cli_output *output, struct bytes text);
/** Results that are shown to a person, or kept by a program: escaped on a terminal only. */
err_t cli_put_raw(struct cli_output *output, struct bytes text);
/** One JSON value on a line. On a terminal everything but ASCII is escaped. */
err_t cli_put_json(struct cli_output *output, const json_t *value);
/** What was written reaches its reader now. @errors as cli_put() */
err_t cli_flush(struct cli_output *output);
/** A line for the person, never part of the result; escaped. */
void cli_note(struct cli_output *output, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Flushes the results. @return the code to end with: an error that has a detail is told; one without was
 * told already. ERR_BAD_REQUEST is a matter of usage */
int cli_finish(struct cli_output *output, err_t error);

#endif
