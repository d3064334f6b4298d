/* Rollouts and campaigns that run, and where their devices are: from tallies that are kept. */
#ifndef WHORL_FLEET_COURSE_FIGURES_H
#define WHORL_FLEET_COURSE_FIGURES_H

#include "fleet/fleet.h"

enum { COURSES_SHOWN = 50 }; /* of each kind, the first by tenant and start; all of them are counted */

/** OpenMetrics text, appended. Names ids, no device and nothing that a tenant wrote. @thread worker */
err_t course_figures_write(struct fleet *fleet, struct buf *out);

#endif
