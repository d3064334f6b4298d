/* Rows of products: statements and reading. No rules here. */
#include "db/product_rows.h"

#include "db/row_values.h"

#define STORED                                                                                               \
    "id, tenant, name, certificate_ttl_s, renew_percent, recovery, identity_key_certificates, "              \
    "allow_rsa_2048, require_channel_binding, allow_unbound_challenge, key_algorithms, hub, created_at, "    \
    "updated_at, ver, admission, must_be_listed, renew_spread_percent, rekey_period_s, rekey_required, "     \
    "overdue_alert_after_s, overdue_quarantine_days, clone_response, authority, profile, "                   \
    "profile_version"
#define COLUMNS                                                                                              \
    STORED ", (SELECT hub.name FROM hub WHERE hub.id = product.hub), "                                       \
           "(SELECT p.version FROM certificate_profile p WHERE p.tenant = product.tenant AND p.name = "      \
           "product.profile)"

enum { COLUMN_PROFILE = 24, COLUMN_HUB_NAME = 26, COLUMN_NEWEST = 27 };

static const char SQL_INSERT[] = "INSERT INTO product (" STORED ") "
                                 "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, "
                                 "$16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26) "
                                 "ON CONFLICT (tenant, name) DO NOTHING";
static const char SQL_UPDATE[] =
    "UPDATE product SET name = $3, certificate_ttl_s = $4, renew_percent = $5, recovery = $6, "
    "identity_key_certificates = $7, allow_rsa_2048 = $8, require_channel_binding = $9, "
    "allow_unbound_challenge = $10, key_algorithms = $11, hub = $12, created_at = $13, updated_at = $14, "
    "ver = $15, admission = $16, must_be_listed = $17, renew_spread_percent = $18, rekey_period_s = $19, "
    "rekey_required = $20, overdue_alert_after_s = $21, overdue_quarantine_days = $22, clone_response = $23, "
    "authority = $24, profile = $25, profile_version = $26 "
    "WHERE id = $1 AND tenant = $2";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM product WHERE tenant = $1 AND name = $2";
static const char SQL_FIND_BY_ID[] = "SELECT " COLUMNS " FROM product WHERE id = $1";
#define LIST(key, sign, down)                                                                                \
    "SELECT " COLUMNS " FROM product WHERE tenant = $1 AND " key " " sign " $2 ORDER BY " key down " LIMIT " \
    "$3"
static const char SQL_LIST[] = LIST("id", ">", "");
static const char SQL_LIST_DOWN[] = LIST("id", "<", " DESC");
static const char SQL_LIST_NAME[] = LIST("name", ">", "");
static const char SQL_LIST_NAME_DOWN[] = LIST("name", "<", " DESC");
static const struct db_ordered LISTS = {.up = {SQL_LIST, SQL_LIST_NAME},
                                        .down = {SQL_LIST_DOWN, SQL_LIST_NAME_DOWN}};
static const char SQL_OF_PROFILE[] =
    "SELECT " COLUMNS " FROM product WHERE tenant = $1 AND profile = $2 AND profile <> '' ORDER BY id";
static const char SQL_WANT_CODE[] =
    "SELECT id FROM product WHERE tenant = $1 AND admission = $2 ORDER BY id LIMIT 1";
static const char SQL_WANT_BINDING[] =
    "SELECT id FROM product WHERE tenant = $1 AND require_channel_binding = 1 ORDER BY id LIMIT 1";

#define PRODUCT_VALUES(row)                                                                                  \
    DB_VALUES(db_uuid(&(row)->id), db_uuid(&(row)->tenant), DB_T((row)->name),                               \
              DB_I((row)->certificate_ttl_s), DB_I((row)->renew_percent), DB_I((row)->recovery),             \
              db_flag((row)->identity_key_certificates), db_flag((row)->allow_rsa_2048),                     \
              db_flag((row)->require_channel_binding), db_flag((row)->allow_unbound_challenge),              \
              DB_I((row)->key_algorithms), (row)->has_hub ? db_uuid(&(row)->hub) : DB_N,                     \
              DB_I((row)->created_at), DB_I((row)->updated_at), DB_I((row)->ver), DB_I((row)->admission),    \
              db_flag((row)->must_be_listed), DB_I((row)->renew_spread_percent),                             \
              DB_I((row)->rekey_period_s), db_flag((row)->rekey_required),                                   \
              DB_I((row)->overdue_alert_after_s), DB_I((row)->overdue_quarantine_days),                      \
              DB_I((row)->clone_response), DB_T((row)->authority), DB_T((row)->profile),                     \
              DB_I((row)->profile_version))

