/* Why a device is where it is in a rollout: also of devices that were never offered it. Computed when it is
 * asked for, from the device's rows and the rollout's; nothing is stored for it. */
#ifndef WHORL_FLEET_ROLLOUT_WHY_H
#define WHORL_FLEET_ROLLOUT_WHY_H

#include "fleet/rollout_live.h"
#include "fleet/rollout_offer.h"
#include "fleet/rollouts.h"

/** "counter_too_high", "other_wave", … @thread any, like the next two */
const char *rollout_verdict_word(enum rollout_verdict verdict);
/** One sentence for people. */
const char *rollout_verdict_meaning(enum rollout_verdict verdict);
/** "waiting", "excluded", "not_meant", "offered", "ended". */
const char *rollout_verdict_state(enum rollout_verdict verdict);

enum { ROLLOUT_WHYS_MAX = ROLLOUTS_RUNNING_MAX };
/* What holds for the device outside of its rows. */
struct rollout_device_view {
    struct device_row device;
    struct device_firmware_row firmware; /* polled_at: the last poll, written or not; 0: never */
};
typedef err_t (*rollout_why_fn)(const struct rollout_offer *why, void *arg);
struct rollout_whys {
    struct uuid tenant;
    struct device_id device;
    const struct uuid *rollout; /* NULL: each that runs, and that of its open action */
};
/** @param[out] view of the device @errors ERR_NOT_FOUND no such device or rollout of the tenant
 *  @thread worker */
err_t rollout_whys(struct fleet *fleet, const struct rollout_whys *question, struct rollout_device_view *view,
                   rollout_why_fn fn, void *arg);

/* What is known of a device's firmware, with what it was told and said: the last of it. */
struct firmware_history_entry {
    struct firmware_action_row action;
    struct offer_release_row release;
    enum firmware_action_state state; /* cancelling, where it was taken back */
    struct firmware_report_row reports[FIRMWARE_REPORTS_KEPT];
    size_t report_count;
};
enum { FIRMWARE_HISTORY_MAX = 20 };
typedef err_t (*firmware_history_fn)(const struct firmware_history_entry *entry, void *arg);
/** Its actions, the newest first, FIRMWARE_HISTORY_MAX at most. @errors ERR_NOT_FOUND @thread worker */
err_t firmware_history(struct fleet *fleet, struct uuid tenant, const struct device_id *device,
                       struct rollout_device_view *view, firmware_history_fn fn, void *arg);

#endif
