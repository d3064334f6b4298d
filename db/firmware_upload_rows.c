/* Rows of uploads: statements and reading. No rules here. */
#include "db/firmware_upload_rows.h"

#include "db/row_values.h"

#define STORED  "id, tenant, product, size, received, sha256, request, created_by, created_at, expires_at, ver"
#define COLUMNS STORED ", (SELECT name FROM product WHERE product.id = firmware_upload.product)"

static const char SQL_INSERT[] =
    "INSERT INTO firmware_upload (" STORED ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
static const char SQL_UPDATE[] = "UPDATE firmware_upload SET received = $3, sha256 = $4, expires_at = $5, "
                                 "ver = ver + 1 WHERE id = $1 AND ver = $2";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM firmware_upload WHERE id = $1 AND tenant = $2";
static const char SQL_EXISTS[] = "SELECT 1 FROM firmware_upload WHERE id = $1";
static const char SQL_DELETE[] = "DELETE FROM firmware_upload WHERE id = $1";
static const char SQL_LIST[] =
    "SELECT " COLUMNS " FROM firmware_upload WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3";
static const char SQL_LIST_EXPIRED[] =
    "SELECT " COLUMNS " FROM firmware_upload WHERE expires_at <= $1 ORDER BY expires_at, id LIMIT $2";

static struct db_value hash_of(const struct firmware_upload_row *row)
{
    return row->has_sha256 ? DB_B(row->sha256.b, sizeof row->sha256.b) : DB_N;
}

err_t firmware_upload_rows_insert(struct db_tx *tx, const struct firmware_upload_row *row)
{
    return db_change(tx, SQL_INSERT,
                     DB_VALUES(db_uuid(&row->id), db_uuid(&row->tenant), db_uuid(&row->product),
                               DB_I(row->size), DB_I(row->received), hash_of(row), DB_T(row->request),
                               DB_T(row->created_by), DB_I(row->created_at), DB_I(row->expires_at),
                               DB_I(row->ver)),
                     NULL);
}

err_t firmware_upload_rows_update(struct db_tx *tx, struct firmware_upload_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_UPDATE,
                  DB_VALUES(db_uuid(&row->id), DB_I(row->ver), DB_I(row->received), hash_of(row),
                            DB_I(row->expires_at)),
                  &changes));
    ENSURE(changes == 1, ERR_BUSY, "the upload was changed by another request: try again");
    row->ver++;
    return OK;
}

static err_t read_upload(const struct db_row *row, void *arg)
{
    struct firmware_upload_row *out = arg;
    *out = (struct firmware_upload_row){.size = db_row_int(row, 3),
                                        .received = db_row_int(row, 4),
                                        .has_sha256 = !db_row_is_null(row, 5),
                                        .created_at = db_row_int(row, 8),
                                        .expires_at = db_row_int(row, 9),
                                        .ver = db_row_int(row, 10)};
    TRY(db_row_copy(row, 0, out->id.b, sizeof out->id.b));
    TRY(db_row_copy(row, 1, out->tenant.b, sizeof out->tenant.b));
    TRY(db_row_copy(row, 2, out->product.b, sizeof out->product.b));
    if (out->has_sha256) {
        TRY(db_row_copy(row, 5, out->sha256.b, sizeof out->sha256.b));
    }
    TRY(db_row_text(row, 6, out->request, sizeof out->request));
    TRY(db_row_text(row, 7, out->created_by, sizeof out->created_by));
    return db_row_is_null(row, 11) ? OK : db_row_text(row, 11, out->product_name, sizeof out->product_name);
}

err_t firmware_upload_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id,
                                struct firmware_upload_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&id), db_uuid(&tenant)), read_upload, out, "upload");
}

err_t firmware_upload_rows_exists(struct db_tx *tx, struct uuid id, bool *out)
{
    return db_exists(tx, SQL_EXISTS, DB_VALUES(db_uuid(&id)), out);
}

err_t firmware_upload_rows_delete(struct db_tx *tx, struct uuid id)
{
    return db_change(tx, SQL_DELETE, DB_VALUES(db_uuid(&id)), NULL);
}

struct each {
    firmware_upload_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct firmware_upload_row upload;
    TRY(read_upload(row, &upload));
    return each->fn(&upload, each->arg);
}

err_t firmware_upload_rows_list(struct db_tx *tx, struct uuid tenant, const struct row_window *window,
                                firmware_upload_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST, DB_VALUES(db_uuid(&tenant), DB_BYTES(window->after), DB_I(window->limit)),
                  on_each, &each);
}

err_t firmware_upload_rows_list_expired(struct db_tx *tx, int64_t until, int64_t limit,
                                        firmware_upload_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST_EXPIRED, DB_VALUES(DB_I(until), DB_I(limit)), on_each, &each);
}
