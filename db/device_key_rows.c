/* Statements over the table device_key. Knows no rule of generations (fleet/enrol_decide.c). */
#include "db/device_key_rows.h"

#include <string.h>

#include "db/row_values.h"

static const char SQL_FIND[] =
    "SELECT spki_sha256, device, generation, first_seen_at FROM device_key WHERE spki_sha256 = $1";
static const char SQL_INSERT[] =
    "INSERT INTO device_key (spki_sha256, device, generation, first_seen_at) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT (spki_sha256) DO NOTHING";

static err_t read_key(const struct db_row *row, void *arg)
{
    struct device_key_row *out = arg;
    *out = (struct device_key_row){.generation = db_row_int(row, 2), .first_seen_at = db_row_int(row, 3)};
    TRY(db_row_copy(row, 0, out->spki_sha256, sizeof out->spki_sha256));
    return db_row_copy(row, 1, out->device.b, sizeof out->device.b);
}

err_t device_key_rows_find(struct db_tx *tx, const uint8_t spki_sha256[32], struct device_key_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(DB_B(spki_sha256, 32)), read_key, out, "key");
}

err_t device_key_rows_claim(struct db_tx *tx, const struct device_key_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(DB_B(row->spki_sha256, sizeof row->spki_sha256),
                            DB_B(row->device.b, sizeof row->device.b), DB_I(row->generation),
                            DB_I(row->first_seen_at)),
                  &changes));
    if (changes == 1) {
        return OK;
    }
    struct device_key_row owner;
    TRY(device_key_rows_find(tx, row->spki_sha256, &owner));
    ENSURE(memcmp(owner.device.b, row->device.b, sizeof owner.device.b) == 0, ERR_CONFLICT,
           "the key belongs to another device");
    return OK;
}
