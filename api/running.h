/* Which Idempotency-Keys are at work: a second request under the same key, while the first still runs, is
 * told so instead of waiting for it, or worse, doing it twice where two transactions could pass each other.
 * Of this process; what was done before is in the inventory (fleet/terms.h). */
#ifndef WHORL_API_RUNNING_H
#define WHORL_API_RUNNING_H

#include <pthread.h>

#include "base/bytes.h"
#include "base/encoding.h"
#include "base/err.h"

struct running_key {
    struct running_key *next;
    struct uuid tenant;
    struct bytes key; /* borrowed from the request */
};

struct running {
    pthread_mutex_t mutex; /* guards the list */
    struct running_key *first;
};

void running_init(struct running *running);
void running_clear(struct running *running);

/** @param mine filled by the caller, who keeps it until running_leave() @errors ERR_CONFLICT the key is at
 * work @thread any */
err_t running_enter(struct running *running, struct running_key *mine);
void running_leave(struct running *running, const struct running_key *mine);

#endif
