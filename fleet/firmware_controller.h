/* Names under which devices poll for firmware besides their id and their serial. Whether a device may use one
 * is asked by firmware_controller_check() (fleet/firmware_offers.h); here an operator takes one back. */
#ifndef WHORL_FLEET_FIRMWARE_CONTROLLER_H
#define WHORL_FLEET_FIRMWARE_CONTROLLER_H

#include "fleet/terms.h"

/** Takes the name of a device away: it, or another one, may take it at its next poll.
 *  @errors ERR_NOT_FOUND no such device of the tenant @thread worker */
err_t firmware_controller_clear(struct fleet *fleet, const struct terms *terms,
                                const struct device_id *device);

#endif
