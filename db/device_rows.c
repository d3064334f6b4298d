/* Rows of devices: the statements and how a row becomes a value. No rules here. The owner of a device is its
 * tenant, so every look-up by id alone says so in its name. */
#include "db/device_rows.h"

#include "db/device_columns.h"
#include "db/journal_rows.h"
#include "db/row_values.h"

/* What a registration gives; the rest has defaults. */
#define COLUMNS_GIVEN                                                                                        \
    "id, tenant, batch, product, state, claim, reenrol_allowed, generation, serial, model, attributes, "     \
    "registered_at, enrolled_at, updated_at, ver, key_origin"

static const char SQL_FIND[] = "SELECT " DEVICE_COLUMNS " FROM device WHERE id = $1 AND tenant = $2";
static const char SQL_FIND_CLAIMS[] =
    "SELECT " DEVICE_COLUMNS " FROM device WHERE id = $1 ORDER BY claim DESC, tenant";
static const char SQL_READ_SPKI[] = "SELECT spki FROM device WHERE id = $1 AND tenant = $2";
static const char SQL_IS_IDENTITY[] = "SELECT id FROM device WHERE id = $1 ORDER BY id LIMIT 1";
static const char SQL_INSERT[] =
    "INSERT INTO device (" COLUMNS_GIVEN ", spki) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) "
    "ON CONFLICT (id, tenant) DO NOTHING";
static const char SQL_UPDATE[] =
    "UPDATE device SET state = $3, claim = $4, reenrol_allowed = $5, generation = $6, enrolled_at = $7, "
    "updated_at = $8, spki = COALESCE($9, spki), rekey_requested_at = $11, rekey_above = $12, "
    "key_origin = $13, transferred_at = $14, ver = ver + 1 "
    "WHERE id = $1 AND tenant = $2 AND ver = $10";
static const char SQL_PLACE[] =
    "UPDATE device SET batch = $3, product = $4, serial = $5, model = $6, attributes = $7, registered_at = "
    "$8, updated_at = $9, ver = ver + 1 WHERE id = $1 AND tenant = $2 AND ver = $10";
static const char SQL_DESCRIBE[] =
    "UPDATE device SET labels = $3, attributes = $4, note = $5, updated_at = $6, ver = ver + 1 "
    "WHERE id = $1 AND tenant = $2 AND ver = $7";

err_t device_row_read(const struct db_row *row, void *arg)
{
    struct device_row *out = arg;
    *out = (struct device_row){0};
    TRY(db_row_copy(row, 0, out->id.b, sizeof(out->id.b)));
    TRY(db_row_copy(row, 1, out->tenant.b, sizeof(out->tenant.b)));
    TRY(db_row_copy(row, 2, out->batch.b, sizeof(out->batch.b)));
    TRY(db_row_copy(row, 3, out->product.b, sizeof(out->product.b)));
    out->state = (enum device_state)db_row_int(row, 4);
    out->claim = (enum device_claim)db_row_int(row, 5);
    out->reenrol_allowed = db_row_int(row, 6) != 0;
    out->generation = db_row_int(row, 7);
    TRY(db_row_text(row, 8, out->serial, sizeof(out->serial)));
    TRY(db_row_text(row, 9, out->model, sizeof(out->model)));
    TRY(db_row_text(row, 10, out->attributes, sizeof(out->attributes)));
    out->registered_at = db_row_int(row, 11);
    out->enrolled_at = db_row_int(row, 12);
    out->updated_at = db_row_int(row, 13);
    out->ver = db_row_int(row, 14);
    out->key_origin = (enum key_origin)db_row_int(row, 15);
    TRY(db_row_text(row, 16, out->labels, sizeof(out->labels)));
    TRY(db_row_text(row, 17, out->note, sizeof(out->note)));
    out->rekey_requested_at = db_row_int(row, 18);
    out->rekey_above = db_row_int(row, 19);
    out->transferred_at = db_row_int(row, 20); /* NULL reads as 0 */
    return OK;
}

err_t device_rows_find(struct db_tx *tx, struct uuid tenant, const struct device_id *id,
                       struct device_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(DB_B(id->b, sizeof(id->b)), db_uuid(&tenant)), device_row_read,
                   out, "device");
}

