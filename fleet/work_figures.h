/* What waits and what is under way in the fleet's own queues, as figures: a handful of rows and of memory,
 * whatever the size of the fleet. */
#ifndef WHORL_FLEET_WORK_FIGURES_H
#define WHORL_FLEET_WORK_FIGURES_H

#include "fleet/fleet.h"

/** Deliveries of webhooks that wait, uploads that are being written; appended. @thread worker */
err_t work_figures_write(struct fleet *fleet, struct buf *out);

#endif
