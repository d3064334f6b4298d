/* Rows of transfers: statements and reading. No rules here. */
#include "db/transfer_rows.h"

#include "db/row_values.h"

#define STORED                                                                                               \
    "id, tenant, to_tenant, state, batch, device_count, note, offered_by, offered_at, expires_at, "          \
    "decided_by, decided_at, product, to_batch, operation, moved, failed, ver"
#define COLUMNS                                                                                              \
    STORED ", (SELECT name FROM tenant WHERE tenant.id = transfer.tenant), "                                 \
           "(SELECT name FROM tenant WHERE tenant.id = transfer.to_tenant)"

static const char SQL_INSERT[] = "INSERT INTO transfer (" STORED ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, "
                                 "$9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";
static const char SQL_UPDATE[] =
    "UPDATE transfer SET state = $3, decided_by = $4, decided_at = $5, product = $6, to_batch = $7, "
    "operation = $8, moved = $9, failed = $10, ver = ver + 1 WHERE id = $1 AND ver = $2";
static const char SQL_FIND[] =
    "SELECT " COLUMNS " FROM transfer WHERE id = $1 AND (tenant = $2 OR to_tenant = $2)";
static const char SQL_LIST_OUT[] =
    "SELECT " COLUMNS " FROM transfer WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3";
static const char SQL_LIST_IN[] =
    "SELECT " COLUMNS " FROM transfer WHERE to_tenant = $1 AND id > $2 ORDER BY id LIMIT $3";
static const char SQL_LIST_EXPIRED[] =
    "SELECT " COLUMNS " FROM transfer WHERE state = 0 AND expires_at <= $1 "
    "ORDER BY expires_at, id LIMIT $2";
static const char SQL_ADD_DEVICE[] = "INSERT INTO transfer_device (transfer, device) VALUES ($1, $2) "
                                     "ON CONFLICT (transfer, device) DO NOTHING";
static const char SQL_LIST_DEVICES[] =
    "SELECT device FROM transfer_device WHERE transfer = $1 AND device > $2 ORDER BY device LIMIT $3";

static struct db_value uuid_or_null(bool is_there, const struct uuid *id)
{
    return is_there ? db_uuid(id) : DB_N;
}

err_t transfer_rows_insert(struct db_tx *tx, const struct transfer_row *row)
{
    return db_change(
        tx, SQL_INSERT,
        DB_VALUES(db_uuid(&row->id), db_uuid(&row->tenant), db_uuid(&row->to_tenant), DB_I(row->state),
                  uuid_or_null(row->has_batch, &row->batch), DB_I(row->device_count), DB_T(row->note),
                  DB_T(row->offered_by), DB_I(row->offered_at), DB_I(row->expires_at), DB_T(row->decided_by),
                  db_time_or_null(row->decided_at), uuid_or_null(row->is_taken, &row->product),
                  uuid_or_null(row->is_taken, &row->to_batch), uuid_or_null(row->is_taken, &row->operation),
                  DB_I(row->moved), DB_I(row->failed), DB_I(row->ver)),
        NULL);
}

err_t transfer_rows_update(struct db_tx *tx, struct transfer_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_UPDATE,
                  DB_VALUES(db_uuid(&row->id), DB_I(row->ver), DB_I(row->state), DB_T(row->decided_by),
                            db_time_or_null(row->decided_at), uuid_or_null(row->is_taken, &row->product),
                            uuid_or_null(row->is_taken, &row->to_batch),
                            uuid_or_null(row->is_taken, &row->operation), DB_I(row->moved),
                            DB_I(row->failed)),
                  &changes));
    ENSURE(changes == 1, ERR_BUSY, "the transfer was changed by another request: try again");
    row->ver++;
    return OK;
}

