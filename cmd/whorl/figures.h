/* A page of figures in the text format of OpenMetrics 1.0, as GET /metrics sends it: samples with their
 * labels. Read from outside: the size, the number of samples and of labels are bounded, and a line that is no
 * sample is told with its number. Comments, units, exemplars and timestamps are passed over. */
#ifndef WHORL_CMD_WHORL_FIGURES_H
#define WHORL_CMD_WHORL_FIGURES_H

#include "base/bytes.h"
#include "base/err.h"

enum { CLI_FIGURES_TEXT_MAX = 4 * 1024 * 1024, CLI_FIGURES_MAX = 8192, CLI_FIGURE_LABELS_MAX = 6 };

/* Texts point into the page that they were read from, without a control character's escape undone but for
 * those of the format: not for a terminal as they are. */
struct cli_figure {
    const char *name;
    struct cli_figure_label {
        const char *name, *value;
    } labels[CLI_FIGURE_LABELS_MAX];
    size_t label_count;
    double value; /* may be infinite, or no number */
};
struct cli_figures {
    char *text;
    struct cli_figure *items;
    size_t count, capacity;
};
void cli_figures_clear(struct cli_figures *figures);
DEFINE_AUTO_VAL(cli_figures, cli_figures_clear);

/** @param text copied @param[out] out {0} before; cleared by the caller, also after an error
 *  @errors ERR_TOO_LARGE, ERR_BAD_ENCODING naming the line, or that the end is missing; ERR_NO_MEMORY
 *  @thread any, like all below */
err_t cli_figures_read(struct bytes text, struct cli_figures *out);
/** The value of a label; "" where the sample has none of the name. */
const char *cli_figure_label(const struct cli_figure *figure, const char *name);

/* Which samples: of a name, and where `label` is not NULL with that label of that value. */
struct cli_figure_choice {
    const char *name, *label, *value;
    bool is_beginning; /* of values that begin so */
};
bool cli_figure_is(const struct cli_figure *figure, const struct cli_figure_choice *choice);
/** The sum of those that are numbers. @return false: there is none */
bool cli_figures_sum(const struct cli_figures *figures, const struct cli_figure_choice *choice, double *out);

#endif
