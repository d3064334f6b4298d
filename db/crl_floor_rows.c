/* Statements over the table crl_floor. The row of shard -1 is about every list of its authority. */
#include "db/crl_floor_rows.h"

#include "db/crl_rows.h"

static const char SQL_READ[] =
    "SELECT COALESCE(MAX(number), 0) FROM crl_floor WHERE authority = $1 AND shard IN ($2, -1)";
static const char SQL_RAISE[] = "INSERT INTO crl_floor (authority, shard, number) VALUES ($1, $2, $3) "
                                "ON CONFLICT (authority, shard) DO UPDATE SET number = excluded.number "
                                "WHERE excluded.number > crl_floor.number";
static const char SQL_RAISE_ALL[] =
    "INSERT INTO crl_floor (authority, shard, number) SELECT id, -1, $1 FROM authority WHERE 1 = 1 "
    "ON CONFLICT (authority, shard) DO UPDATE SET number = excluded.number "
    "WHERE excluded.number > crl_floor.number";

static err_t take_number(const struct db_row *row, void *arg)
{
    *(int64_t *)arg = db_row_int(row, 0);
    return OK;
}

err_t crl_floor_rows_read(struct db_tx *tx, const char *authority, int64_t list, int64_t *number)
{
    *number = 0;
    return db_run(tx, SQL_READ, DB_VALUES(DB_T(authority), DB_I(list)), take_number, number);
}

err_t crl_floor_rows_raise(struct db_tx *tx, const char *authority, int64_t list, int64_t number)
{
    TRY(db_change(tx, SQL_RAISE, DB_VALUES(DB_T(authority), DB_I(list), DB_I(number)), NULL));
    return crl_rows_mark_list_stale(tx, authority, (int)list);
}

err_t crl_floor_rows_raise_all(struct db_tx *tx, int64_t number)
{
    TRY(db_change(tx, SQL_RAISE_ALL, DB_VALUES(DB_I(number)), NULL));
    return crl_rows_mark_all_stale(tx);
}
