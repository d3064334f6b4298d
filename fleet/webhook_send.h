/* One stretch of work for one webhook: what happened becomes deliveries, those that are due are sent, what
 * came of each is written. Everything is durable before the next step, so a crash sends again, under the same
 * id, at most what was on its way. */
#ifndef WHORL_FLEET_WEBHOOK_SEND_H
#define WHORL_FLEET_WEBHOOK_SEND_H

#include "db/webhook_rows.h"
#include "fleet/fleet.h"
#include "outbound/http.h"

/* How calls are made: outbound_send(), or a test's own. */
struct webhook_transport {
    err_t (*send)(void *context, const struct outbound_call *call, struct outbound_answer *answer);
    void *context;
};

/** Works for a webhook until nothing is due, it is held, or a second has passed. One thread at a time for one
 * webhook. @errors of the inventory; of sending none: they are what came of it @thread background (blocks) */
err_t webhook_work(struct fleet *fleet, const struct webhook_transport *transport,
                   const struct webhook_due *due);

#endif
