/* Rows of keys that sign firmware, and of their uses: statements and reading. No rules here. */
#include "db/firmware_key_rows.h"

#include "db/row_values.h"

#define STORED                                                                                               \
    "id, tenant, product, name, role, algorithm, label, spki, spki_sha256, certificate, state, uses, "       \
    "uses_max, last_used_at, created_at, updated_at, ver"
#define READ                                                                                                 \
    "k.id, k.tenant, k.product, k.name, k.role, k.algorithm, k.label, k.spki, k.spki_sha256, "               \
    "k.certificate, k.state, k.uses, k.uses_max, k.last_used_at, k.created_at, k.updated_at, k.ver, "        \
    "(SELECT p.name FROM product p WHERE p.id = k.product)"
#define FROM " FROM firmware_key k "

static const char SQL_INSERT[] =
    "INSERT INTO firmware_key (" STORED ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, "
    "$14, $15, $16, $17) ON CONFLICT (tenant, product, name) DO NOTHING";
static const char SQL_UPDATE[] =
    "UPDATE firmware_key SET certificate = $3, state = $4, uses = $5, last_used_at = $6, updated_at = $7, "
    "ver = $8 WHERE id = $1 AND tenant = $2";
static const char SQL_FIND[] = "SELECT " READ FROM "WHERE k.id = $1 AND k.tenant = $2";
static const char SQL_LIST[] = "SELECT " READ FROM "WHERE k.tenant = $1 AND k.id > $2 ORDER BY k.id LIMIT $3";
static const char SQL_LIST_PRODUCT[] =
    "SELECT " READ FROM "WHERE k.tenant = $1 AND k.id > $2 AND k.product = $4 ORDER BY k.id LIMIT $3";
static const char SQL_USE_INSERT[] =
    "INSERT INTO firmware_key_use (key, n, tenant, kind, subject, digest, at) VALUES ($1, $2, $3, $4, $5, "
    "$6, $7)";
static const char SQL_LIST_USES[] = "SELECT key, n, tenant, kind, subject, digest, at FROM firmware_key_use "
                                    "WHERE key = $1 AND n > $2 ORDER BY n LIMIT $3";

err_t firmware_key_rows_insert(struct db_tx *tx, const struct firmware_key_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(db_uuid(&row->id), db_uuid(&row->tenant), db_uuid(&row->product), DB_T(row->name),
                            DB_I(row->role), DB_T(row->algorithm), DB_T(row->label),
                            DB_B(row->spki, row->spki_size), DB_B(row->spki_sha256, sizeof row->spki_sha256),
                            DB_B(row->certificate, row->certificate_size), DB_I(row->state), DB_I(row->uses),
                            DB_I(row->uses_max), db_time_or_null(row->last_used_at), DB_I(row->created_at),
                            DB_I(row->updated_at), DB_I(row->ver)),
                  &changes));
    ENSURE(changes == 1, ERR_CONFLICT, "the product has a firmware key named %s already", row->name);
    return OK;
}

err_t firmware_key_rows_update(struct db_tx *tx, const struct firmware_key_row *row)
{
    return db_change(tx, SQL_UPDATE,
                     DB_VALUES(db_uuid(&row->id), db_uuid(&row->tenant),
                               DB_B(row->certificate, row->certificate_size), DB_I(row->state),
                               DB_I(row->uses), db_time_or_null(row->last_used_at), DB_I(row->updated_at),
                               DB_I(row->ver)),
                     NULL);
}

/* Of a column into a fixed array. */
static err_t copy_counted(const struct db_row *row, int column, struct firmware_key_row *key)
{
    bool is_spki = column == 7;
    uint8_t *out = is_spki ? key->spki : key->certificate;
    size_t room = is_spki ? sizeof key->spki : sizeof key->certificate;
    struct bytes value = db_row_bytes(row, column);
    ENSURE(value.n <= room, ERR_DB, "a stored firmware key is too long");
    *(is_spki ? &key->spki_size : &key->certificate_size) = value.n;
    return db_row_copy(row, column, out, value.n);
}

