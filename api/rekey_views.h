/* What the files about rekey plans share, and what a device's own page shows of them. */
#ifndef WHORL_API_REKEY_VIEWS_H
#define WHORL_API_REKEY_VIEWS_H

#include "api/reply.h"
#include "fleet/rekey_why.h"

/** A device's place in a campaign: plan, state, reason in words, times. @param[out] out caller owns, NULL on
 *  error @thread any */
err_t render_rekey_why(const struct rekey_why *why, json_t **out);

#endif
