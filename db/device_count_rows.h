/* How many devices of a product, a batch or the whole installation are in each state: kept, never counted.
 * Whoever changes a device's state or registers devices says so here in the same transaction
 * (fleet/device_change.h). */
#ifndef WHORL_DB_DEVICE_COUNT_ROWS_H
#define WHORL_DB_DEVICE_COUNT_ROWS_H

#include "db/db.h"
#include "db/rows.h"

/** Who owns all devices of the installation, here and in db/device_term_rows.h. @thread any */
struct uuid device_owner_all(void);
/** `count` devices of this product and batch came into `state`. @thread of tx, like all functions here */
err_t device_count_rows_add(struct db_tx *tx, const struct batch_row *batch, enum device_state state,
                            int64_t count);
/** The device, stored in its new state, was in `before`. */
err_t device_count_rows_move(struct db_tx *tx, const struct device_row *device, enum device_state before);
/** @param owner a product, a batch or device_owner_all(); of one that is not known every count is 0 */
err_t device_count_rows_read(struct db_tx *tx, struct uuid owner, int64_t out[DEVICE_STATES]);

#endif
