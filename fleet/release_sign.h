/* The one place that lets keys sign: carries out what was approved. */
#ifndef WHORL_FLEET_RELEASE_SIGN_H
#define WHORL_FLEET_RELEASE_SIGN_H

#include "fleet/fleet.h"

/** Signs what waits for it: each image by its recipe, then the manifest. What cannot be signed becomes a
 * draft again, with the reason; what failed for a passing cause is tried again. A crash at any point loses
 * nothing: the next run goes on. @thread background */
err_t release_sign_run(struct fleet *fleet, int64_t now_ms);

#endif
