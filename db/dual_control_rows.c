/* Rows of what waits for a second person: statements and reading. No rules here. */
#include "db/dual_control_rows.h"

#include "db/row_values.h"

#define COLUMNS "owner, kinds, approval_ttl_s, updated_at, ver"

static const char SQL_FIND[] = "SELECT " COLUMNS " FROM dual_control WHERE owner = $1";
static const char SQL_HAS[] =
    "SELECT owner FROM dual_control WHERE owner IN ($1, $2) AND kinds & $3 <> 0 ORDER BY owner LIMIT 1";
static const char SQL_STORE[] = "INSERT INTO dual_control (" COLUMNS ") VALUES ($1, $2, $3, $4, $5) "
                                "ON CONFLICT (owner) DO UPDATE SET kinds = excluded.kinds, approval_ttl_s = "
                                "excluded.approval_ttl_s, updated_at = excluded.updated_at, ver = "
                                "excluded.ver";

static err_t read_row(const struct db_row *row, void *arg)
{
    struct dual_control_row *out = arg;
    *out = (struct dual_control_row){.kinds = (uint32_t)db_row_int(row, 1),
                                     .approval_ttl_s = db_row_int(row, 2),
                                     .updated_at = db_row_int(row, 3),
                                     .ver = db_row_int(row, 4)};
    return db_row_copy(row, 0, out->owner.b, sizeof out->owner.b);
}

err_t dual_control_rows_find(struct db_tx *tx, struct uuid owner, struct dual_control_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&owner)), read_row, out, "setting");
}

err_t dual_control_rows_has(struct db_tx *tx, struct uuid tenant, const struct uuid *product, uint32_t kinds,
                            bool *out)
{
    return db_exists(tx, SQL_HAS,
                     DB_VALUES(db_uuid(&tenant), db_uuid(product != NULL ? product : &tenant), DB_I(kinds)),
                     out);
}

err_t dual_control_rows_store(struct db_tx *tx, const struct dual_control_row *row)
{
    return db_change(tx, SQL_STORE,
                     DB_VALUES(db_uuid(&row->owner), DB_I(row->kinds), DB_I(row->approval_ttl_s),
                               DB_I(row->updated_at), DB_I(row->ver)),
                     NULL);
}
