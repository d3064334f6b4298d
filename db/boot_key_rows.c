/* Rows of boot keys: statements and reading. No rules here. */
#include "db/boot_key_rows.h"

#include <string.h>

#include "db/row_values.h"

static const char SQL_INSERT[] =
    "INSERT INTO boot_key (id, tenant, product, name, kind, public, digest, state, created_at, updated_at, "
    "ver) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (tenant, product, name) DO NOTHING";
static const char SQL_UPDATE[] =
    "UPDATE boot_key SET state = $3, updated_at = $4, ver = $5 WHERE id = $1 AND tenant = $2";
#define SELECT                                                                                               \
    "SELECT id, tenant, product, name, kind, public, digest, state, created_at, updated_at, ver, "           \
    "(SELECT product.name FROM product WHERE product.id = boot_key.product) FROM boot_key "
static const char SQL_FIND[] = SELECT "WHERE id = $1 AND tenant = $2";
static const char SQL_LIST[] = SELECT "WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3";
static const char SQL_LIST_PRODUCT[] =
    SELECT "WHERE tenant = $1 AND product = $4 AND id > $2 ORDER BY id LIMIT $3";

err_t boot_key_rows_insert(struct db_tx *tx, const struct boot_key_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(db_uuid(&row->id), db_uuid(&row->tenant), db_uuid(&row->product), DB_T(row->name),
                            DB_I(row->kind), DB_BYTES(boot_key_public(row)),
                            DB_B(row->digest.b, sizeof row->digest.b), db_flag(row->is_revoked),
                            DB_I(row->created_at), DB_I(row->updated_at), DB_I(row->ver)),
                  &changes));
    ENSURE(changes == 1, ERR_CONFLICT, "the product has a boot key named %s already", row->name);
    return OK;
}

err_t boot_key_rows_update(struct db_tx *tx, const struct boot_key_row *row)
{
    return db_change(tx, SQL_UPDATE,
                     DB_VALUES(db_uuid(&row->id), db_uuid(&row->tenant), db_flag(row->is_revoked),
                               DB_I(row->updated_at), DB_I(row->ver)),
                     NULL);
}

static err_t read_key(const struct db_row *row, void *arg)
{
    struct boot_key_row *out = arg;
    struct bytes public_bytes = db_row_bytes(row, 5);
    ENSURE(public_bytes.n <= sizeof out->public_bytes, ERR_DB, "a boot key has %zu bytes", public_bytes.n);
    *out = (struct boot_key_row){.kind = (enum boot_key_kind)db_row_int(row, 4),
                                 .public_size = public_bytes.n,
                                 .is_revoked = db_row_int(row, 7) != 0,
                                 .created_at = db_row_int(row, 8),
                                 .updated_at = db_row_int(row, 9),
                                 .ver = db_row_int(row, 10)};
    memcpy(out->public_bytes, public_bytes.p, public_bytes.n);
    TRY(db_row_copy(row, 0, out->id.b, sizeof out->id.b));
    TRY(db_row_copy(row, 1, out->tenant.b, sizeof out->tenant.b));
    TRY(db_row_copy(row, 2, out->product.b, sizeof out->product.b));
    TRY(db_row_text(row, 3, out->name, sizeof out->name));
    TRY(db_row_copy(row, 6, out->digest.b, sizeof out->digest.b));
    return db_row_text(row, 11, out->product_name, sizeof out->product_name);
}

err_t boot_key_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id, struct boot_key_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&id), db_uuid(&tenant)), read_key, out, "boot key");
}

struct each {
    boot_key_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct boot_key_row key;
    TRY(read_key(row, &key));
    return each->fn(&key, each->arg);
}

err_t boot_key_rows_list(struct db_tx *tx, struct uuid tenant, const struct uuid *product,
                         const struct row_window *window, boot_key_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    const struct db_value values[] = {db_uuid(&tenant), DB_BYTES(window->after), DB_I(window->limit),
                                      product == NULL ? DB_N : db_uuid(product)};
    return db_run(tx, product == NULL ? SQL_LIST : SQL_LIST_PRODUCT, values, product == NULL ? 3 : 4, on_each,
                  &each);
}
