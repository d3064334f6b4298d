/* How many devices and certificates there are, by state, and how many certificates end soon: from counts that
 * are kept, so that a page costs the same whatever the size of the fleet. */
#ifndef WHORL_FLEET_INVENTORY_FIGURES_H
#define WHORL_FLEET_INVENTORY_FIGURES_H

#include "fleet/fleet.h"

/** OpenMetrics text, appended. @thread worker */
err_t inventory_figures_write(struct fleet *fleet, struct buf *out);

#endif
