/* Rows of writes from outside, by their key: statements and reading. No rules here. */
#include "db/op_rows.h"

#include "db/row_values.h"

static const char SQL_FIND[] = "SELECT fingerprint, at, kind, result FROM op WHERE tenant = $1 AND idem = $2";
static const char SQL_INSERT[] = "INSERT INTO op (tenant, idem, fingerprint, at, kind, result) "
                                 "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, idem) DO NOTHING";
static const char SQL_SWEEP[] =
    "DELETE FROM op WHERE (tenant, idem) IN "
    "(SELECT tenant, idem FROM op WHERE at < $1 ORDER BY at, tenant, idem LIMIT $2)";

static err_t read_op(const struct db_row *row, void *arg)
{
    struct op_row *out = arg;
    *out = (struct op_row){0};
    TRY(db_row_copy(row, 0, out->fingerprint.b, sizeof(out->fingerprint.b)));
    out->at = db_row_int(row, 1);
    TRY(db_row_text(row, 2, out->kind, sizeof(out->kind)));
    return db_row_text(row, 3, out->result, sizeof(out->result));
}

err_t op_rows_find(struct db_tx *tx, struct uuid tenant, struct bytes key, struct op_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&tenant), DB_BYTES(key)), read_op, out, "operation");
}

err_t op_rows_insert(struct db_tx *tx, struct uuid tenant, struct bytes key, const struct op_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(db_uuid(&tenant), DB_BYTES(key),
                            DB_B(row->fingerprint.b, sizeof(row->fingerprint.b)), DB_I(row->at),
                            DB_T(row->kind), DB_T(row->result)),
                  &changes));
    ENSURE(changes == 1, ERR_CONFLICT, "the Idempotency-Key is in use");
    return OK;
}

err_t op_rows_sweep(struct db_tx *tx, int64_t before_ms, int64_t limit, int64_t *deleted)
{
    return db_change(tx, SQL_SWEEP, DB_VALUES(DB_I(before_ms), DB_I(limit)), deleted);
}