struct each {
    device_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct device_row device;
    TRY(device_row_read(row, &device));
    return each->fn(&device, each->arg);
}

err_t device_rows_find_claims(struct db_tx *tx, const struct device_id *id, device_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_FIND_CLAIMS, DB_VALUES(DB_B(id->b, sizeof(id->b))), on_each, &each);
}

static err_t on_spki(const struct db_row *row, void *arg)
{
    return db_row_append(row, 0, arg);
}

err_t device_rows_read_spki(struct db_tx *tx, struct uuid tenant, const struct device_id *id, struct buf *out)
{
    return db_find(tx, SQL_READ_SPKI, DB_VALUES(DB_B(id->b, sizeof(id->b)), db_uuid(&tenant)), on_spki, out,
                   "device");
}

err_t device_rows_is_identity(struct db_tx *tx, const uint8_t spki_sha256[32], bool *out)
{
    return db_exists(tx, SQL_IS_IDENTITY, DB_VALUES(DB_B(spki_sha256, DEVICE_ID_SIZE)), out);
}

err_t device_rows_insert(struct db_tx *tx, const struct device_row *row, struct bytes spki, bool *is_new)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(DB_B(row->id.b, sizeof(row->id.b)), db_uuid(&row->tenant), db_uuid(&row->batch),
                            db_uuid(&row->product), DB_I(row->state), DB_I(row->claim),
                            db_flag(row->reenrol_allowed), DB_I(row->generation), DB_T(row->serial),
                            DB_T(row->model), DB_T(row->attributes), DB_I(row->registered_at),
                            db_time_or_null(row->enrolled_at), DB_I(row->updated_at), DB_I(row->ver),
                            DB_I(row->key_origin), spki.n == 0 ? DB_N : DB_BYTES(spki)),
                  &changes));
    *is_new = changes == 1;
    return OK;
}

err_t device_rows_update(struct db_tx *tx, struct device_row *row, struct bytes spki)
{
    int64_t now_ms = db_tx_now_ms(tx);
    int64_t changes = 0;
    TRY(db_change(tx, SQL_UPDATE,
                  DB_VALUES(DB_B(row->id.b, sizeof(row->id.b)), db_uuid(&row->tenant), DB_I(row->state),
                            DB_I(row->claim), db_flag(row->reenrol_allowed), DB_I(row->generation),
                            db_time_or_null(row->enrolled_at), DB_I(now_ms),
                            spki.n == 0 ? DB_N : DB_BYTES(spki), DB_I(row->ver),
                            db_time_or_null(row->rekey_requested_at), DB_I(row->rekey_above),
                            DB_I(row->key_origin), db_time_or_null(row->transferred_at)),
                  &changes));
    ENSURE(changes == 1, ERR_BUSY, "the device was changed by another request: try again");
    row->ver++;
    row->updated_at = now_ms;
    return journal_device(tx, row, spki);
}

err_t device_rows_place(struct db_tx *tx, struct device_row *row)
{
    int64_t now_ms = db_tx_now_ms(tx);
    int64_t changes = 0;
    TRY(db_change(tx, SQL_PLACE,
                  DB_VALUES(DB_B(row->id.b, sizeof(row->id.b)), db_uuid(&row->tenant), db_uuid(&row->batch),
                            db_uuid(&row->product), DB_T(row->serial), DB_T(row->model),
                            DB_T(row->attributes), DB_I(row->registered_at), DB_I(now_ms), DB_I(row->ver)),
                  &changes));
    ENSURE(changes == 1, ERR_BUSY, "the device was changed by another request: try again");
    row->ver++;
    row->updated_at = now_ms;
    return journal_device(tx, row, BYTES_NONE);
}

err_t device_rows_describe(struct db_tx *tx, struct device_row *row)
{
    int64_t now_ms = db_tx_now_ms(tx);
    int64_t changes = 0;
    TRY(db_change(tx, SQL_DESCRIBE,
                  DB_VALUES(DB_B(row->id.b, sizeof(row->id.b)), db_uuid(&row->tenant), DB_T(row->labels),
                            DB_T(row->attributes), DB_T(row->note), DB_I(now_ms), DB_I(row->ver)),
                  &changes));
    ENSURE(changes == 1, ERR_BUSY, "the device was changed by another request: try again");
    row->ver++;
    row->updated_at = now_ms;
    return OK;
}
