/* Statements over the table cmp_transaction. Knows no CMP. */
#include "db/cmp_rows.h"

#include "db/row_values.h"

#define COLUMNS "id, key, sender, request, nonce, authority, serial, expires_at"

static const char SQL_CLEAR[] = "DELETE FROM cmp_transaction WHERE key = $1";
static const char SQL_INSERT[] =
    "INSERT INTO cmp_transaction (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
static const char SQL_FIND[] =
    "SELECT " COLUMNS " FROM cmp_transaction WHERE id = $1 AND key = $2 AND expires_at > $3";
static const char SQL_OF_ID[] =
    "SELECT " COLUMNS " FROM cmp_transaction WHERE id = $1 AND expires_at > $2 LIMIT $3";
static const char SQL_DELETE[] = "DELETE FROM cmp_transaction WHERE id = $1 AND key = $2";
static const char SQL_SWEEP[] =
    "DELETE FROM cmp_transaction WHERE key IN "
    "(SELECT key FROM cmp_transaction WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)";

err_t cmp_rows_put(struct db_tx *tx, const struct cmp_row *row)
{
    bool is_granted = row->authority[0] != '\0';
    TRY(db_change(tx, SQL_CLEAR, DB_VALUES(DB_BYTES(row->key)), NULL));
    return db_change(tx, SQL_INSERT,
                     DB_VALUES(DB_BYTES(row->id), DB_BYTES(row->key), DB_BYTES(row->sender),
                               DB_BYTES(row->request), DB_BYTES(row->nonce), DB_T(row->authority),
                               is_granted ? DB_B(row->serial, sizeof row->serial) : DB_N,
                               DB_I(row->expires_at)),
                     NULL);
}

struct find {
    cmp_row_fn fn;
    void *arg;
};

static err_t on_row(const struct db_row *row, void *arg)
{
    const struct find *find = arg;
    struct cmp_row out = {.id = db_row_bytes(row, 0),
                          .key = db_row_bytes(row, 1),
                          .sender = db_row_bytes(row, 2),
                          .request = db_row_bytes(row, 3),
                          .nonce = db_row_bytes(row, 4),
                          .expires_at = db_row_int(row, 7)};
    TRY(db_row_text(row, 5, out.authority, sizeof out.authority));
    if (!db_row_is_null(row, 6)) {
        TRY(db_row_copy(row, 6, out.serial, sizeof out.serial));
    }
    return find->fn(&out, find->arg);
}

err_t cmp_rows_find(struct db_tx *tx, struct bytes id, struct bytes key, int64_t now_ms, cmp_row_fn fn,
                    void *arg)
{
    struct find find = {.fn = fn, .arg = arg};
    return db_find(tx, SQL_FIND, DB_VALUES(DB_BYTES(id), DB_BYTES(key), DB_I(now_ms)), on_row, &find,
                   "CMP transaction");
}

err_t cmp_rows_of_id(struct db_tx *tx, struct bytes id, int64_t now_ms, int64_t limit, cmp_row_fn fn,
                     void *arg)
{
    struct find find = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_OF_ID, DB_VALUES(DB_BYTES(id), DB_I(now_ms), DB_I(limit)), on_row, &find);
}

err_t cmp_rows_delete(struct db_tx *tx, struct bytes id, struct bytes key)
{
    return db_change(tx, SQL_DELETE, DB_VALUES(DB_BYTES(id), DB_BYTES(key)), NULL);
}

err_t cmp_rows_sweep(struct db_tx *tx, int64_t before, int64_t limit, int64_t *count)
{
    return db_change(tx, SQL_SWEEP, DB_VALUES(DB_I(before), DB_I(limit)), count);
}
