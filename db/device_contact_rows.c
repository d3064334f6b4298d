/* Statements over the table device_contact. No rules here. */
#include "db/device_contact_rows.h"

#include "db/row_values.h"

static const char SQL_FIND[] = "SELECT device, tenant, seen_at, told_at, contact_days, day_at FROM "
                               "device_contact WHERE device = $1 AND tenant = $2";
static const char SQL_PUT[] =
    "INSERT INTO device_contact (device, tenant, seen_at, told_at, contact_days, day_at) "
    "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (device, tenant) DO UPDATE SET seen_at = excluded.seen_at, "
    "told_at = excluded.told_at, contact_days = excluded.contact_days, day_at = excluded.day_at";

static err_t read_contact(const struct db_row *row, void *arg)
{
    struct device_contact_row *out = arg;
    *out = (struct device_contact_row){.seen_at = db_row_int(row, 2),
                                       .told_at = db_row_int(row, 3), /* NULL reads as 0 */
                                       .contact_days = db_row_int(row, 4),
                                       .day_at = db_row_int(row, 5)};
    TRY(db_row_copy(row, 0, out->device.b, sizeof out->device.b));
    return db_row_copy(row, 1, out->tenant.b, sizeof out->tenant.b);
}

err_t device_contact_rows_find(struct db_tx *tx, struct uuid tenant, const struct device_id *device,
                               struct device_contact_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(DB_B(device->b, sizeof device->b), db_uuid(&tenant)), read_contact,
                   out, "contact");
}

err_t device_contact_rows_put(struct db_tx *tx, const struct device_contact_row *row)
{
    return db_change(tx, SQL_PUT,
                     DB_VALUES(DB_B(row->device.b, sizeof row->device.b), db_uuid(&row->tenant),
                               DB_I(row->seen_at), db_time_or_null(row->told_at), DB_I(row->contact_days),
                               db_time_or_null(row->day_at)),
                     NULL);
}
