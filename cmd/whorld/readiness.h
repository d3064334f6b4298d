/* Whether this node should get traffic, and every reason why not: what GET /readyz and `whorld ping` tell. */
#ifndef WHORL_CMD_READINESS_H
#define WHORL_CMD_READINESS_H

#include "fleet/fleet.h"

/** OK with a detail: ready, but not all of it works, and which part does not. No secret and no place in this
 *  machine is in a detail: anybody may read it. @errors ERR_UNAVAILABLE with the reasons @thread worker */
err_t readiness(struct fleet *fleet);

#endif