static err_t read_key(const struct db_row *row, void *arg)
{
    struct firmware_key_row *out = arg;
    *out = (struct firmware_key_row){.role = (enum firmware_key_role)db_row_int(row, 4),
                                     .state = (enum firmware_key_state)db_row_int(row, 10),
                                     .uses = db_row_int(row, 11),
                                     .uses_max = db_row_int(row, 12),
                                     .last_used_at = db_row_int(row, 13),
                                     .created_at = db_row_int(row, 14),
                                     .updated_at = db_row_int(row, 15),
                                     .ver = db_row_int(row, 16)};
    TRY(db_row_copy(row, 0, out->id.b, sizeof out->id.b));
    TRY(db_row_copy(row, 1, out->tenant.b, sizeof out->tenant.b));
    TRY(db_row_copy(row, 2, out->product.b, sizeof out->product.b));
    TRY(db_row_text(row, 3, out->name, sizeof out->name));
    TRY(db_row_text(row, 5, out->algorithm, sizeof out->algorithm));
    TRY(db_row_text(row, 6, out->label, sizeof out->label));
    TRY(copy_counted(row, 7, out));
    TRY(db_row_copy(row, 8, out->spki_sha256, sizeof out->spki_sha256));
    TRY(copy_counted(row, 9, out));
    return db_row_text(row, 17, out->product_name, sizeof out->product_name);
}

err_t firmware_key_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id,
                             struct firmware_key_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&id), db_uuid(&tenant)), read_key, out, "firmware key");
}

struct each_key {
    firmware_key_row_fn fn;
    void *arg;
};

static err_t on_key(const struct db_row *row, void *arg)
{
    const struct each_key *each = arg;
    struct firmware_key_row key;
    TRY(read_key(row, &key));
    return each->fn(&key, each->arg);
}

err_t firmware_key_rows_list(struct db_tx *tx, struct uuid tenant, const struct uuid *product,
                             const struct row_window *window, firmware_key_row_fn fn, void *arg)
{
    struct each_key each = {.fn = fn, .arg = arg};
    const struct db_value values[] = {db_uuid(&tenant), DB_BYTES(window->after), DB_I(window->limit),
                                      product == NULL ? DB_N : db_uuid(product)};
    return db_run(tx, product == NULL ? SQL_LIST : SQL_LIST_PRODUCT, values, product == NULL ? 3 : 4, on_key,
                  &each);
}

/* --- uses ------------------------------------------------------------------------------------------- */

err_t firmware_key_use_rows_insert(struct db_tx *tx, const struct firmware_key_use_row *row)
{
    return db_change(tx, SQL_USE_INSERT,
                     DB_VALUES(db_uuid(&row->key), DB_I(row->n), db_uuid(&row->tenant), DB_I(row->kind),
                               db_uuid(&row->subject), DB_B(row->digest, sizeof row->digest), DB_I(row->at)),
                     NULL);
}

struct each_use {
    firmware_key_use_row_fn fn;
    void *arg;
};

static err_t on_use(const struct db_row *row, void *arg)
{
    const struct each_use *each = arg;
    struct firmware_key_use_row use = {.n = db_row_int(row, 1),
                                       .kind = (enum firmware_key_use_kind)db_row_int(row, 3),
                                       .at = db_row_int(row, 6)};
    TRY(db_row_copy(row, 0, use.key.b, sizeof use.key.b));
    TRY(db_row_copy(row, 2, use.tenant.b, sizeof use.tenant.b));
    TRY(db_row_copy(row, 4, use.subject.b, sizeof use.subject.b));
    TRY(db_row_copy(row, 5, use.digest, sizeof use.digest));
    return each->fn(&use, each->arg);
}

err_t firmware_key_use_rows_list(struct db_tx *tx, const struct firmware_key_use_window *window,
                                 firmware_key_use_row_fn fn, void *arg)
{
    struct each_use each = {.fn = fn, .arg = arg};
    struct firmware_key_row key;
    TRY(firmware_key_rows_find(tx, window->tenant, window->key, &key));
    return db_run(tx, SQL_LIST_USES,
                  DB_VALUES(db_uuid(&window->key), DB_I(window->after), DB_I(window->limit)), on_use, &each);
}
