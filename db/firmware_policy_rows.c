/* Rows of firmware policies: statements and reading. No rules here. */
#include "db/firmware_policy_rows.h"

#include "db/row_values.h"

#define COLUMNS                                                                                              \
    "product, tenant, poll_s, signed_urls, target_tokens, first_use_alias, overdue, updated_at, ver"

static const char SQL_FIND[] = "SELECT " COLUMNS " FROM firmware_policy WHERE product = $1";
static const char SQL_STORE[] =
    "INSERT INTO firmware_policy (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
    "ON CONFLICT (product) DO UPDATE SET poll_s = excluded.poll_s, signed_urls = excluded.signed_urls, "
    "target_tokens = excluded.target_tokens, first_use_alias = excluded.first_use_alias, "
    "overdue = excluded.overdue, updated_at = excluded.updated_at, ver = excluded.ver";
static const char SQL_RAISE[] = "UPDATE rollout_version SET n = n + 1 WHERE one = 1";

static err_t read_row(const struct db_row *row, void *arg)
{
    struct firmware_policy_row *out = arg;
    *out = (struct firmware_policy_row){.poll_s = db_row_int(row, 2),
                                        .signed_urls = db_row_int(row, 3) != 0,
                                        .target_tokens = db_row_int(row, 4) != 0,
                                        .first_use_alias = db_row_int(row, 5) != 0,
                                        .overdue = (enum firmware_overdue)db_row_int(row, 6),
                                        .updated_at = db_row_int(row, 7),
                                        .ver = db_row_int(row, 8)};
    TRY(db_row_copy(row, 0, out->product.b, sizeof out->product.b));
    return db_row_copy(row, 1, out->tenant.b, sizeof out->tenant.b);
}

err_t firmware_policy_rows_find(struct db_tx *tx, struct uuid product, struct firmware_policy_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&product)), read_row, out, "firmware policy");
}

err_t firmware_policy_rows_store(struct db_tx *tx, const struct firmware_policy_row *row)
{
    TRY(db_change(tx, SQL_STORE,
                  DB_VALUES(db_uuid(&row->product), db_uuid(&row->tenant), DB_I(row->poll_s),
                            db_flag(row->signed_urls), db_flag(row->target_tokens),
                            db_flag(row->first_use_alias), DB_I(row->overdue), DB_I(row->updated_at),
                            DB_I(row->ver)),
                  NULL));
    return db_change(tx, SQL_RAISE, NULL, 0, NULL);
}
