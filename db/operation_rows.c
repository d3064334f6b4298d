/* Rows of work on many devices: statements and reading. No rules here. */
#include "db/operation_rows.h"

#include "db/row_values.h"

#define COLUMNS                                                                                              \
    "id, tenant, kind, state, request, cursor, total, done, skipped, failed, failure, actor, request_id, "   \
    "created_at, updated_at, finished_at, ver"

static const char SQL_INSERT[] =
    "INSERT INTO operation (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, "
    "$14, $15, $16, $17)";
static const char SQL_UPDATE[] =
    "UPDATE operation SET state = $3, cursor = $4, done = $5, skipped = $6, failed = $7, failure = $8, "
    "updated_at = $9, finished_at = $10, ver = ver + 1 WHERE id = $1 AND ver = $2";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM operation WHERE id = $1 AND tenant = $2";
static const char SQL_FIND_NEXT[] =
    "SELECT " COLUMNS " FROM operation WHERE state = 0 ORDER BY updated_at, id LIMIT 1";
static const char SQL_LIST[] =
    "SELECT " COLUMNS " FROM operation WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3";
static const char SQL_LIST_STATE[] =
    "SELECT " COLUMNS " FROM operation WHERE tenant = $1 AND state = $4 AND id > $2 ORDER BY id LIMIT $3";

static struct db_value cursor_of(const struct operation_row *row)
{
    return DB_B(row->cursor.b, row->has_cursor ? sizeof row->cursor.b : 0);
}

err_t operation_rows_insert(struct db_tx *tx, const struct operation_row *row)
{
    return db_change(tx, SQL_INSERT,
                     DB_VALUES(db_uuid(&row->id), db_uuid(&row->tenant), DB_I(row->kind), DB_I(row->state),
                               DB_T(row->request), cursor_of(row), DB_I(row->total), DB_I(row->done),
                               DB_I(row->skipped), DB_I(row->failed), DB_T(row->failure), DB_T(row->actor),
                               DB_T(row->request_id), DB_I(row->created_at), DB_I(row->updated_at),
                               db_time_or_null(row->finished_at), DB_I(row->ver)),
                     NULL);
}

err_t operation_rows_update(struct db_tx *tx, struct operation_row *row)
{
    int64_t changes = 0;
    int64_t now_ms = db_tx_now_ms(tx);
    TRY(db_change(tx, SQL_UPDATE,
                  DB_VALUES(db_uuid(&row->id), DB_I(row->ver), DB_I(row->state), cursor_of(row),
                            DB_I(row->done), DB_I(row->skipped), DB_I(row->failed), DB_T(row->failure),
                            DB_I(now_ms), db_time_or_null(row->finished_at)),
                  &changes));
    ENSURE(changes == 1, ERR_BUSY, "the operation was changed by another request: try again");
    row->ver++;
    row->updated_at = now_ms;
    return OK;
}

static err_t read_operation(const struct db_row *row, void *arg)
{
    struct operation_row *out = arg;
    int64_t state = db_row_int(row, 3);
    ENSURE(state >= OPERATION_RUNNING && state <= OPERATION_CANCELLED, ERR_DB, "an operation in state %lld",
           (long long)state);
    *out = (struct operation_row){.kind = db_row_int(row, 2),
                                  .state = (enum operation_state)state,
                                  .has_cursor = db_row_bytes(row, 5).n > 0,
                                  .total = db_row_int(row, 6),
                                  .done = db_row_int(row, 7),
                                  .skipped = db_row_int(row, 8),
                                  .failed = db_row_int(row, 9),
                                  .created_at = db_row_int(row, 13),
                                  .updated_at = db_row_int(row, 14),
                                  .finished_at = db_row_int(row, 15), /* NULL reads as 0 */
                                  .ver = db_row_int(row, 16)};
    TRY(db_row_copy(row, 0, out->id.b, sizeof out->id.b));
    TRY(db_row_copy(row, 1, out->tenant.b, sizeof out->tenant.b));
    TRY(db_row_text(row, 4, out->request, sizeof out->request));
    if (out->has_cursor) {
        TRY(db_row_copy(row, 5, out->cursor.b, sizeof out->cursor.b));
    }
    TRY(db_row_text(row, 10, out->failure, sizeof out->failure));
    TRY(db_row_text(row, 11, out->actor, sizeof out->actor));
    return db_row_text(row, 12, out->request_id, sizeof out->request_id);
}

err_t operation_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id, struct operation_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&id), db_uuid(&tenant)), read_operation, out, "operation");
}

err_t operation_rows_find_next(struct db_tx *tx, struct operation_row *out)
{
    return db_find(tx, SQL_FIND_NEXT, NULL, 0, read_operation, out, "operation");
}

struct each {
    operation_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct operation_row operation;
    TRY(read_operation(row, &operation));
    return each->fn(&operation, each->arg);
}

err_t operation_rows_list(struct db_tx *tx, struct uuid tenant, const enum operation_state *state,
                          const struct row_window *window, operation_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    const struct db_value values[] = {db_uuid(&tenant), DB_BYTES(window->after), DB_I(window->limit),
                                      state == NULL ? DB_N : DB_I(*state)};
    return db_run(tx, state == NULL ? SQL_LIST : SQL_LIST_STATE, values, state == NULL ? 3 : 4, on_each,
                  &each);
}
