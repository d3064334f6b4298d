/* Rows of products: statements and reading. No rules here. */
#include "db/product_rows.h"

#include "db/row_values.h"

#define COLUMNS                                                                                              \
    "id, tenant, name, certificate_ttl_s, renew_percent, recovery, identity_key_certificates, "              \
    "allow_rsa_2048, require_channel_binding, allow_unbound_challenge, hub_url, hub_ca, created_at, "        \
    "updated_at, ver"

static const char SQL_INSERT[] = "INSERT INTO product (" COLUMNS ") "
                                 "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) "
                                 "ON CONFLICT (tenant, name) DO NOTHING";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM product WHERE tenant = $1 AND name = $2";
static const char SQL_FIND_BY_ID[] = "SELECT " COLUMNS " FROM product WHERE id = $1";
static const char SQL_WANT_BINDING[] =
    "SELECT id FROM product WHERE tenant = $1 AND require_channel_binding = 1 ORDER BY id LIMIT 1";

err_t product_rows_insert(struct db_tx *tx, const struct product_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(db_uuid(&row->id), db_uuid(&row->tenant), DB_T(row->name),
                            DB_I(row->certificate_ttl_s), DB_I(row->renew_percent), DB_I(row->recovery),
                            db_flag(row->identity_key_certificates), db_flag(row->allow_rsa_2048),
                            db_flag(row->require_channel_binding), db_flag(row->allow_unbound_challenge),
                            DB_T(row->hub_url), DB_T(row->hub_ca), DB_I(row->created_at),
                            DB_I(row->updated_at), DB_I(row->ver)),
                  &changes));
    ENSURE(changes == 1, ERR_CONFLICT, "a product named %s is there already", row->name);
    return OK;
}

static err_t read_product(const struct db_row *row, void *arg)
{
    struct product_row *out = arg;
    *out = (struct product_row){0};
    TRY(db_row_copy(row, 0, out->id.b, sizeof(out->id.b)));
    TRY(db_row_copy(row, 1, out->tenant.b, sizeof(out->tenant.b)));
    TRY(db_row_text(row, 2, out->name, sizeof(out->name)));
    out->certificate_ttl_s = db_row_int(row, 3);
    out->renew_percent = db_row_int(row, 4);
    out->recovery = (enum recovery_policy)db_row_int(row, 5);
    out->identity_key_certificates = db_row_int(row, 6) != 0;
    out->allow_rsa_2048 = db_row_int(row, 7) != 0;
    out->require_channel_binding = db_row_int(row, 8) != 0;
    out->allow_unbound_challenge = db_row_int(row, 9) != 0;
    TRY(db_row_text(row, 10, out->hub_url, sizeof(out->hub_url)));
    TRY(db_row_text(row, 11, out->hub_ca, sizeof(out->hub_ca)));
    out->created_at = db_row_int(row, 12);
    out->updated_at = db_row_int(row, 13);
    out->ver = db_row_int(row, 14);
    return OK;
}

err_t product_rows_find(struct db_tx *tx, struct uuid tenant, struct bytes name, struct product_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&tenant), db_text(name)), read_product, out, "product");
}

err_t product_rows_find_by_id(struct db_tx *tx, struct uuid id, struct product_row *out)
{
    return db_find(tx, SQL_FIND_BY_ID, DB_VALUES(db_uuid(&id)), read_product, out, "product");
}

err_t product_rows_want_channel_binding(struct db_tx *tx, struct uuid tenant, bool *out)
{
    return db_exists(tx, SQL_WANT_BINDING, DB_VALUES(db_uuid(&tenant)), out);
}
