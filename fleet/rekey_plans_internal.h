/* What the files behind rekey_plans.h share. */
#ifndef WHORL_FLEET_REKEY_PLANS_INTERNAL_H
#define WHORL_FLEET_REKEY_PLANS_INTERNAL_H

#include "fleet/event.h"
#include "fleet/rekey_plans.h"

/** The audit record of a change, with the plan as it is now. @thread of tx, like the next one */
err_t rekey_plan_record(struct db_tx *tx, const struct actor *actor, const struct rekey_plan *plan,
                        const char *kind);
/** @errors ERR_NOT_FOUND also for another tenant's */
err_t rekey_plan_find_in(struct db_tx *tx, struct uuid tenant, struct uuid id, struct rekey_plan *out);
/** Opens the next wave: the row and the counts of the wave. */
err_t rekey_plan_widen(struct db_tx *tx, struct rekey_plan *plan);

#endif
