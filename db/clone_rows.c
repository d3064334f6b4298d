/* Statements over the table clone_sighting. */
#include "db/clone_rows.h"

#include "db/row_values.h"

static const char SQL_FIND[] = "SELECT old_serial, current_serial, current_authority, seen_at "
                               "FROM clone_sighting WHERE device = $1 AND tenant = $2";
static const char SQL_PUT[] =
    "INSERT INTO clone_sighting (device, tenant, old_serial, current_serial, current_authority, seen_at) "
    "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (device, tenant) DO UPDATE SET old_serial = $3, "
    "current_serial = $4, current_authority = $5, seen_at = $6";
static const char SQL_DELETE[] = "DELETE FROM clone_sighting WHERE device = $1 AND tenant = $2";

static err_t read_row(const struct db_row *row, void *arg)
{
    struct clone_sighting_row *out = arg;
    TRY(db_row_copy(row, 0, out->old_serial, sizeof out->old_serial));
    TRY(db_row_copy(row, 1, out->current_serial, sizeof out->current_serial));
    TRY(db_row_text(row, 2, out->current_authority, sizeof out->current_authority));
    out->seen_at = db_row_int(row, 3);
    return OK;
}

err_t clone_rows_find(struct db_tx *tx, struct uuid tenant, const struct device_id *device,
                      struct clone_sighting_row *out)
{
    *out = (struct clone_sighting_row){.device = *device, .tenant = tenant};
    return db_find(tx, SQL_FIND, DB_VALUES(DB_B(device->b, sizeof device->b), db_uuid(&tenant)), read_row,
                   out, "sighting");
}

err_t clone_rows_put(struct db_tx *tx, const struct clone_sighting_row *row)
{
    return db_change(tx, SQL_PUT,
                     DB_VALUES(DB_B(row->device.b, sizeof row->device.b), db_uuid(&row->tenant),
                               DB_B(row->old_serial, sizeof row->old_serial),
                               DB_B(row->current_serial, sizeof row->current_serial),
                               DB_T(row->current_authority), DB_I(row->seen_at)),
                     NULL);
}

err_t clone_rows_delete(struct db_tx *tx, struct uuid tenant, const struct device_id *device)
{
    return db_change(tx, SQL_DELETE, DB_VALUES(DB_B(device->b, sizeof device->b), db_uuid(&tenant)), NULL);
}
