/* The threads that send webhooks: a few of their own, so that a slow receiver holds up neither jobs nor
 * requests. One webhook is worked for by one thread at a time; one tenant's by half of them at most. They
 * sleep until the hub of events (fleet/event_hub.h) tells them to look. */
#ifndef WHORL_FLEET_WEBHOOK_POOL_H
#define WHORL_FLEET_WEBHOOK_POOL_H

#include "fleet/webhook_send.h"

enum { WEBHOOK_THREADS = 8 };

struct webhook_pool;

/** Starts the threads, and listens to the hub. @param transport borrowed while the pool lives @errors
 * ERR_NO_MEMORY @thread init */
err_t webhook_pool_start(struct fleet *fleet, const struct webhook_transport *transport,
                         struct webhook_pool **out);
/** Waits for the calls that are on their way. NULL is legal. @thread init */
void webhook_pool_stop(struct webhook_pool *pool);
DEFINE_AUTO_PTR(webhook_pool, webhook_pool_stop);

#endif
