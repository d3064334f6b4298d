/* Webhooks of a tenant: where its events are sent to, under which secrets, and what became of them. The
 * sending is fleet/webhook_send.h; each change and its audit record are one transaction. */
#ifndef WHORL_FLEET_WEBHOOKS_H
#define WHORL_FLEET_WEBHOOKS_H

#include "db/delivery_rows.h"
#include "db/webhook_rows.h"
#include "fleet/events.h"
#include "fleet/terms.h"
#include "fleet/webhook_secret.h"

enum { WEBHOOKS_MAX = 16 };

/* What is asked for; what is not there stays as it is, or takes its default. */
struct webhook_change {
    struct bytes name, url; /* p NULL: not there */
    bool has_types, has_enabled, is_enabled;
    struct event_filter types; /* none: all */
};

/** It gets what happens from now on. @param[out] text of the secret, shown once; the caller wipes it
 *  @errors ERR_UNPROCESSABLE with faults; ERR_CONFLICT name taken, too many, or made before with this
 *  Idempotency-Key (the secret is gone) @thread worker, like all functions here */
err_t webhook_add(struct fleet *fleet, const struct terms *terms, const struct webhook_change *change,
                  char text[WEBHOOK_SECRET_TEXT_SIZE], struct webhook_row *out);
/** Enabled again, it goes on where it was: what happened meanwhile is sent. @errors ERR_UNPROCESSABLE with
 * faults, ERR_CONFLICT name taken, ERR_NOT_FOUND also for another tenant's, ERR_PRECONDITION */
err_t webhook_alter(struct fleet *fleet, const struct terms *terms, struct uuid id,
                    const struct webhook_change *change, struct webhook_row *out);
/** @errors ERR_NOT_FOUND, ERR_PRECONDITION */
err_t webhook_remove(struct fleet *fleet, const struct terms *terms, struct uuid id);
/** A second secret: what is sent is signed with both until the older one is dropped. @errors as
 * webhook_alter(); ERR_WRONG_STATE two are live; ERR_CONFLICT as webhook_add() */
err_t webhook_rotate(struct fleet *fleet, const struct terms *terms, struct uuid id,
                     char text[WEBHOOK_SECRET_TEXT_SIZE], struct webhook_row *out);
/** No error when there is one only. */
err_t webhook_drop_old(struct fleet *fleet, const struct terms *terms, struct uuid id,
                       struct webhook_row *out);

err_t webhook_find(struct fleet *fleet, struct uuid tenant, struct uuid id, struct webhook_row *out);
/** In order of id. */
err_t webhook_list(struct fleet *fleet, struct uuid tenant, const struct row_window *window,
                   webhook_row_fn fn, void *arg);
/** The patterns of a row. @errors ERR_INTERNAL @thread any */
err_t webhook_types(const struct webhook_row *row, struct event_filter *out);

/* --- orders (fleet/webhook_orders.c) ------------------------------------------------------------------- */

/** Sends an event of the type webhook.test, to this webhook alone. @errors ERR_NOT_FOUND, ERR_WRONG_STATE
 * disabled or full */
err_t webhook_test(struct fleet *fleet, const struct terms *terms, struct uuid id, struct delivery_row *out);

struct webhook_replay {
    bool has_since;
    int64_t since_ms;
    struct bytes after; /* an event's id; p NULL: since_ms counts */
};
/** Sends again what came behind an event, or since a time: the webhook's place in the feed moves, back or
 * ahead.
 *  @errors ERR_UNPROCESSABLE with faults no such event; ERR_NOT_FOUND, ERR_PRECONDITION */
err_t webhook_replay(struct fleet *fleet, const struct terms *terms, struct uuid id,
                     const struct webhook_replay *replay, struct webhook_row *out);

struct delivery_name {
    struct uuid webhook, id;
};
/** Now, with a schedule that begins anew. @errors ERR_NOT_FOUND, ERR_WRONG_STATE the webhook is disabled */
err_t webhook_retry(struct fleet *fleet, const struct terms *terms, const struct delivery_name *name,
                    struct delivery_row *out);
/** The newest first. @errors ERR_NOT_FOUND no such webhook of the tenant */
err_t webhook_deliveries(struct fleet *fleet, struct uuid tenant, const struct delivery_window *window,
                         delivery_row_fn fn, void *arg);

#endif
