/* Rows of statements about manifest keys: statements of SQL and reading. No rules here. */
#include "db/firmware_anchors_rows.h"

#include "db/row_values.h"

static const char SQL_STORE[] =
    "INSERT INTO firmware_anchors (product, tenant, sequence, signing_spki, recovery_spki, statement, "
    "updated_at, ver) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (product) DO UPDATE SET "
    "sequence = excluded.sequence, signing_spki = excluded.signing_spki, recovery_spki = "
    "excluded.recovery_spki, statement = excluded.statement, updated_at = excluded.updated_at, ver = "
    "excluded.ver";
static const char SQL_FIND[] = "SELECT product, tenant, sequence, signing_spki, recovery_spki, statement, "
                               "updated_at, ver FROM firmware_anchors WHERE product = $1";

err_t firmware_anchors_rows_store(struct db_tx *tx, const struct firmware_anchors_row *row)
{
    return db_change(tx, SQL_STORE,
                     DB_VALUES(db_uuid(&row->product), db_uuid(&row->tenant), DB_I(row->sequence),
                               DB_B(row->signing_spki, sizeof row->signing_spki),
                               DB_B(row->recovery_spki, sizeof row->recovery_spki),
                               DB_B(row->statement, row->statement_size), DB_I(row->updated_at),
                               DB_I(row->ver)),
                     NULL);
}

static err_t read_anchors(const struct db_row *row, void *arg)
{
    struct firmware_anchors_row *out = arg;
    struct bytes statement = db_row_bytes(row, 5);
    *out = (struct firmware_anchors_row){.sequence = db_row_int(row, 2),
                                         .statement_size = statement.n,
                                         .updated_at = db_row_int(row, 6),
                                         .ver = db_row_int(row, 7)};
    TRY(db_row_copy(row, 0, out->product.b, sizeof out->product.b));
    TRY(db_row_copy(row, 1, out->tenant.b, sizeof out->tenant.b));
    TRY(db_row_copy(row, 3, out->signing_spki, sizeof out->signing_spki));
    TRY(db_row_copy(row, 4, out->recovery_spki, sizeof out->recovery_spki));
    ENSURE(statement.n <= sizeof out->statement, ERR_DB, "a stored statement is too long");
    return db_row_copy(row, 5, out->statement, statement.n);
}

err_t firmware_anchors_rows_find(struct db_tx *tx, struct uuid product, struct firmware_anchors_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&product)), read_anchors, out, "statement about anchors");
}
