/* Rows of batches: statements and reading. No rules here. */
#include "db/batch_rows.h"

#include "db/row_values.h"

#define COLUMNS "id, tenant, product, name, device_count, created_at, updated_at, ver"

static const char SQL_INSERT[] = "INSERT INTO batch (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
                                 "ON CONFLICT (tenant, name) DO NOTHING";
static const char SQL_ADD[] =
    "UPDATE batch SET device_count = device_count + $2, updated_at = $3, ver = ver + 1 WHERE id = $1";
static const char SQL_FIND_BY_NAME[] = "SELECT " COLUMNS " FROM batch WHERE tenant = $1 AND name = $2";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM batch WHERE id = $1 AND tenant = $2";

err_t batch_rows_insert(struct db_tx *tx, const struct batch_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(db_uuid(&row->id), db_uuid(&row->tenant), db_uuid(&row->product), DB_T(row->name),
                            DB_I(row->device_count), DB_I(row->created_at), DB_I(row->updated_at),
                            DB_I(row->ver)),
                  &changes));
    ENSURE(changes == 1, ERR_CONFLICT, "a batch named %s is there already", row->name);
    return OK;
}

err_t batch_rows_add_devices(struct db_tx *tx, struct batch_row *row, int64_t more)
{
    int64_t changes = 0;
    int64_t now_ms = db_tx_now_ms(tx);
    TRY(db_change(tx, SQL_ADD, DB_VALUES(db_uuid(&row->id), DB_I(more), DB_I(now_ms)), &changes));
    ENSURE(changes == 1, ERR_DB, "the batch is gone");
    row->device_count += more;
    row->updated_at = now_ms;
    row->ver++;
    return OK;
}

static err_t read_batch(const struct db_row *row, void *arg)
{
    struct batch_row *out = arg;
    *out = (struct batch_row){0};
    TRY(db_row_copy(row, 0, out->id.b, sizeof(out->id.b)));
    TRY(db_row_copy(row, 1, out->tenant.b, sizeof(out->tenant.b)));
    TRY(db_row_copy(row, 2, out->product.b, sizeof(out->product.b)));
    TRY(db_row_text(row, 3, out->name, sizeof(out->name)));
    out->device_count = db_row_int(row, 4);
    out->created_at = db_row_int(row, 5);
    out->updated_at = db_row_int(row, 6);
    out->ver = db_row_int(row, 7);
    return OK;
}

err_t batch_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id, struct batch_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&id), db_uuid(&tenant)), read_batch, out, "batch");
}

err_t batch_rows_find_by_name(struct db_tx *tx, struct uuid tenant, const char *name, struct batch_row *out)
{
    return db_find(tx, SQL_FIND_BY_NAME, DB_VALUES(db_uuid(&tenant), DB_T(name)), read_batch, out, "batch");
}

#define LIST(key, sign, down)                                                                                \
    "SELECT batch.id, batch.tenant, product, batch.name, device_count, batch.created_at, batch.updated_at, " \
    "batch.ver, product.name FROM batch JOIN product ON product.id = batch.product "                         \
    "WHERE batch.tenant = $1 AND " key " " sign " $2 ORDER BY " key down " LIMIT $3"
static const char SQL_LIST[] = LIST("batch.id", ">", "");
static const char SQL_LIST_DOWN[] = LIST("batch.id", "<", " DESC");
static const char SQL_LIST_NAME[] = LIST("batch.name", ">", "");
static const char SQL_LIST_NAME_DOWN[] = LIST("batch.name", "<", " DESC");
static const struct db_ordered LISTS = {.up = {SQL_LIST, SQL_LIST_NAME},
                                        .down = {SQL_LIST_DOWN, SQL_LIST_NAME_DOWN}};
static const char SQL_RENAME[] =
    "UPDATE batch SET name = $2, updated_at = $3, ver = ver + 1 WHERE id = $1 AND ver = $4";

struct each {
    batch_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct batch_row batch;
    char product[NAME_SIZE];
    TRY(read_batch(row, &batch));
    TRY(db_row_text(row, 8, product, sizeof product));
    return each->fn(&batch, product, each->arg);
}

err_t batch_rows_list(struct db_tx *tx, struct uuid tenant, const struct row_window *window, batch_row_fn fn,
                      void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_list_ordered(tx, &LISTS, &tenant, window, &(struct db_each){on_each, &each});
}

err_t batch_rows_rename(struct db_tx *tx, struct batch_row *row)
{
    int64_t changes = 0;
    int64_t now_ms = db_tx_now_ms(tx);
    TRY(db_change(tx, SQL_RENAME, DB_VALUES(db_uuid(&row->id), DB_T(row->name), DB_I(now_ms), DB_I(row->ver)),
                  &changes));
    ENSURE(changes == 1, ERR_BUSY, "the batch was changed by another request: try again");
    row->ver++;
    row->updated_at = now_ms;
    return OK;
}
