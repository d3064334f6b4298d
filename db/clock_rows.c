/* Rows of the nodes' clocks: statements and reading. */
#include "db/clock_rows.h"

#include "db/row_values.h"

static const char SQL_FIND[] = "SELECT seen_at, held_since, reason, step_ms FROM node_clock WHERE node = $1";
static const char SQL_PUT[] =
    "INSERT INTO node_clock (node, seen_at, held_since, reason, step_ms) VALUES ($1, $2, $3, $4, $5) "
    "ON CONFLICT (node) DO UPDATE SET seen_at = excluded.seen_at, held_since = excluded.held_since, "
    "reason = excluded.reason, step_ms = excluded.step_ms";

struct search {
    struct clock_row *out;
    bool is_found;
};

static err_t read_clock(const struct db_row *row, void *arg)
{
    struct search *search = arg;
    search->is_found = true;
    *search->out = (struct clock_row){.seen_at = db_row_int(row, 0),
                                      .held_since = db_row_int(row, 1),
                                      .reason = (enum clock_reason)db_row_int(row, 2),
                                      .step_ms = db_row_int(row, 3)};
    return OK;
}

err_t clock_rows_find(struct db_tx *tx, const char *node, struct clock_row *out)
{
    struct search search = {.out = out};
    TRY(db_run(tx, SQL_FIND, DB_VALUES(DB_T(node)), read_clock, &search));
    ENSURE(search.is_found, ERR_NOT_FOUND, "no clock of this node");
    return OK;
}

err_t clock_rows_put(struct db_tx *tx, const char *node, const struct clock_row *row)
{
    struct db_value since = row->held_since == 0 ? DB_N : DB_I(row->held_since);
    return db_change(
        tx, SQL_PUT,
        DB_VALUES(DB_T(node), DB_I(row->seen_at), since, DB_I((int64_t)row->reason), DB_I(row->step_ms)),
        NULL);
}
