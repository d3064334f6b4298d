/* What the files behind rollouts.h share. */
#ifndef WHORL_FLEET_ROLLOUTS_INTERNAL_H
#define WHORL_FLEET_ROLLOUTS_INTERNAL_H

#include "fleet/event.h"
#include "fleet/rollouts.h"

/** The audit record of a change, with the rollout as it is now. @thread of tx, like the next ones */
err_t rollout_record(struct db_tx *tx, const struct actor *actor, const struct rollout *rollout,
                     const char *kind);
/** @errors ERR_NOT_FOUND also for another tenant's */
err_t rollout_find_in(struct db_tx *tx, struct uuid tenant, struct uuid id, struct rollout *out);
/** Opens the next wave: the row and the counts of the wave. */
err_t rollout_widen(struct db_tx *tx, struct rollout *rollout);
/** Ends the alarm of a rollout that was stopped, where it stands. */
err_t rollout_alarm_clear(struct db_tx *tx, const struct rollout *rollout);

#endif
