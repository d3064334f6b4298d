/* The rollouts that run, in memory, with their releases: what each poll of a device is compared with. A
 * snapshot that never changes; a new one takes its place when something of it changes, here or at another
 * node. */
#ifndef WHORL_FLEET_ROLLOUT_LIVE_H
#define WHORL_FLEET_ROLLOUT_LIVE_H

#include "fleet/fleet.h"
#include "fleet/rollout_match.h"

enum { ROLLOUTS_RUNNING_MAX = 32 }; /* of a tenant at once: what a poll may cost */

struct rollout_live_one {
    struct uuid tenant, product;
    char name[NAME_SIZE];
    struct rollout_course course;
    struct rollout_spec spec;
    struct offer_release_row release;
};

struct rollout_live;
struct rollout_lives; /* what the fleet holds; it belongs to rollout_live.c */

err_t rollout_lives_new(struct rollout_lives **out);
void rollout_lives_free(struct rollout_lives *lives);

/** The present snapshot; the first call reads it. NULL when it could not be read. Given back by
 *  rollout_live_unref(). @thread worker, background */
struct rollout_live *rollout_live_ref(struct fleet *fleet);
/** NULL is legal. @thread any */
void rollout_live_unref(struct rollout_live *live);
DEFINE_AUTO_PTR(rollout_live, rollout_live_unref);
/** Those of a product, in order of their start; lives as long as the snapshot. @param[out] count of them */
const struct rollout_live_one *rollout_live_of(const struct rollout_live *live, struct uuid tenant,
                                               struct uuid product, size_t *count);
/** Those of every tenant. */
const struct rollout_live_one *rollout_live_all(const struct rollout_live *live, size_t *count);
/** Takes a new snapshot if a rollout, a release or a policy changed since: after a change of one's own, and
 *  once in a while. @errors ERR_DB, ERR_NO_MEMORY @thread worker, background */
err_t rollout_live_refresh(struct fleet *fleet);

#endif
