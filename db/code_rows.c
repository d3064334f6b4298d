/* Rows of enrolment codes: statements and reading. No rules here. */
#include "db/code_rows.h"

#include "db/row_values.h"

#define COLUMNS                                                                                              \
    "id, tenant, product, batch, kind, name, secret_sha256, device, serial, use_limit, used, not_before, "   \
    "not_after, created_at, last_used_at, revoked_at, ver"

static const char SQL_INSERT[] =
    "INSERT INTO enrolment_code (" COLUMNS ") "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) "
    "ON CONFLICT (id) DO NOTHING";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM enrolment_code WHERE id = $1";
static const char SQL_USE[] =
    "UPDATE enrolment_code SET used = used + 1, device = COALESCE(device, $2), last_used_at = $3, "
    "ver = ver + 1 WHERE id = $1 AND used < use_limit AND revoked_at IS NULL";
static const char SQL_REVOKE[] =
    "UPDATE enrolment_code SET revoked_at = $2, ver = ver + 1 WHERE id = $1 AND revoked_at IS NULL";
static const char SQL_LIST[] =
    "SELECT " COLUMNS " FROM enrolment_code WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3";
static const char SQL_LIST_PRODUCT[] = "SELECT " COLUMNS " FROM enrolment_code WHERE tenant = $1 AND id > $2 "
                                       "AND product = $4 ORDER BY id LIMIT $3";

err_t code_rows_insert(struct db_tx *tx, const struct code_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(DB_B(row->id, sizeof row->id), db_uuid(&row->tenant), db_uuid(&row->product),
                            db_uuid(&row->batch), DB_I(row->kind), DB_T(row->name),
                            DB_B(row->secret_sha256, sizeof row->secret_sha256),
                            row->has_device ? DB_B(row->device.b, sizeof row->device.b) : DB_N,
                            DB_T(row->serial), DB_I(row->use_limit), DB_I(row->used), DB_I(row->not_before),
                            DB_I(row->not_after), DB_I(row->created_at), db_time_or_null(row->last_used_at),
                            db_time_or_null(row->revoked_at), DB_I(row->ver)),
                  &changes));
    ENSURE(changes == 1, ERR_CONFLICT, "the id of an enrolment code is taken");
    return OK;
}

static err_t read_code(const struct db_row *row, void *arg)
{
    struct code_row *out = arg;
    *out = (struct code_row){.used = 0};
    TRY(db_row_copy(row, 0, out->id, sizeof out->id));
    TRY(db_row_copy(row, 1, out->tenant.b, sizeof out->tenant.b));
    TRY(db_row_copy(row, 2, out->product.b, sizeof out->product.b));
    TRY(db_row_copy(row, 3, out->batch.b, sizeof out->batch.b));
    out->kind = (enum code_kind)db_row_int(row, 4);
    TRY(db_row_text(row, 5, out->name, sizeof out->name));
    TRY(db_row_copy(row, 6, out->secret_sha256, sizeof out->secret_sha256));
    out->has_device = !db_row_is_null(row, 7);
    if (out->has_device) {
        TRY(db_row_copy(row, 7, out->device.b, sizeof out->device.b));
    }
    TRY(db_row_text(row, 8, out->serial, sizeof out->serial));
    out->use_limit = db_row_int(row, 9);
    out->used = db_row_int(row, 10);
    out->not_before = db_row_int(row, 11);
    out->not_after = db_row_int(row, 12);
    out->created_at = db_row_int(row, 13);
    out->last_used_at = db_row_int(row, 14);
    out->revoked_at = db_row_int(row, 15);
    out->ver = db_row_int(row, 16);
    return OK;
}

err_t code_rows_find(struct db_tx *tx, const uint8_t id[CODE_ID_SIZE], struct code_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(DB_B(id, CODE_ID_SIZE)), read_code, out, "enrolment code");
}

err_t code_rows_use(struct db_tx *tx, const uint8_t id[CODE_ID_SIZE], const struct device_id *device,
                    bool *is_used)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_USE,
                  DB_VALUES(DB_B(id, CODE_ID_SIZE), device == NULL ? DB_N : DB_B(device->b, sizeof device->b),
                            DB_I(db_tx_now_ms(tx))),
                  &changes));
    *is_used = changes == 1;
    return OK;
}

err_t code_rows_revoke(struct db_tx *tx, const uint8_t id[CODE_ID_SIZE], bool *is_changed)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_REVOKE, DB_VALUES(DB_B(id, CODE_ID_SIZE), DB_I(db_tx_now_ms(tx))), &changes));
    *is_changed = changes == 1;
    return OK;
}

struct each {
    code_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct code_row code;
    TRY(read_code(row, &code));
    return each->fn(&code, each->arg);
}

err_t code_rows_list(struct db_tx *tx, struct uuid tenant, const struct uuid *product,
                     const struct row_window *window, code_row_fn fn, void *arg)
{
    static const uint8_t before_all[1] = {0};
    struct each each = {.fn = fn, .arg = arg};
    const struct db_value values[] = {db_uuid(&tenant),
                                      DB_BYTES(window->after.n > 0 ? window->after : BYTES_OF(before_all)),
                                      DB_I(window->limit), product == NULL ? DB_N : db_uuid(product)};
    return db_run(tx, product == NULL ? SQL_LIST : SQL_LIST_PRODUCT, values, product == NULL ? 3 : 4, on_each,
                  &each);
}