static err_t read_ids(const struct db_row *row, struct transfer_row *out)
{
    TRY(db_row_copy(row, 0, out->id.b, sizeof out->id.b));
    TRY(db_row_copy(row, 1, out->tenant.b, sizeof out->tenant.b));
    TRY(db_row_copy(row, 2, out->to_tenant.b, sizeof out->to_tenant.b));
    out->has_batch = !db_row_is_null(row, 4);
    if (out->has_batch) {
        TRY(db_row_copy(row, 4, out->batch.b, sizeof out->batch.b));
    }
    out->is_taken = !db_row_is_null(row, 12);
    if (!out->is_taken) {
        return OK;
    }
    TRY(db_row_copy(row, 12, out->product.b, sizeof out->product.b));
    TRY(db_row_copy(row, 13, out->to_batch.b, sizeof out->to_batch.b));
    return db_row_copy(row, 14, out->operation.b, sizeof out->operation.b);
}

static err_t read_transfer(const struct db_row *row, void *arg)
{
    struct transfer_row *out = arg;
    int64_t state = db_row_int(row, 3);
    ENSURE(state >= TRANSFER_OFFERED && state <= TRANSFER_EXPIRED, ERR_DB, "a transfer in state %lld",
           (long long)state);
    *out = (struct transfer_row){.state = (enum transfer_state)state,
                                 .device_count = db_row_int(row, 5),
                                 .offered_at = db_row_int(row, 8),
                                 .expires_at = db_row_int(row, 9),
                                 .decided_at = db_row_int(row, 11), /* NULL reads as 0 */
                                 .moved = db_row_int(row, 15),
                                 .failed = db_row_int(row, 16),
                                 .ver = db_row_int(row, 17)};
    TRY(read_ids(row, out));
    TRY(db_row_text(row, 6, out->note, sizeof out->note));
    TRY(db_row_text(row, 7, out->offered_by, sizeof out->offered_by));
    TRY(db_row_text(row, 10, out->decided_by, sizeof out->decided_by));
    TRY(db_row_text(row, 18, out->tenant_name, sizeof out->tenant_name));
    return db_row_text(row, 19, out->to_tenant_name, sizeof out->to_tenant_name);
}

err_t transfer_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id, struct transfer_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&id), db_uuid(&tenant)), read_transfer, out, "transfer");
}

struct each {
    transfer_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct transfer_row transfer;
    TRY(read_transfer(row, &transfer));
    return each->fn(&transfer, each->arg);
}

err_t transfer_rows_list(struct db_tx *tx, struct uuid tenant, bool is_incoming,
                         const struct row_window *window, transfer_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, is_incoming ? SQL_LIST_IN : SQL_LIST_OUT,
                  DB_VALUES(db_uuid(&tenant), DB_BYTES(window->after), DB_I(window->limit)), on_each, &each);
}

err_t transfer_rows_list_expired(struct db_tx *tx, int64_t until, int64_t limit, transfer_row_fn fn,
                                 void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST_EXPIRED, DB_VALUES(DB_I(until), DB_I(limit)), on_each, &each);
}

err_t transfer_rows_add_device(struct db_tx *tx, struct uuid transfer, const struct device_id *id,
                               bool *is_new)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_ADD_DEVICE, DB_VALUES(db_uuid(&transfer), DB_B(id->b, sizeof id->b)), &changes));
    *is_new = changes == 1;
    return OK;
}

struct each_device {
    err_t (*fn)(const struct device_id *id, void *arg);
    void *arg;
};

static err_t on_device(const struct db_row *row, void *arg)
{
    const struct each_device *each = arg;
    struct device_id id;
    TRY(db_row_copy(row, 0, id.b, sizeof id.b));
    return each->fn(&id, each->arg);
}

err_t transfer_rows_devices(struct db_tx *tx, struct uuid transfer, const struct device_id *after,
                            int64_t limit, err_t (*fn)(const struct device_id *id, void *arg), void *arg)
{
    struct each_device each = {.fn = fn, .arg = arg};
    return db_run(
        tx, SQL_LIST_DEVICES,
        DB_VALUES(db_uuid(&transfer), DB_B(after, after == NULL ? 0 : sizeof after->b), DB_I(limit)),
        on_device, &each);
}
