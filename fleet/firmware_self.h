/* What protocols ask of a device's own row beside an offer: which action is open, for clients that name none;
 * and what a device says that it runs, when nobody here gave it that. */
#ifndef WHORL_FLEET_FIRMWARE_SELF_H
#define WHORL_FLEET_FIRMWARE_SELF_H

#include "fleet/firmware_offers.h"

/** The action that is not ended; offers nothing. @errors ERR_NOT_FOUND none is open @thread worker, like the
 *  next one */
err_t firmware_open_action(struct fleet *fleet, const struct contact *contact, int64_t *out);

/** It was given another version beside this server (by hand, by its maker): kept, so that filters and minimum
 *  versions see it. No release is known for it, so what was the newest here stays the line below which it is
 *  offered nothing. The same again is not written. @errors ERR_UNPROCESSABLE no version */
err_t firmware_installed_offline(struct fleet *fleet, const struct contact *contact, const char *version);

/** What the device said of one of its actions, the newest first, as far as it is kept; what had no words is
 *  left out. @param out an array, borrowed, texts are appended @errors ERR_NOT_FOUND no such action of it */
err_t firmware_said(struct fleet *fleet, const struct contact *contact, int64_t action, json_t *out);

#endif
