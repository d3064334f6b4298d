/* What an operator orders of one device. Which state allows what is in states.c; each order is one
 * transaction with its audit record and holds from the device's next request on. */
#ifndef WHORL_FLEET_DEVICE_ACTIONS_H
#define WHORL_FLEET_DEVICE_ACTIONS_H

#include "fleet/fleet.h"
#include "fleet/states.h"
#include "fleet/terms.h"

struct device_order {
    struct device_id id;
    enum device_action action; /* ACTION_QUARANTINE and behind */
    int reason;                /* of ACTION_REVOKE: RFC 5280 §5.3.1 */
    const char *cause, *note;  /* what a person says about it, for the record; or NULL */
};

/** Quarantine and release; revoke (all certificates that brokers may still take); allow-reenrol (one
 * enrolment under the identity key, whatever the recovery policy says; again changes nothing); rekey (the
 * device is told to make a new key, until one is confirmed); retire (for ever, certificates
 * cessationOfOperation); compromised (for ever, all certificates keyCompromise).
 *  @errors ERR_NOT_FOUND also for another tenant's, ERR_WRONG_STATE, ERR_PRECONDITION another version
 *  @thread worker */
err_t device_act(struct fleet *fleet, const struct terms *terms, const struct device_order *order,
                 struct device_row *out);

#endif
