/* The campaigns that run, in memory: what each contact of a device is compared with. A snapshot that never
 * changes; a new one takes its place when a campaign changes, here or at another node. */
#ifndef WHORL_FLEET_REKEY_LIVE_H
#define WHORL_FLEET_REKEY_LIVE_H

#include "fleet/fleet.h"
#include "fleet/rekey_match.h"

enum { REKEY_RUNNING_MAX = 16 }; /* of a tenant at once: what a contact may cost */

struct rekey_live_plan {
    struct uuid tenant;
    char name[NAME_SIZE];
    struct rekey_course course;
    struct rekey_spec spec;
};

struct rekey_live;
struct rekey_lives; /* what the fleet holds; it belongs to rekey_live.c */

err_t rekey_lives_new(struct rekey_lives **out);
void rekey_lives_free(struct rekey_lives *lives);

/** The present snapshot; the first call reads it. NULL when it could not be read. Given back by
 *  rekey_live_unref(). @thread worker, background */
struct rekey_live *rekey_live_ref(struct fleet *fleet);
/** NULL is legal. @thread any */
void rekey_live_unref(struct rekey_live *live);
DEFINE_AUTO_PTR(rekey_live, rekey_live_unref);
/** Those of a tenant, in order of their start; lives as long as the snapshot. @param[out] count of them */
const struct rekey_live_plan *rekey_live_of(const struct rekey_live *live, struct uuid tenant, size_t *count);
/** Those of every tenant. */
const struct rekey_live_plan *rekey_live_all(const struct rekey_live *live, size_t *count);
/** Takes a new snapshot if a campaign changed since: after a change of one's own, and once in a while.
 *  @errors ERR_DB, ERR_NO_MEMORY @thread worker, background */
err_t rekey_live_refresh(struct fleet *fleet);

#endif
