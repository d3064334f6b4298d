/* Rows of codes for CMP: statements and reading. No rules here. An empty blob is bound as bytes: in SQLite
 * the text '' is another value. */
#include "db/cmp_code_rows.h"

#include <string.h>

#include "db/row_values.h"

#define COLUMNS                                                                                              \
    "tenant, device, reference, sealed, spki_sha256, bound_at, not_after, created_at, used_at, revoked_at, " \
    "failed_attempts, failed_at, sweep_at, ver"

static const char SQL_PUT[] =
    "INSERT INTO cmp_code (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) "
    "ON CONFLICT (tenant, device) DO UPDATE SET reference = excluded.reference, sealed = excluded.sealed, "
    "spki_sha256 = excluded.spki_sha256, bound_at = excluded.bound_at, not_after = excluded.not_after, "
    "created_at = excluded.created_at, used_at = excluded.used_at, revoked_at = excluded.revoked_at, "
    "failed_attempts = excluded.failed_attempts, failed_at = excluded.failed_at, "
    "sweep_at = excluded.sweep_at, ver = excluded.ver";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM cmp_code WHERE tenant = $1 AND device = $2";
static const char SQL_FIND_REFERENCE[] = "SELECT " COLUMNS " FROM cmp_code WHERE reference = $1";
static const char SQL_FIND_FROM[] =
    "SELECT " COLUMNS " FROM cmp_code WHERE reference >= $1 ORDER BY reference LIMIT 1";
static const char SQL_SPEND[] =
    "UPDATE cmp_code SET sealed = $3, used_at = $4, sweep_at = $5, ver = ver + 1 "
    "WHERE tenant = $1 AND device = $2 AND used_at IS NULL AND revoked_at IS NULL";
static const char SQL_ADD_FAILED[] =
    "UPDATE cmp_code SET failed_attempts = failed_attempts + $2, failed_at = $3 WHERE reference = $1";
static const char SQL_FORGET[] =
    "DELETE FROM cmp_code WHERE reference IN (SELECT reference FROM cmp_code "
    "WHERE sweep_at <= $1 AND length(sealed) = 0 ORDER BY sweep_at, reference LIMIT $2)";
static const char SQL_WIPE[] =
    "UPDATE cmp_code SET sealed = $3, sweep_at = $4, ver = ver + 1 WHERE reference IN "
    "(SELECT reference FROM cmp_code WHERE sweep_at <= $1 AND length(sealed) > 0 "
    "ORDER BY sweep_at, reference LIMIT $2)";

err_t cmp_code_rows_put(struct db_tx *tx, const struct cmp_code_row *row)
{
    return db_change(
        tx, SQL_PUT,
        DB_VALUES(db_uuid(&row->tenant), DB_B(row->device.b, sizeof row->device.b),
                  DB_B(row->reference, sizeof row->reference), DB_B(row->sealed, row->sealed_size),
                  row->is_bound ? DB_B(row->spki_sha256, sizeof row->spki_sha256) : DB_N,
                  db_time_or_null(row->bound_at), DB_I(row->not_after), DB_I(row->created_at),
                  db_time_or_null(row->used_at), db_time_or_null(row->revoked_at), DB_I(row->failed_attempts),
                  db_time_or_null(row->failed_at), DB_I(row->sweep_at), DB_I(row->ver)),
        NULL);
}

static err_t read_code(const struct db_row *row, void *arg)
{
    struct cmp_code_row *out = arg;
    *out = (struct cmp_code_row){.bound_at = db_row_int(row, 5),
                                 .not_after = db_row_int(row, 6),
                                 .created_at = db_row_int(row, 7),
                                 .used_at = db_row_int(row, 8),
                                 .revoked_at = db_row_int(row, 9),
                                 .failed_attempts = db_row_int(row, 10),
                                 .failed_at = db_row_int(row, 11),
                                 .sweep_at = db_row_int(row, 12),
                                 .ver = db_row_int(row, 13)};
    TRY(db_row_copy(row, 0, out->tenant.b, sizeof out->tenant.b));
    TRY(db_row_copy(row, 1, out->device.b, sizeof out->device.b));
    TRY(db_row_copy(row, 2, out->reference, sizeof out->reference));
    struct bytes sealed = db_row_bytes(row, 3);
    ENSURE(sealed.n <= sizeof out->sealed, ERR_DB, "a sealed code of %zu bytes", sealed.n);
    if (sealed.n > 0) {
        memcpy(out->sealed, sealed.p, sealed.n);
    }
    out->sealed_size = sealed.n;
    out->is_bound = !db_row_is_null(row, 4);
    return out->is_bound ? db_row_copy(row, 4, out->spki_sha256, sizeof out->spki_sha256) : OK;
}

err_t cmp_code_rows_find(struct db_tx *tx, struct uuid tenant, const struct device_id *device,
                         struct cmp_code_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&tenant), DB_B(device->b, sizeof device->b)), read_code,
                   out, "CMP code of this device");
}

err_t cmp_code_rows_find_by_reference(struct db_tx *tx, const uint8_t reference[CMP_REFERENCE_SIZE],
                                      struct cmp_code_row *out)
{
    return db_find(tx, SQL_FIND_REFERENCE, DB_VALUES(DB_B(reference, CMP_REFERENCE_SIZE)), read_code, out,
                   "CMP code");
}

err_t cmp_code_rows_find_from(struct db_tx *tx, const uint8_t reference[CMP_REFERENCE_SIZE],
                              struct cmp_code_row *out)
{
    return db_find(tx, SQL_FIND_FROM, DB_VALUES(DB_B(reference, CMP_REFERENCE_SIZE)), read_code, out,
                   "CMP code");
}

err_t cmp_code_rows_spend(struct db_tx *tx, struct uuid tenant, const struct device_id *device,
                          int64_t sweep_at)
{
    return db_change(tx, SQL_SPEND,
                     DB_VALUES(db_uuid(&tenant), DB_B(device->b, sizeof device->b), DB_BYTES(BYTES_NONE),
                               DB_I(db_tx_now_ms(tx)), DB_I(sweep_at)),
                     NULL);
}

err_t cmp_code_rows_add_failed(struct db_tx *tx, const uint8_t reference[CMP_REFERENCE_SIZE], int64_t count,
                               int64_t at_ms)
{
    return db_change(tx, SQL_ADD_FAILED,
                     DB_VALUES(DB_B(reference, CMP_REFERENCE_SIZE), DB_I(count), DB_I(at_ms)), NULL);
}

/* Forgotten first: what loses its secret now is kept for its time. */
err_t cmp_code_rows_sweep(struct db_tx *tx, struct cmp_code_sweep *sweep)
{
    int64_t forgotten = 0;
    int64_t wiped = 0;
    TRY(db_change(tx, SQL_FORGET, DB_VALUES(DB_I(sweep->now_ms), DB_I(sweep->limit)), &forgotten));
    TRY(db_change(tx, SQL_WIPE,
                  DB_VALUES(DB_I(sweep->now_ms), DB_I(sweep->limit), DB_BYTES(BYTES_NONE),
                            DB_I(sweep->now_ms + sweep->kept_ms)),
                  &wiped));
    sweep->count = forgotten + wiped;
    return OK;
}
