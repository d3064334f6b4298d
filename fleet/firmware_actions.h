/* The life of one action, whoever moves it on: the device's report or time. The counts of its rollout, the
 * device's row and the record move with it, in one transaction. */
#ifndef WHORL_FLEET_FIRMWARE_ACTIONS_H
#define WHORL_FLEET_FIRMWARE_ACTIONS_H

#include "db/device_firmware_rows.h"
#include "db/firmware_offer_rows.h"
#include "db/rollout_rows.h"
#include "fleet/firmware_offers.h"
#include "fleet/rollout_spec.h"

/* Why an action ended, where it was not the device's word; or why it goes on. */
#define FIRMWARE_REASON_SILENT          "silent"
#define FIRMWARE_REASON_NO_ANSWER       "no_answer"
#define FIRMWARE_REASON_CANCEL_REJECTED "cancel_rejected"

/* An action with all that says what it means now. */
struct firmware_case {
    struct firmware_action_row action;
    struct device_firmware_row firmware;
    struct rollout_row rollout;
    struct rollout_spec spec;
    struct offer_release_row release;
};
/** @errors ERR_NOT_FOUND the device has no such action @thread of tx, like all functions here */
err_t firmware_case_read(struct db_tx *tx, const struct firmware_owner *owner, int64_t id,
                         struct firmware_case *out);
/** The state that the device is told: cancelling, too, where its rollout or release was taken back, unless
 *  the device refused that. @thread any */
enum firmware_action_state firmware_case_state(const struct firmware_case *it);
/** Whether it ended by the house's clock, so that the device's own word is still to come. @thread any */
bool firmware_case_is_house_end(const struct firmware_case *it);

/** Adds (1) or takes (-1) a device in this state, offered in `wave`. @thread any */
void rollout_tally_add(struct rollout_tally_row *tally, enum firmware_action_state state, int64_t wave,
                       int64_t by);
/** Moves the action to `state` and stores it, its device's row, its rollout's counts and, where it ends, the
 *  record. @param[in,out] it action.reason is set by the caller */
err_t firmware_case_move(struct db_tx *tx, struct firmware_case *it, enum firmware_action_state state);
/** When silence is failure, from now on: not before the next maintenance window. @thread any */
int64_t firmware_due_at(const struct rollout_spec *spec, int64_t now_ms);
/** The next id of a device; 0: used up. @thread any */
int64_t firmware_next_id(int64_t last);

#endif
