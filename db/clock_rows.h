/* What each node last held to be the time, and whether its clock has left it since. */
#ifndef WHORL_DB_CLOCK_ROWS_H
#define WHORL_DB_CLOCK_ROWS_H

#include "db/db.h"

/* Stored: a number is never given to another reason. */
enum clock_reason { CLOCK_STEPPED = 0, CLOCK_BEHIND = 1, CLOCK_AHEAD = 2 };

struct clock_row {
    int64_t seen_at;    /* Unix ms */
    int64_t held_since; /* 0: it is not held */
    enum clock_reason reason;
    int64_t step_ms; /* forward positive */
};

/** @param node its name (db_node_name) @errors ERR_NOT_FOUND it never served @thread of tx, like the next one
 */
err_t clock_rows_find(struct db_tx *tx, const char *node, struct clock_row *out);
/** Makes or replaces it. */
err_t clock_rows_put(struct db_tx *tx, const char *node, const struct clock_row *row);

#endif
