/* Recoveries by the identity key that the product's policy refuses: they are noted for an operator, whose
 * word (ACTION_ALLOW_RECOVERY of device_actions.h) lets one of them pass. The policy itself is in
 * enrol_decide.c. */
#ifndef WHORL_FLEET_RECOVERY_H
#define WHORL_FLEET_RECOVERY_H

#include "db/recovery_rows.h"
#include "fleet/fleet.h"

/** What was asked and is allowed; zeros when nothing is to be said, and of an allowance that has ended.
 *  @thread worker */
err_t recovery_read(struct fleet *fleet, const struct device_row *device, struct recovery_row *out);

/** Notes, at most once an hour, that the holder of the identity key was refused for the policy's sake only:
 *  the device stands in the list of those that wait, with an event. Decides again in its transaction; what
 *  fails is logged, the refusal stands. @thread worker */
struct enrol_run;
void recovery_note_request(struct enrol_run *run);

#endif
