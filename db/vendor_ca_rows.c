/* Rows of pinned CAs: statements and reading. No rules here. */
#include "db/vendor_ca_rows.h"

#include "db/row_values.h"

#define COLUMNS                                                                                              \
    "id, tenant, product, batch, name, name_hash, spki_sha256, subject, not_before, not_after, der, "        \
    "admitted, created_at, updated_at, retired_at, ver"

static const char SQL_INSERT[] =
    "INSERT INTO vendor_ca (" COLUMNS ") "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT DO NOTHING";
static const char SQL_UPDATE[] = "UPDATE vendor_ca SET batch = $3, name = $4, updated_at = $5, "
                                 "retired_at = $6, ver = $7 WHERE id = $1 AND tenant = $2";
static const char SQL_COUNT[] = "UPDATE vendor_ca SET admitted = admitted + 1 WHERE id = $1";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM vendor_ca WHERE id = $1 AND tenant = $2";
static const char SQL_LIST[] =
    "SELECT " COLUMNS " FROM vendor_ca WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3";
static const char SQL_LIST_PRODUCT[] =
    "SELECT " COLUMNS " FROM vendor_ca WHERE tenant = $1 AND id > $2 AND product = $4 ORDER BY id LIMIT $3";
static const char SQL_LIST_ISSUER[] = "SELECT " COLUMNS " FROM vendor_ca WHERE name_hash = $1 AND retired_at "
                                      "IS NULL ORDER BY tenant, id LIMIT $2";
static const char SQL_LIST_ISSUER_OF[] = "SELECT " COLUMNS " FROM vendor_ca WHERE name_hash = $1 AND "
                                         "tenant = $3 AND retired_at IS NULL ORDER BY id LIMIT $2";

static err_t name_taken(const struct vendor_ca_row *row)
{
    return ERR(ERR_CONFLICT, "a vendor CA named %s is there already, or the product has this one pinned",
               row->name);
}

err_t vendor_ca_rows_insert(struct db_tx *tx, const struct vendor_ca_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(db_uuid(&row->id), db_uuid(&row->tenant), db_uuid(&row->product),
                            db_uuid(&row->batch), DB_T(row->name), DB_I(row->name_hash),
                            DB_B(row->spki_sha256, sizeof row->spki_sha256), DB_T(row->subject),
                            DB_I(row->not_before), DB_I(row->not_after), DB_B(row->der, row->der_size),
                            DB_I(row->admitted), DB_I(row->created_at), DB_I(row->updated_at),
                            db_time_or_null(row->retired_at), DB_I(row->ver)),
                  &changes));
    return changes == 1 ? OK : name_taken(row);
}

err_t vendor_ca_rows_update(struct db_tx *tx, const struct vendor_ca_row *row)
{
    err_t error =
        db_change(tx, SQL_UPDATE,
                  DB_VALUES(db_uuid(&row->id), db_uuid(&row->tenant), db_uuid(&row->batch), DB_T(row->name),
                            DB_I(row->updated_at), db_time_or_null(row->retired_at), DB_I(row->ver)),
                  NULL);
    return error.code == ERR_CONFLICT ? name_taken(row) : error;
}

err_t vendor_ca_rows_count(struct db_tx *tx, struct uuid id)
{
    return db_change(tx, SQL_COUNT, DB_VALUES(db_uuid(&id)), NULL);
}

static err_t read_der(const struct db_row *row, int column, struct vendor_ca_row *out)
{
    struct bytes der = db_row_bytes(row, column);
    ENSURE(der.n <= sizeof out->der, ERR_DB, "a stored CA certificate is too long");
    out->der_size = der.n;
    return db_row_copy(row, column, out->der, der.n);
}

static err_t read_vendor_ca(const struct db_row *row, void *arg)
{
    struct vendor_ca_row *out = arg;
    *out = (struct vendor_ca_row){.admitted = 0};
    TRY(db_row_copy(row, 0, out->id.b, sizeof out->id.b));
    TRY(db_row_copy(row, 1, out->tenant.b, sizeof out->tenant.b));
    TRY(db_row_copy(row, 2, out->product.b, sizeof out->product.b));
    TRY(db_row_copy(row, 3, out->batch.b, sizeof out->batch.b));
    TRY(db_row_text(row, 4, out->name, sizeof out->name));
    out->name_hash = (uint32_t)db_row_int(row, 5);
    TRY(db_row_copy(row, 6, out->spki_sha256, sizeof out->spki_sha256));
    TRY(db_row_text(row, 7, out->subject, sizeof out->subject));
    out->not_before = db_row_int(row, 8);
    out->not_after = db_row_int(row, 9);
    TRY(read_der(row, 10, out));
    out->admitted = db_row_int(row, 11);
    out->created_at = db_row_int(row, 12);
    out->updated_at = db_row_int(row, 13);
    out->retired_at = db_row_int(row, 14);
    out->ver = db_row_int(row, 15);
    return OK;
}

err_t vendor_ca_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id, struct vendor_ca_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&id), db_uuid(&tenant)), read_vendor_ca, out, "vendor CA");
}

struct each {
    vendor_ca_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct vendor_ca_row ca;
    TRY(read_vendor_ca(row, &ca));
    return each->fn(&ca, each->arg);
}

err_t vendor_ca_rows_list(struct db_tx *tx, struct uuid tenant, const struct uuid *product,
                          const struct row_window *window, vendor_ca_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    const struct db_value values[] = {db_uuid(&tenant), DB_BYTES(window->after), DB_I(window->limit),
                                      product == NULL ? DB_N : db_uuid(product)};
    return db_run(tx, product == NULL ? SQL_LIST : SQL_LIST_PRODUCT, values, product == NULL ? 3 : 4, on_each,
                  &each);
}

err_t vendor_ca_rows_find_issuers(struct db_tx *tx, uint32_t name_hash, const struct uuid *tenant,
                                  int64_t limit, vendor_ca_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    const struct db_value values[] = {DB_I(name_hash), DB_I(limit), tenant == NULL ? DB_N : db_uuid(tenant)};
    return db_run(tx, tenant == NULL ? SQL_LIST_ISSUER : SQL_LIST_ISSUER_OF, values, tenant == NULL ? 2 : 3,
                  on_each, &each);
}
