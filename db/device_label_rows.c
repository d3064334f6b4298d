/* Rows that find devices by a label: statements only. db/device_rows.c reads them when it lists. */
#include "db/device_label_rows.h"

#include "db/row_values.h"

static const char SQL_CLEAR[] = "DELETE FROM device_label WHERE device = $1 AND tenant = $2";
static const char SQL_INSERT[] =
    "INSERT INTO device_label (tenant, name, value, device) VALUES ($1, $2, $3, $4)";

err_t device_label_rows_clear(struct db_tx *tx, struct uuid tenant, const struct device_id *id)
{
    return db_change(tx, SQL_CLEAR, DB_VALUES(DB_B(id->b, sizeof(id->b)), db_uuid(&tenant)), NULL);
}

err_t device_label_rows_insert(struct db_tx *tx, const struct device_row *device, const char *name,
                               const char *value)
{
    return db_change(tx, SQL_INSERT,
                     DB_VALUES(db_uuid(&device->tenant), DB_T(name), DB_T(value),
                               DB_B(device->id.b, sizeof(device->id.b))),
                     NULL);
}
