/* Rows of hubs: statements and reading. No rules here. */
#include "db/hub_rows.h"

#include "db/row_values.h"

#define COLUMNS "id, tenant, name, kind, host, port, ca, created_at, updated_at, ver"

static const char SQL_INSERT[] =
    "INSERT INTO hub (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
    "ON CONFLICT (tenant, name) DO NOTHING";
static const char SQL_UPDATE[] = "UPDATE hub SET name = $3, kind = $4, host = $5, port = $6, ca = $7, "
                                 "updated_at = $8, ver = $9 WHERE id = $1 AND tenant = $2";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM hub WHERE tenant = $1 AND name = $2";
static const char SQL_FIND_BY_ID[] = "SELECT " COLUMNS " FROM hub WHERE id = $1 AND tenant = $2";
#define LIST(key, sign, down)                                                                                \
    "SELECT " COLUMNS " FROM hub WHERE tenant = $1 AND " key " " sign " $2 ORDER BY " key down " LIMIT $3"
static const char SQL_LIST[] = LIST("id", ">", "");
static const char SQL_LIST_DOWN[] = LIST("id", "<", " DESC");
static const char SQL_LIST_NAME[] = LIST("name", ">", "");
static const char SQL_LIST_NAME_DOWN[] = LIST("name", "<", " DESC");
static const struct db_ordered LISTS = {.up = {SQL_LIST, SQL_LIST_NAME},
                                        .down = {SQL_LIST_DOWN, SQL_LIST_NAME_DOWN}};

static err_t name_taken(const struct hub_row *row)
{
    return ERR(ERR_CONFLICT, "a hub named %s is there already", row->name);
}

err_t hub_rows_insert(struct db_tx *tx, const struct hub_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(db_uuid(&row->id), db_uuid(&row->tenant), DB_T(row->name), DB_I(row->kind),
                            DB_T(row->host), DB_I(row->port), DB_T(row->ca), DB_I(row->created_at),
                            DB_I(row->updated_at), DB_I(row->ver)),
                  &changes));
    return changes == 1 ? OK : name_taken(row);
}

err_t hub_rows_update(struct db_tx *tx, const struct hub_row *row)
{
    err_t error = db_change(tx, SQL_UPDATE,
                            DB_VALUES(db_uuid(&row->id), db_uuid(&row->tenant), DB_T(row->name),
                                      DB_I(row->kind), DB_T(row->host), DB_I(row->port), DB_T(row->ca),
                                      DB_I(row->updated_at), DB_I(row->ver)),
                            NULL);
    return error.code == ERR_CONFLICT ? name_taken(row) : error;
}

static err_t read_hub(const struct db_row *row, void *arg)
{
    struct hub_row *out = arg;
    *out = (struct hub_row){.kind = (enum hub_kind)db_row_int(row, 3),
                            .port = db_row_int(row, 5),
                            .created_at = db_row_int(row, 7),
                            .updated_at = db_row_int(row, 8),
                            .ver = db_row_int(row, 9)};
    TRY(db_row_copy(row, 0, out->id.b, sizeof(out->id.b)));
    TRY(db_row_copy(row, 1, out->tenant.b, sizeof(out->tenant.b)));
    TRY(db_row_text(row, 2, out->name, sizeof(out->name)));
    TRY(db_row_text(row, 4, out->host, sizeof(out->host)));
    return db_row_text(row, 6, out->ca, sizeof(out->ca));
}

err_t hub_rows_find(struct db_tx *tx, struct uuid tenant, struct bytes name, struct hub_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&tenant), db_text(name)), read_hub, out, "hub");
}

err_t hub_rows_find_by_id(struct db_tx *tx, struct uuid tenant, struct uuid id, struct hub_row *out)
{
    return db_find(tx, SQL_FIND_BY_ID, DB_VALUES(db_uuid(&id), db_uuid(&tenant)), read_hub, out, "hub");
}

struct each {
    hub_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct hub_row hub;
    TRY(read_hub(row, &hub));
    return each->fn(&hub, each->arg);
}

err_t hub_rows_list(struct db_tx *tx, struct uuid tenant, const struct row_window *window, hub_row_fn fn,
                    void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_list_ordered(tx, &LISTS, &tenant, window, &(struct db_each){on_each, &each});
}
