/* How old what must not grow old is: lists, the anchor of the audit log, the last backup; and whether the
 * clock is trusted. Times, not ages: whoever asks subtracts. */
#ifndef WHORL_FLEET_KEEPING_FIGURES_H
#define WHORL_FLEET_KEEPING_FIGURES_H

#include "fleet/fleet.h"

/** OpenMetrics text, appended. @thread worker */
err_t keeping_figures_write(struct fleet *fleet, struct buf *out);

#endif
