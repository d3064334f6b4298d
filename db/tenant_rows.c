/* Rows of tenants: statements and reading. No rules here. */
#include "db/tenant_rows.h"

#include "db/row_values.h"

#define COLUMNS "id, name, created_at, updated_at, ver, display_name"

static const char SQL_INSERT[] =
    "INSERT INTO tenant (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING";
static const char SQL_UPDATE[] =
    "UPDATE tenant SET display_name = $2, updated_at = $3, ver = $4 WHERE id = $1";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM tenant WHERE name = $1";
static const char SQL_FIND_BY_ID[] = "SELECT " COLUMNS " FROM tenant WHERE id = $1";
static const char SQL_LIST[] = "SELECT " COLUMNS " FROM tenant WHERE id > $1 ORDER BY id LIMIT $2";
static const char SQL_EACH[] = "SELECT " COLUMNS " FROM tenant ORDER BY name";

err_t tenant_rows_insert(struct db_tx *tx, const struct tenant_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(db_uuid(&row->id), DB_T(row->name), DB_I(row->created_at), DB_I(row->updated_at),
                            DB_I(row->ver), DB_T(row->display_name)),
                  &changes));
    ENSURE(changes == 1, ERR_CONFLICT, "a tenant named %s is there already", row->name);
    return OK;
}

err_t tenant_rows_update(struct db_tx *tx, const struct tenant_row *row)
{
    return db_change(
        tx, SQL_UPDATE,
        DB_VALUES(db_uuid(&row->id), DB_T(row->display_name), DB_I(row->updated_at), DB_I(row->ver)), NULL);
}

static err_t read_tenant(const struct db_row *row, void *arg)
{
    struct tenant_row *out = arg;
    *out = (struct tenant_row){0};
    TRY(db_row_copy(row, 0, out->id.b, sizeof(out->id.b)));
    TRY(db_row_text(row, 1, out->name, sizeof(out->name)));
    out->created_at = db_row_int(row, 2);
    out->updated_at = db_row_int(row, 3);
    out->ver = db_row_int(row, 4);
    return db_row_text(row, 5, out->display_name, sizeof(out->display_name));
}

err_t tenant_rows_find(struct db_tx *tx, struct bytes name, struct tenant_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_text(name)), read_tenant, out, "tenant");
}

err_t tenant_rows_find_by_id(struct db_tx *tx, struct uuid id, struct tenant_row *out)
{
    return db_find(tx, SQL_FIND_BY_ID, DB_VALUES(db_uuid(&id)), read_tenant, out, "tenant");
}

struct each {
    tenant_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct tenant_row tenant;
    TRY(read_tenant(row, &tenant));
    return each->fn(&tenant, each->arg);
}

err_t tenant_rows_each(struct db_tx *tx, tenant_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_EACH, NULL, 0, on_each, &each);
}

err_t tenant_rows_list(struct db_tx *tx, const struct row_window *window, tenant_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST, DB_VALUES(DB_BYTES(window->after), DB_I(window->limit)), on_each, &each);
}
