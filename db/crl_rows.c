/* Statements over the table crl. Signs nothing (fleet/publication.c). */
#include "db/crl_rows.h"

#include "db/row_values.h"

static const char SQL_FIND[] = "SELECT authority, number, this_update, next_update, is_stale, ver, der "
                               "FROM crl WHERE authority = $1 AND shard = 0";
static const char SQL_FIND_STATE[] = "SELECT authority, number, this_update, next_update, is_stale, ver "
                                     "FROM crl WHERE authority = $1 AND shard = 0";
static const char SQL_INSERT[] =
    "INSERT INTO crl (authority, shard, number, this_update, next_update, is_stale, der, ver) "
    "VALUES ($1, 0, $2, $3, $4, 0, $5, 1) ON CONFLICT (authority, shard) DO NOTHING";
static const char SQL_REPLACE[] =
    "UPDATE crl SET number = $2, this_update = $3, next_update = $4, is_stale = 0, der = $5, ver = ver + 1 "
    "WHERE authority = $1 AND shard = 0 AND ver = $6 AND number < $2";
static const char SQL_MARK_STALE[] =
    "INSERT INTO crl (authority, shard, number, this_update, next_update, is_stale, der, ver) "
    "VALUES ($1, 0, 0, 0, 0, 1, $2, 1) "
    "ON CONFLICT (authority, shard) DO UPDATE SET is_stale = 1, ver = crl.ver + 1";

void crl_row_clear(struct crl_row *row)
{
    buf_clear(&row->der);
}

static err_t read_state(const struct db_row *row, void *arg)
{
    struct crl_row *out = arg;
    crl_row_clear(out);
    *out = (struct crl_row){.number = db_row_int(row, 1),
                            .this_update = db_row_int(row, 2),
                            .next_update = db_row_int(row, 3),
                            .is_stale = db_row_int(row, 4) != 0,
                            .ver = db_row_int(row, 5)};
    return db_row_text(row, 0, out->authority, sizeof out->authority);
}

static err_t read_list(const struct db_row *row, void *arg)
{
    struct crl_row *out = arg;
    TRY(read_state(row, out));
    return db_row_append(row, 6, &out->der);
}

err_t crl_rows_find(struct db_tx *tx, const char *authority, struct crl_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(DB_T(authority)), read_list, out, "CRL");
}

err_t crl_rows_find_state(struct db_tx *tx, const char *authority, struct crl_row *out)
{
    return db_find(tx, SQL_FIND_STATE, DB_VALUES(DB_T(authority)), read_state, out, "CRL");
}

err_t crl_rows_insert(struct db_tx *tx, const struct crl_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(DB_T(row->authority), DB_I(row->number), DB_I(row->this_update),
                            DB_I(row->next_update), DB_BYTES(buf_view(&row->der))),
                  &changes));
    ENSURE(changes == 1, ERR_CONFLICT, "there is a CRL of %s", row->authority);
    return OK;
}

err_t crl_rows_replace(struct db_tx *tx, const struct crl_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_REPLACE,
                  DB_VALUES(DB_T(row->authority), DB_I(row->number), DB_I(row->this_update),
                            DB_I(row->next_update), DB_BYTES(buf_view(&row->der)), DB_I(row->ver)),
                  &changes));
    ENSURE(changes == 1, ERR_BUSY, "the CRL of %s was changed at the same time", row->authority);
    return OK;
}

err_t crl_rows_mark_stale(struct db_tx *tx, const char *authority)
{
    return db_change(tx, SQL_MARK_STALE, DB_VALUES(DB_T(authority), DB_B("", 0)), NULL);
}
