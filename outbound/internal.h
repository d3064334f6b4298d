/* What the files of outbound/ share. */
#ifndef WHORL_OUTBOUND_INTERNAL_H
#define WHORL_OUTBOUND_INTERNAL_H

#include <stdatomic.h>

#include "outbound/http.h"
#include "outbound/url.h"

enum { OUTBOUND_PINS_MAX = 16, OUTBOUND_CONNECT_MS = 5000, OUTBOUND_TOTAL_MS = 15000 };

struct outbound {
    struct networks allow;
    char *ca_file; /* or NULL */
    bool allow_http;
    const struct outbound_resolver *resolver; /* or NULL: lookups */
    struct lookups *lookups;
    atomic_bool is_abandoned;
};

/* --- lookups.c: the system's resolver, with a limit of time. A name that hangs holds a thread of its own,
 * not the caller's; there are only so many of these. */
err_t lookups_new(struct lookups **out);
/** Threads that still wait keep what they need. NULL is legal. */
void lookups_free(struct lookups *lookups);
/** @param[out] out one address a line, appended @errors ERR_UNAVAILABLE no such name, too slow, too many hang
 * @thread worker, background */
err_t lookups_ask(struct lookups *lookups, const char *host, int64_t limit_ms, struct buf *out);

/** Nobody waits for an answer any more, now or later. @thread any */
void lookups_abandon(struct lookups *lookups);

/* --- transfer.c */
struct transfer {
    const struct outbound *outbound;
    const struct outbound_call *call;
    const struct url *url;
    CURLU *handle;
    /* the only addresses that a socket may be opened to; all of them were judged */
    struct ip pins[OUTBOUND_PINS_MAX];
    size_t pin_count;
    int64_t connect_ms, total_ms;
};
/** @errors as outbound_send() */
err_t transfer_run(const struct transfer *transfer, struct outbound_answer *answer);

enum { MAX_AGE_CEILING_S = 365 * 24 * 3600 };
/** max-age of a Cache-Control (RFC 9111 §5.2.2.1): 0 … MAX_AGE_CEILING_S, or -1 where there is none; no-store
 * and no-cache count as 0. @thread any */
int64_t cache_max_age(const char *value);

#endif
