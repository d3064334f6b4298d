/* Registers one device and says why one cannot be. */
#include "fleet/registration.h"

#include "db/device_key_rows.h"
#include "db/device_rows.h"
#include "fleet/states.h"

/* Why an id that is there already cannot be registered, in the words of its state. */
static err_t refuse_known(struct db_tx *tx, const struct device_row *row)
{
    struct device_row known;
    TRY(device_rows_find(tx, row->tenant, &row->id, &known));
    ENSURE(!uuid_equal(known.batch, row->batch), ERR_CONFLICT, "the same id stands earlier in this list");
    ENSURE(known.transferred_at == 0, ERR_CONFLICT,
           "the device was transferred to another tenant: it can come back by a transfer only");
    bool is_final = known.state == DEVICE_RETIRED || known.state == DEVICE_COMPROMISED;
    return ERR(ERR_CONFLICT,
               is_final ? "the device is %s: it can never be registered again" : "registered already (%s)",
               device_state_name(known.state));
}

/* A key that was certified for another device is no identity (invariant I4). */
static err_t check_key(struct db_tx *tx, const struct device_id *id)
{
    struct device_key_row key;
    err_t error = device_key_rows_find(tx, id->b, &key);
    if (error.code == ERR_NOT_FOUND) {
        return OK;
    }
    TRY(error);
    ENSURE(bytes_equal(BYTES_OF(key.device.b), BYTES_OF(id->b)), ERR_CONFLICT,
           "this key is in use as another device's operational key");
    return OK;
}

err_t registration_insert(struct db_tx *tx, const struct device_row *row, struct bytes spki)
{
    bool is_new = false;
    TRY(check_key(tx, &row->id));
    TRY(device_rows_insert(tx, row, spki, &is_new));
    return is_new ? OK : refuse_known(tx, row);
}
