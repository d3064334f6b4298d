/* Statements over the column device_firmware.controller. No rules here. */
#include "db/firmware_controller_rows.h"

#include "db/row_values.h"

static const char SQL_OF[] = "SELECT controller FROM device_firmware WHERE device = $1 AND tenant = $2";
static const char SQL_FIND[] =
    "SELECT device FROM device_firmware WHERE tenant = $1 AND controller = $2 AND controller <> ''";
static const char SQL_IS_SERIAL[] =
    "SELECT id FROM device WHERE tenant = $1 AND serial = $2 AND id <> $3 LIMIT 1";
static const char SQL_TAKE[] =
    "INSERT INTO device_firmware (device, tenant, controller, attributes, last_action, report_n, "
    "installed_version, sequence, counter, updated_at, ver) VALUES ($1, $2, $3, '{}', 0, 1, '', 0, -1, $4, "
    "1) "
    "ON CONFLICT (device, tenant) DO UPDATE SET controller = excluded.controller, updated_at = "
    "excluded.updated_at, ver = device_firmware.ver + 1 WHERE device_firmware.controller = ''";
static const char SQL_CLEAR[] = "UPDATE device_firmware SET controller = '', updated_at = $3, ver = ver + 1 "
                                "WHERE device = $1 AND tenant = $2 AND controller <> ''";

static err_t read_name(const struct db_row *row, void *arg)
{
    return db_row_text(row, 0, arg, FIRMWARE_CONTROLLER_SIZE);
}

err_t firmware_controller_rows_of(struct db_tx *tx, struct uuid tenant, const struct device_id *device,
                                  char out[FIRMWARE_CONTROLLER_SIZE])
{
    out[0] = '\0';
    return db_run(tx, SQL_OF, DB_VALUES(DB_B(device->b, sizeof device->b), db_uuid(&tenant)), read_name, out);
}

static err_t read_device(const struct db_row *row, void *arg)
{
    struct device_id *out = arg;
    return db_row_copy(row, 0, out->b, sizeof out->b);
}

err_t firmware_controller_rows_find(struct db_tx *tx, struct uuid tenant, const char *controller,
                                    struct device_id *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&tenant), DB_T(controller)), read_device, out, "device");
}

err_t firmware_controller_rows_is_serial(struct db_tx *tx, struct uuid tenant, const char *text,
                                         const struct device_id *but, bool *out)
{
    return db_exists(tx, SQL_IS_SERIAL, DB_VALUES(db_uuid(&tenant), DB_T(text), DB_B(but->b, sizeof but->b)),
                     out);
}

err_t firmware_controller_rows_set(struct db_tx *tx, struct uuid tenant, const struct device_id *device,
                                   const char *controller, bool *is_set)
{
    int64_t changes = 0;
    const struct db_value id = DB_B(device->b, sizeof device->b);
    const struct db_value now = DB_I(db_tx_now_ms(tx));
    TRY(controller[0] == '\0'
            ? db_change(tx, SQL_CLEAR, DB_VALUES(id, db_uuid(&tenant), now), &changes)
            : db_change(tx, SQL_TAKE, DB_VALUES(id, db_uuid(&tenant), DB_T(controller), now), &changes));
    *is_set = changes > 0;
    return OK;
}
