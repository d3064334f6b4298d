/* Statements over the table milestone. */
#include "db/milestone_rows.h"

static const char SQL_REACH[] = "INSERT INTO milestone (name, at) VALUES ($1, $2) "
                                "ON CONFLICT (name) DO UPDATE SET at = excluded.at";
static const char SQL_FIND[] = "SELECT at FROM milestone WHERE name = $1";

err_t milestone_rows_reach(struct db_tx *tx, const char *name)
{
    return db_change(tx, SQL_REACH, DB_VALUES(DB_T(name), DB_I(db_tx_now_ms(tx))), NULL);
}

static err_t take_time(const struct db_row *row, void *arg)
{
    *(int64_t *)arg = db_row_int(row, 0);
    return OK;
}

err_t milestone_rows_find(struct db_tx *tx, const char *name, int64_t *at_ms)
{
    *at_ms = 0;
    return db_run(tx, SQL_FIND, DB_VALUES(DB_T(name)), take_time, at_ms);
}
