/* What the files about transfers share. */
#ifndef WHORL_FLEET_TRANSFER_INTERNAL_H
#define WHORL_FLEET_TRANSFER_INTERNAL_H

#include "fleet/transfers.h"

/** Whether a device can be given away. @errors ERR_WRONG_STATE naming the state @thread any */
err_t transfer_check_device(const struct device_row *device);
/** The record of a step, for each of the two tenants. Neither learns who acted for the other.
 *  @param by the tenant that acted, or NULL: it happened by itself @thread of tx */
err_t transfer_record(struct db_tx *tx, const struct transfer_row *row, const char *kind,
                      const struct actor *actor, const struct uuid *by);
/** "tenant:<name>", as the other tenant sees whoever acted. */
struct actor transfer_actor_seen(const char *tenant);

#endif
