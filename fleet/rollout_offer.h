/* One device and one rollout: everything that decides whether it is offered now, read in one transaction; and
 * the offer. The poll looks with it before it writes, the offer judges with it again, and who asks why is
 * told what it said. */
#ifndef WHORL_FLEET_ROLLOUT_OFFER_H
#define WHORL_FLEET_ROLLOUT_OFFER_H

#include "fleet/firmware_offers.h"
#include "fleet/rollout_match.h"

struct rollout_offer {
    struct firmware_owner owner; /* in */
    struct uuid rollout;         /* in */
    struct device_row device;
    struct device_firmware_row firmware;
    struct rollout_row row;
    struct rollout_spec spec;
    struct rollout_tally_row tally;
    struct offer_release_row release;
    struct rollout_place place;
    bool has_action; /* it was offered before */
    struct firmware_action_row action;
    bool is_overdue, passes_overdue; /* its rekey; and that does not matter here */
    enum rollout_verdict verdict;    /* ROLLOUT_MEANS_IT: it may be offered now */
};

/** Reads and judges. @param arg struct rollout_offer with owner and rollout
 *  @errors ERR_NOT_FOUND no such rollout or device of the tenant @thread of tx */
err_t rollout_offer_judge(struct db_tx *tx, void *arg);
/** Judges, and makes the action where the verdict lets it. @param arg as above; `action` is what was made
 *  @thread of tx (write) */
err_t rollout_offer_make(struct db_tx *tx, void *arg);

#endif
