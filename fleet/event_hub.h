/* Who waits for events, and the one thread that tells them. It is told of every commit of this process, and
 * looks once a second for those of others; so nobody who waits asks the inventory by himself. */
#ifndef WHORL_FLEET_EVENT_HUB_H
#define WHORL_FLEET_EVENT_HUB_H

#include "fleet/fleet.h"

enum { EVENT_STREAMS_DEFAULT = 256, EVENT_STREAMS_PER_TENANT_DEFAULT = 32, EVENT_BEAT_MS = 15000 };

struct event_stream; /* somebody who follows the feed of a tenant */

/** Takes a place. @errors ERR_TOO_MANY the tenant has all that one may have, ERR_BUSY there is none left
 *  @thread worker */
err_t event_stream_open(struct fleet *fleet, struct uuid tenant, struct event_stream **out);
/** Gives it back; no wake-up runs or comes afterwards. NULL is legal. @thread any */
void event_stream_close(struct event_stream *stream);

/* What is waited for: the first of two things, once. */
struct event_wait {
    int64_t position;          /* the feed goes beyond this number */
    int64_t until_ms;          /* monotonic time */
    void (*wake)(void *waker); /* called by the hub, under its lock: must not come back here */
    void *waker;
};
/** What came between the caller's look and this call is not missed. @param wait copied @thread worker */
void event_stream_wait(struct event_stream *stream, const struct event_wait *wait);

/** Starts the thread. @thread init */
err_t event_hub_start(struct fleet *fleet);
/** Ends it; those who wait are not told. Legal when it was never started. @thread init */
void event_hub_stop(struct fleet *fleet);
/** `fn` is called after each look, by the thread; it returns quickly. NULL: nobody any more; then it does not
 * run either. @thread any */
void event_hub_listen(struct fleet *fleet, void (*fn)(void *context), void *context);
/** One look: wakes everybody who has a reason. The thread does this; tests too, when there is no thread. */
void event_hub_look(struct fleet *fleet);

/** Followers now. @thread any */
int event_hub_streams(struct fleet *fleet);

#endif
