/* Rows of signatures beside images: statements and reading. No rules here. */
#include "db/firmware_signature_rows.h"

#include "db/row_values.h"

#define COLUMNS "id, tenant, image, form, boot_key, signing_key, bytes, created_by, created_at"

static const char SQL_INSERT[] =
    "INSERT INTO firmware_signature (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
static const char SQL_FIND[] =
    "SELECT " COLUMNS " FROM firmware_signature WHERE id = $1 AND tenant = $2 AND image = $3";
static const char SQL_LIST[] =
    "SELECT " COLUMNS " FROM firmware_signature WHERE image = $1 AND id > $2 ORDER BY id LIMIT $3";

err_t firmware_signature_rows_insert(struct db_tx *tx, const struct firmware_signature_row *row)
{
    return db_change(tx, SQL_INSERT,
                     DB_VALUES(db_uuid(&row->id), db_uuid(&row->tenant), db_uuid(&row->image),
                               DB_I(row->form), row->is_brought ? db_uuid(&row->key) : DB_N,
                               row->is_brought ? DB_N : db_uuid(&row->key), DB_B(row->bytes, row->size),
                               DB_T(row->created_by), DB_I(row->created_at)),
                     NULL);
}

static err_t read_signature(const struct db_row *row, void *arg)
{
    struct firmware_signature_row *out = arg;
    struct bytes bytes = db_row_bytes(row, 6);
    *out = (struct firmware_signature_row){.form = (enum firmware_signature_form)db_row_int(row, 3),
                                           .is_brought = !db_row_is_null(row, 4),
                                           .size = bytes.n,
                                           .created_at = db_row_int(row, 8)};
    TRY(db_row_copy(row, 0, out->id.b, sizeof out->id.b));
    TRY(db_row_copy(row, 1, out->tenant.b, sizeof out->tenant.b));
    TRY(db_row_copy(row, 2, out->image.b, sizeof out->image.b));
    TRY(db_row_copy(row, out->is_brought ? 4 : 5, out->key.b, sizeof out->key.b));
    ENSURE(bytes.n <= sizeof out->bytes, ERR_DB, "a stored signature is too long");
    TRY(db_row_copy(row, 6, out->bytes, bytes.n));
    return db_row_text(row, 7, out->created_by, sizeof out->created_by);
}

err_t firmware_signature_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid image, struct uuid id,
                                   struct firmware_signature_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&id), db_uuid(&tenant), db_uuid(&image)), read_signature,
                   out, "signature of this image");
}

struct each {
    firmware_signature_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct firmware_signature_row signature;
    TRY(read_signature(row, &signature));
    return each->fn(&signature, each->arg);
}

err_t firmware_signature_rows_list(struct db_tx *tx, struct uuid image, const struct row_window *window,
                                   firmware_signature_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST, DB_VALUES(db_uuid(&image), DB_BYTES(window->after), DB_I(window->limit)),
                  on_each, &each);
}
