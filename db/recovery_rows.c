/* Statements over the table device_recovery. The list of those that wait is one of devices
 * (device_list_rows.c). */
#include "db/recovery_rows.h"

#include "db/row_values.h"

static const char SQL_FIND[] =
    "SELECT requested_at, allowed_until FROM device_recovery WHERE device = $1 AND tenant = $2";
static const char SQL_PUT[] =
    "INSERT INTO device_recovery (device, tenant, requested_at, allowed_until) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT (device, tenant) DO UPDATE SET requested_at = $3, allowed_until = $4";
static const char SQL_DELETE[] = "DELETE FROM device_recovery WHERE device = $1 AND tenant = $2";

static err_t read_row(const struct db_row *row, void *arg)
{
    struct recovery_row *out = arg;
    out->requested_at = db_row_int(row, 0); /* NULL reads as 0 */
    out->allowed_until = db_row_int(row, 1);
    return OK;
}

err_t recovery_rows_find(struct db_tx *tx, struct uuid tenant, const struct device_id *device,
                         struct recovery_row *out)
{
    *out = (struct recovery_row){.device = *device, .tenant = tenant};
    return db_find(tx, SQL_FIND, DB_VALUES(DB_B(device->b, sizeof device->b), db_uuid(&tenant)), read_row,
                   out, "recovery");
}

err_t recovery_rows_put(struct db_tx *tx, const struct recovery_row *row)
{
    return db_change(tx, SQL_PUT,
                     DB_VALUES(DB_B(row->device.b, sizeof row->device.b), db_uuid(&row->tenant),
                               db_time_or_null(row->requested_at), db_time_or_null(row->allowed_until)),
                     NULL);
}

err_t recovery_rows_delete(struct db_tx *tx, struct uuid tenant, const struct device_id *device)
{
    return db_change(tx, SQL_DELETE, DB_VALUES(DB_B(device->b, sizeof device->b), db_uuid(&tenant)), NULL);
}
