/* Questions that have one row for an answer. The statement is stepped to its end like every other, so it asks
 * for one row only. Used by the *_rows.c files. */
#include "db/row_values.h"

struct question {
    db_row_fn fn; /* NULL: that there is a row says it all */
    void *arg;
    bool has_row;
};

static err_t on_row(const struct db_row *row, void *arg)
{
    struct question *question = arg;
    question->has_row = true;
    return question->fn == NULL ? OK : question->fn(row, question->arg);
}

err_t db_find(struct db_tx *tx, const char *sql, const struct db_value *values, size_t count, db_row_fn fn,
              void *arg, const char *what)
{
    struct question question = {.fn = fn, .arg = arg};
    TRY(db_run(tx, sql, values, count, on_row, &question));
    ENSURE(question.has_row, ERR_NOT_FOUND, "no such %s", what);
    return OK;
}

err_t db_exists(struct db_tx *tx, const char *sql, const struct db_value *values, size_t count, bool *out)
{
    struct question question = {.fn = NULL};
    TRY(db_run(tx, sql, values, count, on_row, &question));
    *out = question.has_row;
    return OK;
}

/* Behind every id and every name: a list that goes down begins there. */
static struct db_value last_key(enum row_order order)
{
    static const uint8_t last_id[17] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    return order == ORDER_NAME ? DB_T("~") : DB_B(last_id, sizeof last_id);
}

err_t db_list_ordered(struct db_tx *tx, const struct db_ordered *texts, const struct uuid *tenant,
                      const struct row_window *window, const struct db_each *each)
{
    bool is_from_end = window->is_descending && window->after.n == 0;
    struct db_value after = window->order == ORDER_NAME ? db_text(window->after) : DB_BYTES(window->after);
    const char *sql = window->is_descending ? texts->down[window->order] : texts->up[window->order];
    return db_run(
        tx, sql,
        DB_VALUES(db_uuid(tenant), is_from_end ? last_key(window->order) : after, DB_I(window->limit)),
        each->fn, each->arg);
}