static err_t name_taken(const struct product_row *row)
{
    return ERR(ERR_CONFLICT, "a product named %s is there already", row->name);
}

err_t product_rows_insert(struct db_tx *tx, const struct product_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_INSERT, PRODUCT_VALUES(row), &changes));
    return changes == 1 ? OK : name_taken(row);
}

err_t product_rows_update(struct db_tx *tx, const struct product_row *row)
{
    err_t error = db_change(tx, SQL_UPDATE, PRODUCT_VALUES(row), NULL);
    return error.code == ERR_CONFLICT ? name_taken(row) : error;
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
    out->key_algorithms = (uint32_t)db_row_int(row, 10);
    out->has_hub = !db_row_is_null(row, 11);
    if (out->has_hub) {
        TRY(db_row_copy(row, 11, out->hub.b, sizeof(out->hub.b)));
        TRY(db_row_text(row, COLUMN_HUB_NAME, out->hub_name, sizeof(out->hub_name)));
    }
    out->created_at = db_row_int(row, 12);
    out->updated_at = db_row_int(row, 13);
    out->ver = db_row_int(row, 14);
    out->admission = (enum admission_policy)db_row_int(row, 15);
    out->must_be_listed = db_row_int(row, 16) != 0;
    out->renew_spread_percent = db_row_int(row, 17);
    out->rekey_period_s = db_row_int(row, 18);
    out->rekey_required = db_row_int(row, 19) != 0;
    out->overdue_alert_after_s = db_row_int(row, 20);
    out->overdue_quarantine_days = db_row_int(row, 21);
    out->clone_response = db_row_int(row, 22) == CLONE_ALERT ? CLONE_ALERT : CLONE_QUARANTINE;
    TRY(db_row_text(row, 23, out->authority, sizeof out->authority));
    out->profile_version = db_row_int(row, COLUMN_PROFILE + 1);
    out->profile_newest = db_row_int(row, COLUMN_NEWEST); /* NULL reads as 0 */
    return db_row_text(row, COLUMN_PROFILE, out->profile, sizeof out->profile);
}

err_t product_rows_find(struct db_tx *tx, struct uuid tenant, struct bytes name, struct product_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&tenant), db_text(name)), read_product, out, "product");
}

err_t product_rows_find_by_id(struct db_tx *tx, struct uuid id, struct product_row *out)
{
    return db_find(tx, SQL_FIND_BY_ID, DB_VALUES(db_uuid(&id)), read_product, out, "product");
}

struct each {
    product_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct product_row product;
    TRY(read_product(row, &product));
    return each->fn(&product, each->arg);
}

err_t product_rows_list(struct db_tx *tx, struct uuid tenant, const struct row_window *window,
                        product_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_list_ordered(tx, &LISTS, &tenant, window, &(struct db_each){on_each, &each});
}

err_t product_rows_of_profile(struct db_tx *tx, struct uuid tenant, struct bytes profile, product_row_fn fn,
                              void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_OF_PROFILE, DB_VALUES(db_uuid(&tenant), db_text(profile)), on_each, &each);
}

err_t product_rows_want_channel_binding(struct db_tx *tx, struct uuid tenant, bool *out)
{
    return db_exists(tx, SQL_WANT_BINDING, DB_VALUES(db_uuid(&tenant)), out);
}

err_t product_rows_want_code(struct db_tx *tx, struct uuid tenant, bool *out)
{
    return db_exists(tx, SQL_WANT_CODE, DB_VALUES(db_uuid(&tenant), DB_I(ADMISSION_TOKEN)), out);
}
