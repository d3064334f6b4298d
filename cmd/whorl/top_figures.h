/* What `whorl top` shows of two readings of the figures, as one JSON object: sections with their numbers,
 * rates over the time between the readings. A family that the server does not have makes no member; a number
 * that is not known (a rate of the first reading, or over a restart) is null. Knows no terminal and no
 * network. */
#ifndef WHORL_CMD_WHORL_TOP_FIGURES_H
#define WHORL_CMD_WHORL_TOP_FIGURES_H

#include "base/json.h"
#include "cmd/whorl/figures.h"

enum { CLI_TOP_ROUTES = 8 };

/* One reading. */
struct cli_top_reading {
    struct cli_figures figures;
    int64_t at_ms;  /* monotonic */
    int64_t now_ms; /* of the clock on the wall */
};

/* The unit that a number has, for whoever shows it. */
enum cli_top_unit {
    CLI_TOP_RATE,    /* each second */
    CLI_TOP_COUNT,   /* now */
    CLI_TOP_SECONDS, /* a short time */
    CLI_TOP_SPAN,    /* a long one: until something, or since */
    CLI_TOP_SHARE,   /* of one: a core */
    CLI_TOP_BYTES,
    CLI_TOP_PLAIN, /* a number that is no whole one */
};

/* A number of a section: how it is made of which samples. */
enum cli_top_way {
    CLI_TOP_GROWTH, /* of counters, each second */
    CLI_TOP_SUM,    /* of gauges */
    CLI_TOP_MEAN,   /* of a histogram, of what came in between; the name without _sum */
    CLI_TOP_P99,    /* likewise: the bound of the bucket that it is in */
    CLI_TOP_UNTIL,  /* the earliest of times, from now */
    CLI_TOP_SINCE,  /* a time, until now */
};
struct cli_top_number {
    const char *section, *name; /* as shown, and as members */
    enum cli_top_way way;
    enum cli_top_unit unit;
    struct cli_figure_choice choice;
};
extern const struct cli_top_number cli_top_numbers[];
extern const size_t cli_top_number_count;

/** Whether the server was started between the two readings: one of its counters fell, or it says so. */
bool cli_top_is_restarted(const struct cli_top_reading *before, const struct cli_top_reading *now);
/** @param before NULL: there is none yet, or the server was started since; no rate is known @param[out] out
 * caller owns: {"requests":{"all":1.5,…},…,"routes":[{"route","rate","failed"},…]}, the busiest first
 * @errors ERR_NO_MEMORY @thread any */
err_t cli_top_view(const struct cli_top_reading *before, const struct cli_top_reading *now, json_t **out);

#endif
