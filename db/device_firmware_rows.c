/* Rows of devices' firmware: statements and reading. No rules here. */
#include "db/device_firmware_rows.h"

#include "db/row_values.h"

#define COLUMNS                                                                                              \
    "device, tenant, controller, attributes, attributes_at, last_action, open_action, report_n, "            \
    "installed_release, installed_action, installed_version, sequence, counter, installed_at, polled_at, "   \
    "target_token_sha256, updated_at, ver"

static const char SQL_INSERT[] =
    "INSERT INTO device_firmware (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, "
    "$13, $14, NULL, $15, $16, 1)";
static const char SQL_UPDATE[] =
    "UPDATE device_firmware SET controller = $3, attributes = $4, attributes_at = $5, last_action = $6, "
    "open_action = $7, report_n = $8, installed_release = $9, installed_action = $10, "
    "installed_version = $11, sequence = $12, counter = $13, installed_at = $14, target_token_sha256 = $15, "
    "updated_at = $16, ver = ver + 1 WHERE device = $1 AND tenant = $2 AND ver = $17";
static const char SQL_POLLED[] =
    "INSERT INTO device_firmware (device, tenant, controller, attributes, last_action, report_n, "
    "installed_version, sequence, counter, polled_at, updated_at, ver) VALUES ($1, $2, '', '{}', 0, 1, '', "
    "0, -1, $3, $3, 1) ON CONFLICT (device, tenant) DO UPDATE SET polled_at = excluded.polled_at";
static const char SQL_HAD_ACTION[] =
    "INSERT INTO device_firmware (device, tenant, controller, attributes, last_action, report_n, "
    "installed_version, sequence, counter, updated_at, ver) VALUES ($1, $2, '', '{}', $3, 1, '', 0, -1, $4, "
    "1) ON CONFLICT (device, tenant) DO UPDATE SET last_action = excluded.last_action, "
    "ver = device_firmware.ver + 1 WHERE device_firmware.last_action < excluded.last_action";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM device_firmware WHERE device = $1 AND tenant = $2";
static const char SQL_FIND_BY_CONTROLLER[] =
    "SELECT " COLUMNS " FROM device_firmware WHERE tenant = $1 AND controller = $2 AND controller <> ''";

static struct db_value id_of(const struct device_id *device)
{
    return DB_B(device->b, sizeof device->b);
}

static err_t read_row(const struct db_row *row, void *arg)
{
    struct device_firmware_row *out = arg;
    *out = (struct device_firmware_row){.attributes_at = db_row_int(row, 4), /* NULL reads as 0 */
                                        .last_action = db_row_int(row, 5),
                                        .open_action = db_row_int(row, 6),
                                        .report_n = db_row_int(row, 7),
                                        .has_installed = !db_row_is_null(row, 8),
                                        .installed_action = db_row_int(row, 9),
                                        .sequence = db_row_int(row, 11),
                                        .counter = db_row_int(row, 12),
                                        .installed_at = db_row_int(row, 13),
                                        .polled_at = db_row_int(row, 14),
                                        .has_target_token = !db_row_is_null(row, 15),
                                        .updated_at = db_row_int(row, 16),
                                        .ver = db_row_int(row, 17)};
    TRY(db_row_copy(row, 0, out->owner.device.b, sizeof out->owner.device.b));
    TRY(db_row_copy(row, 1, out->owner.tenant.b, sizeof out->owner.tenant.b));
    TRY(db_row_text(row, 2, out->controller, sizeof out->controller));
    TRY(db_row_text(row, 3, out->attributes, sizeof out->attributes));
    TRY(db_row_text(row, 10, out->installed_version, sizeof out->installed_version));
    if (out->has_installed) {
        TRY(db_row_copy(row, 8, out->installed_release.b, sizeof out->installed_release.b));
    }
    return out->has_target_token
               ? db_row_copy(row, 15, out->target_token_sha256.b, sizeof out->target_token_sha256.b)
               : OK;
}

err_t device_firmware_rows_read(struct db_tx *tx, const struct firmware_owner *owner,
                                struct device_firmware_row *out)
{
    err_t found = db_find(tx, SQL_FIND, DB_VALUES(id_of(&owner->device), db_uuid(&owner->tenant)), read_row,
                          out, "device's firmware");
    if (found.code == ERR_NOT_FOUND) {
        *out = (struct device_firmware_row){
            .owner = *owner, .attributes = "{}", .report_n = 1, .counter = -1, .ver = 0};
        return OK;
    }
    return found;
}

err_t device_firmware_rows_find_by_controller(struct db_tx *tx, struct uuid tenant, const char *controller,
                                              struct device_firmware_row *out)
{
    return db_find(tx, SQL_FIND_BY_CONTROLLER, DB_VALUES(db_uuid(&tenant), DB_T(controller)), read_row, out,
                   "device of this name");
}

err_t device_firmware_rows_put(struct db_tx *tx, struct device_firmware_row *row)
{
    int64_t changes = 0;
    const int64_t now_ms = db_tx_now_ms(tx);
    const struct db_value values[] = {id_of(&row->owner.device),
                                      db_uuid(&row->owner.tenant),
                                      DB_T(row->controller),
                                      DB_T(row->attributes),
                                      db_time_or_null(row->attributes_at),
                                      DB_I(row->last_action),
                                      db_time_or_null(row->open_action), /* 0 is NULL here too */
                                      DB_I(row->report_n),
                                      row->has_installed ? db_uuid(&row->installed_release) : DB_N,
                                      db_time_or_null(row->installed_action),
                                      DB_T(row->installed_version),
                                      DB_I(row->sequence),
                                      DB_I(row->counter),
                                      db_time_or_null(row->installed_at),
                                      row->has_target_token ? DB_B(row->target_token_sha256.b, SHA256_SIZE)
                                                            : DB_N,
                                      DB_I(now_ms),
                                      DB_I(row->ver)};
    const size_t count = sizeof values / sizeof values[0];
    err_t stored = row->ver == 0 ? db_change(tx, SQL_INSERT, values, count - 1, &changes)
                                 : db_change(tx, SQL_UPDATE, values, count, &changes);
    ENSURE(stored.code != ERR_CONFLICT, ERR_CONFLICT, "the name %s is another device's", row->controller);
    TRY(stored);
    ENSURE(changes == 1, ERR_BUSY, "the device's firmware was changed meanwhile");
    row->updated_at = now_ms;
    row->ver++;
    return OK;
}

err_t device_firmware_rows_polled(struct db_tx *tx, const struct firmware_owner *owner, int64_t at_ms)
{
    return db_change(tx, SQL_POLLED, DB_VALUES(id_of(&owner->device), db_uuid(&owner->tenant), DB_I(at_ms)),
                     NULL);
}

err_t device_firmware_rows_had_action(struct db_tx *tx, const struct firmware_owner *owner, int64_t id)
{
    return db_change(
        tx, SQL_HAD_ACTION,
        DB_VALUES(id_of(&owner->device), db_uuid(&owner->tenant), DB_I(id), DB_I(db_tx_now_ms(tx))), NULL);
}
