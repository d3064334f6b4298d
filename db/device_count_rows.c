/* Counts of devices by state: three owners, the product, the batch and the installation, in one statement. */
#include "db/device_count_rows.h"

#include <string.h>

#include "db/row_values.h"

#define ON_CONFLICT " ON CONFLICT (owner, state) DO UPDATE SET n = device_count.n + excluded.n"

static const char SQL_ADD[] =
    "INSERT INTO device_count (owner, state, n) VALUES ($1, $3, $4), ($2, $3, $4), ($5, $3, $4)" ON_CONFLICT;
static const char SQL_MOVE[] = "INSERT INTO device_count (owner, state, n) "
                               "VALUES ($1, $3, -1), ($2, $3, -1), ($5, $3, -1), ($1, $4, 1), "
                               "($2, $4, 1), ($5, $4, 1)" ON_CONFLICT;
static const char SQL_READ[] = "SELECT state, n FROM device_count WHERE owner = $1";

struct uuid device_owner_all(void)
{
    struct uuid all;
    memset(all.b, 0xff, sizeof all.b); /* no version 7 UUID, and not the one of zeros */
    return all;
}

err_t device_count_rows_add(struct db_tx *tx, const struct batch_row *batch, enum device_state state,
                            int64_t count)
{
    const struct uuid all = device_owner_all();
    return db_change(
        tx, SQL_ADD,
        DB_VALUES(db_uuid(&batch->product), db_uuid(&batch->id), DB_I(state), DB_I(count), db_uuid(&all)),
        NULL);
}

err_t device_count_rows_move(struct db_tx *tx, const struct device_row *device, enum device_state before)
{
    const struct uuid all = device_owner_all();
    return db_change(tx, SQL_MOVE,
                     DB_VALUES(db_uuid(&device->product), db_uuid(&device->batch), DB_I(before),
                               DB_I(device->state), db_uuid(&all)),
                     NULL);
}

static err_t take_count(const struct db_row *row, void *arg)
{
    int64_t *counts = arg;
    int64_t state = db_row_int(row, 0);
    ENSURE(state >= 0 && state < DEVICE_STATES, ERR_DB, "a count of devices in state %lld", (long long)state);
    counts[state] = db_row_int(row, 1);
    return OK;
}

err_t device_count_rows_read(struct db_tx *tx, struct uuid owner, int64_t out[DEVICE_STATES])
{
    for (int i = 0; i < DEVICE_STATES; i++) {
        out[i] = 0;
    }
    return db_run(tx, SQL_READ, DB_VALUES(db_uuid(&owner)), take_count, out);
}
