/* The one way by which a device comes into another state: its row and the counts of its product and batch
 * move together. */
#ifndef WHORL_FLEET_DEVICE_CHANGE_H
#define WHORL_FLEET_DEVICE_CHANGE_H

#include "fleet/fleet.h"

/** Stores `row`, whose state is still the stored one, in state `state`. @param spki as device_rows_update()
 *  @errors ERR_BUSY @thread of tx */
err_t device_change(struct db_tx *tx, struct device_row *row, enum device_state state, struct bytes spki);

#endif
