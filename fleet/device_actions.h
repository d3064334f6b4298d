/* What an operator orders of one device. Which state allows what is in states.c; each order is one
 * transaction with its audit record and holds from the device's next request on. */
#ifndef WHORL_FLEET_DEVICE_ACTIONS_H
#define WHORL_FLEET_DEVICE_ACTIONS_H

#include "base/json.h"
#include "fleet/fleet.h"
#include "fleet/states.h"
#include "fleet/terms.h"

enum { RECOVERY_ALLOWED_MIN_S = 60, RECOVERY_ALLOWED_S = 86400, RECOVERY_ALLOWED_MAX_S = 30 * 86400 };

struct device_order {
    struct device_id id;
    enum device_action action; /* ACTION_QUARANTINE and behind */
    int reason;                /* of ACTION_REVOKE: RFC 5280 §5.3.1 */
    int64_t valid_for_s;       /* of ACTION_ALLOW_RECOVERY: RECOVERY_ALLOWED_MIN_S … MAX_S */
    const char *cause, *note;  /* what a person says about it, for the record; or NULL */
};

/** Quarantine and release; revoke (all certificates that brokers may still take); allow-reenrol (one
 * enrolment under the identity key, whatever the recovery policy says; again changes nothing);
 * allow-recovery (the same of an enrolled device, until it was used or the time is over; again: until then);
 * rekey (the device is told to make a new key, until one is confirmed); retire (for ever, certificates
 * cessationOfOperation); compromised (for ever, all certificates keyCompromise; it may wait for a
 * second person: terms->guarded).
 *  @errors ERR_NOT_FOUND also for another tenant's, ERR_WRONG_STATE, ERR_PRECONDITION another version
 *  @thread worker */
err_t device_act(struct fleet *fleet, const struct terms *terms, const struct device_order *order,
                 struct device_row *out);
/** The same in a transaction that is running. @param[in,out] revoked certificates are added @thread of tx */
err_t device_act_in(struct db_tx *tx, const struct terms *terms, const struct device_order *order,
                    struct device_row *out, int64_t *revoked);

/** What the request for a second person's word about `compromised` says; its form is known here only.
 *  @param[out] order with the texts of `request` @errors ERR_DB it was stored in another form @thread any */
err_t device_order_read(const json_t *request, struct device_order *order);

#endif
