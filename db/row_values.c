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
