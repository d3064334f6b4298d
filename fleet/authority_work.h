/* Carries out what was ordered of authorities that are pending: key, signature, rows. Repeatable: a process
 * that is killed leaves at most a key without a row, which the next attempt finds and uses. */
#ifndef WHORL_FLEET_AUTHORITY_WORK_H
#define WHORL_FLEET_AUTHORITY_WORK_H

#include "fleet/fleet.h"

struct authority_works; /* one at a time in a process: two must not make one key */
err_t authority_works_new(struct authority_works **out);
void authority_works_free(struct authority_works *works);

/** Makes the key and what is signed with it, and puts the authority in its place. Nothing when no order is
 *  under way for it. @errors ERR_UNAVAILABLE keys cannot be used now; ERR_CLOCK_HELD; ERR_BUSY @thread
 * worker, background */
err_t authority_work(struct fleet *fleet, const char *id);
/** Takes an order back that could not be carried out: row and key are gone. @thread worker */
err_t authority_work_undo(struct fleet *fleet, const struct actor *actor, const char *id);
/** Destroys the key of one that is not there any more. */
void authority_work_forget(struct fleet *fleet, const char *id);

/** For the jobs: tries what is under way again. */
err_t authority_orders_run(struct fleet *fleet, int64_t now_ms);
/** Finds out when the last certificate of those that retire ends, and retires them then. */
err_t authority_ends_run(struct fleet *fleet, int64_t now_ms);

#endif
