/* The one place where a device comes into the inventory, for the lists that register it. */
#ifndef WHORL_FLEET_REGISTRATION_H
#define WHORL_FLEET_REGISTRATION_H

#include "db/db.h"
#include "db/rows.h"

/** @param spki DER, or BYTES_NONE when only the id is known
 *  @errors ERR_CONFLICT the tenant has this device already, or the key is another device's @thread of tx
 * (write) */
err_t registration_insert(struct db_tx *tx, const struct device_row *row, struct bytes spki);

#endif
