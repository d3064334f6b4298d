/* What several row files need: statement values (an optional time, counted text, a flag, an id), and
 * questions that have one row for an answer. Times of 0 mean "not yet" in the rows and are NULL in the
 * tables, so that partial indexes leave them out. */
#ifndef WHORL_DB_ROW_VALUES_H
#define WHORL_DB_ROW_VALUES_H

#include "db/db.h"
#include "db/rows.h"

static inline struct db_value db_time_or_null(int64_t at_ms)
{
    return at_ms == 0 ? DB_N : DB_I(at_ms);
}

static inline struct db_value db_flag(bool is_set)
{
    return DB_I(is_set ? 1 : 0);
}

/** @param id borrowed until the call returns */
static inline struct db_value db_uuid(const struct uuid *id)
{
    return DB_B(id->b, sizeof(id->b));
}

static inline struct db_value db_text(struct bytes text)
{
    return (struct db_value){.kind = DB_TEXT, .bytes = text};
}

/** The one row of a statement, read by `fn`. @param what for the message @errors ERR_NOT_FOUND "no such
 * `what`"
 *  @thread of tx */
err_t db_find(struct db_tx *tx, const char *sql, const struct db_value *values, size_t count, db_row_fn fn,
              void *arg, const char *what);
/* Who takes the rows of a list. */
struct db_each {
    db_row_fn fn;
    void *arg;
};
/** Whether a statement has any row. @thread of tx */
err_t db_exists(struct db_tx *tx, const char *sql, const struct db_value *values, size_t count, bool *out);

/* One text for each order of a list, up and down: of $1 tenant, $2 the key before, $3 the limit. */
struct db_ordered {
    const char *up[ROW_ORDERS], *down[ROW_ORDERS];
};
/** Runs the text of the window's order. @thread of tx */
err_t db_list_ordered(struct db_tx *tx, const struct db_ordered *texts, const struct uuid *tenant,
                      const struct row_window *window, const struct db_each *each);

/** Appends a column's bytes; nothing for NULL. */
static inline err_t db_row_append(const struct db_row *row, int column, struct buf *out)
{
    return buf_append_bytes(out, db_row_bytes(row, column));
}

#endif
