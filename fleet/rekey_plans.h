/* Rekey plans of kind campaign: drafted, started, paused, resumed, widened, cancelled. Starting one costs the
 * same for every fleet: one row and one record. The devices are found as they come (fleet/rekey_contact.h),
 * and time does the rest (fleet/rekey_job.c). The other kind of rekey plan, the schedule, is a product's
 * policy. */
#ifndef WHORL_FLEET_REKEY_PLANS_H
#define WHORL_FLEET_REKEY_PLANS_H

#include "db/rekey_member_rows.h"
#include "db/rekey_plan_rows.h"
#include "fleet/rekey_spec.h"
#include "fleet/terms.h"

const char *rekey_plan_state_name(enum rekey_plan_state state);
/** @errors ERR_BAD_REQUEST naming the known ones @thread any */
err_t rekey_plan_state_parse(struct bytes text, enum rekey_plan_state *out);

struct rekey_plan {
    struct rekey_plan_row row;
    struct rekey_tally_row tally; /* of the same moment */
    struct rekey_spec spec;       /* of row.spec, read */
};

/** Drafts one. @param document as rekey_spec_read() has it, with a name and a filter
 *  @errors ERR_UNPROCESSABLE with faults, ERR_CONFLICT name taken @thread worker, like all functions here */
err_t rekey_plan_add(struct fleet *fleet, const struct terms *terms, const json_t *document,
                     struct rekey_plan *out);
/** What a campaign is about (filter, waves, late_joiners, starts_at) changes while it is a draft only; the
 *  rest also while it runs or is paused. @errors as above, ERR_NOT_FOUND also for another tenant's,
 *  ERR_PRECONDITION, ERR_WRONG_STATE */
err_t rekey_plan_change(struct fleet *fleet, const struct terms *terms, struct uuid id,
                        const json_t *document, struct rekey_plan *out);
/** @errors ERR_NOT_FOUND also for another tenant's */
err_t rekey_plan_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct rekey_plan *out);

typedef err_t (*rekey_plan_fn)(const struct rekey_plan *plan, void *arg);
/** In order of id, which is that of their making. @param state or NULL */
err_t rekey_plan_list(struct fleet *fleet, struct uuid tenant, const enum rekey_plan_state *state,
                      const struct row_window *window, rekey_plan_fn fn, void *arg);

enum rekey_order {
    REKEY_ORDER_START,
    REKEY_ORDER_PAUSE,
    REKEY_ORDER_RESUME,
    REKEY_ORDER_NEXT_WAVE,
    REKEY_ORDER_CANCEL
};
enum { REKEY_ORDERS = 5 };
const char *rekey_order_name(enum rekey_order order);
/** @errors ERR_NOT_FOUND; ERR_WRONG_STATE naming the state and what it allows, or that as many campaigns run
 *  as can; ERR_UNPROCESSABLE the filter means no device; ERR_PRECONDITION */
err_t rekey_plan_order(struct fleet *fleet, const struct terms *terms, struct uuid id, enum rekey_order order,
                       struct rekey_plan *out);

/** How many enrolled devices a filter can mean at most, by the counts that are kept; -1 when none is kept for
 *  it. @thread of tx */
err_t rekey_filter_most(struct db_tx *tx, const struct rekey_filter *filter, int64_t *out);
/** The ids of the product and the batch that a filter names; what is not there goes to `faults`.
 *  @errors ERR_UNPROCESSABLE with faults @thread of tx */
err_t rekey_filter_resolve(struct db_tx *tx, struct uuid tenant, struct faults *faults,
                           struct rekey_filter *filter);

struct rekey_member_range {
    struct uuid tenant, plan;
    const enum rekey_member_state *state; /* or NULL */
    const struct row_window *window;
};
/** Devices that were told, in order of id. @errors ERR_NOT_FOUND no such plan of the tenant */
err_t rekey_plan_members(struct fleet *fleet, const struct rekey_member_range *range, rekey_member_row_fn fn,
                         void *arg);

#endif
