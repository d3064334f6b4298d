/* Rollouts: drafted, started, paused, resumed, widened, cancelled. Starting one costs the same for every
 * fleet: one row and one record. The devices are found as they poll (fleet/firmware_offers.h), and time does
 * the rest (fleet/rollout_job.c). */
#ifndef WHORL_FLEET_ROLLOUTS_H
#define WHORL_FLEET_ROLLOUTS_H

#include "db/firmware_action_rows.h"
#include "db/firmware_offer_rows.h"
#include "fleet/firmware_offers.h"
#include "fleet/rollout_spec.h"
#include "fleet/terms.h"

const char *rollout_state_name(enum rollout_state state);
/** @errors ERR_BAD_REQUEST naming the known ones @thread any */
err_t rollout_state_parse(struct bytes text, enum rollout_state *out);

struct rollout {
    struct rollout_row row;
    struct rollout_tally_row tally; /* of the same moment, like the release */
    struct rollout_spec spec;       /* of row.spec, read */
    struct offer_release_row release;
};

/** Drafts one. @param document as rollout_spec_read() has it, with a name, a release and a filter
 *  @errors ERR_UNPROCESSABLE with faults, ERR_CONFLICT name taken @thread worker, like all functions here */
err_t rollout_add(struct fleet *fleet, const struct terms *terms, const json_t *document,
                  struct rollout *out);
/** What a rollout is about (filter, waves, late_joiners, starts_at, min_source) changes while it is a draft
 *  only, its release never; the rest also while it runs or is paused. @errors as above, ERR_NOT_FOUND also
 * for another tenant's, ERR_PRECONDITION, ERR_WRONG_STATE */
err_t rollout_change(struct fleet *fleet, const struct terms *terms, struct uuid id, const json_t *document,
                     struct rollout *out);
/** @errors ERR_NOT_FOUND also for another tenant's */
err_t rollout_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct rollout *out);

typedef err_t (*rollout_fn)(const struct rollout *rollout, void *arg);
/** In order of id, which is that of their making. @param state or NULL */
err_t rollout_list(struct fleet *fleet, struct uuid tenant, const enum rollout_state *state,
                   const struct row_window *window, rollout_fn fn, void *arg);

enum rollout_order {
    ROLLOUT_ORDER_START,
    ROLLOUT_ORDER_PAUSE,
    ROLLOUT_ORDER_RESUME,
    ROLLOUT_ORDER_NEXT_WAVE,
    ROLLOUT_ORDER_CANCEL
};
enum { ROLLOUT_ORDERS = 5 };
const char *rollout_order_name(enum rollout_order order);
/** @errors ERR_NOT_FOUND; ERR_WRONG_STATE naming the state and what it allows, or that as many rollouts run
 * as can, or that the release is not published; ERR_PRECONDITION */
err_t rollout_order(struct fleet *fleet, const struct terms *terms, struct uuid id, enum rollout_order order,
                    struct rollout *out);

/** @errors ERR_UNPROCESSABLE with a fault: the tenant has no such release @thread of tx */
err_t rollout_release_find(struct db_tx *tx, const struct terms *terms, struct uuid id,
                           struct offer_release_row *out);
/** The id of the batch that a filter names; what is not there goes to `faults`.
 *  @errors ERR_UNPROCESSABLE with faults @thread of tx */
err_t rollout_filter_resolve(struct db_tx *tx, const struct offer_release_row *release, struct faults *faults,
                             struct rollout_filter *filter);

struct rollout_device_range {
    struct uuid tenant, rollout;
    const enum firmware_action_state *state; /* or NULL */
    const struct row_window *window;
};
/** Devices that were offered it, in order of id. @errors ERR_NOT_FOUND no such rollout of the tenant */
err_t rollout_devices(struct fleet *fleet, const struct rollout_device_range *range,
                      firmware_action_row_fn fn, void *arg);
/** @errors ERR_BAD_REQUEST naming the known ones @thread any */
err_t firmware_action_state_parse(struct bytes text, enum firmware_action_state *out);

#endif
