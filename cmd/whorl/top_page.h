/* A page of `whorl top`, as lines of text: made of a view (top_figures.h) with what was asked besides. All of
 * it that came from the server is escaped. Knows no terminal but for its width and its colours. */
#ifndef WHORL_CMD_WHORL_TOP_PAGE_H
#define WHORL_CMD_WHORL_TOP_PAGE_H

#include "base/json.h"

struct cli_top_form {
    size_t columns, lines; /* 0: as long as it gets */
    bool has_colour;
    const char *line_end; /* what ends a line: "\n", or with an order that clears the rest of it */
};

/** Appends the page. Where it has more lines than there is room, the last one says how many are missing.
 *  @param page {"at","server","interval_s","notice"?,"version"?,"readiness"?{status,reason},
 *  "alarms"?[…],"rollouts"?[…],"figures"?} as top.c makes it @errors ERR_NO_MEMORY @thread any */
err_t cli_top_page(const json_t *page, const struct cli_top_form *form, struct buf *out);

#endif
