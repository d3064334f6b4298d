/* Background work lets requests go first. While requests wait for a worker, or writes for the writer, a job
 * that can wait is begun later, and one that works in steps pauses between two of them: each time for a
 * bounded while, so that it goes on under any load. What has to be done at a time (lists that end, the clock,
 * the signer) does not ask.
 *
 * Figures: whorl_yields_total and whorl_yield_seconds_total by what waited, and of those how many went on
 * although requests still waited. */
#ifndef WHORL_FLEET_YIELD_H
#define WHORL_FLEET_YIELD_H

#include "base/bytes.h"
#include "base/ports.h"

struct fleet;
struct yields;

enum yield_kind {
    YIELD_JOB,     /* a job that is not begun yet */
    YIELD_STEP,    /* between two steps of one */
    YIELD_WEBHOOK, /* between two deliveries */
    YIELD_KINDS
};

enum {
    YIELD_STEP_MS = 500, /* the longest pause between two steps or deliveries */
    YIELD_LOOK_MS = 10,  /* it looks again so often */
    YIELD_PAUSED_MAX = 1 /* jobs that pause at once: threads of the timer are left for those that must run */
};

/* How busy the server is, and how to wait: outside tests a sleep. */
struct yield_port {
    bool (*is_busy)(void *context);
    void (*sleep)(void *context, int64_t ms); /* NULL: nanosleep */
    void *context;
};

enum yield_verdict { YIELD_GO, YIELD_WAIT, YIELD_FORCED };

/** The rule: nobody waits: go; somebody waits: wait, until that took `most_ms`, then go anyway. */
enum yield_verdict yield_judge(bool is_busy, int64_t waited_ms, int64_t most_ms);

/** @errors ERR_NO_MEMORY @thread init */
err_t yields_new(struct yields **out);
void yields_free(struct yields *yields);
DEFINE_AUTO_PTR(yields, yields_free);

/** From here on this is asked; NULL: nothing is, and nothing waits. It is not being asked when this returns.
 * @param port copied @thread any */
void yield_ask(struct fleet *fleet, const struct yield_port *port);
/** The server ends: what pauses goes on now, and nothing waits any more. @thread any */
void yield_end(struct fleet *fleet);
/** What works for long can stop. @thread any */
bool yield_is_ending(const struct fleet *fleet);

/** Whether a job that has been due for `waited_ms` may begin; at the latest after `most_ms` (0: at once).
 *  @thread background */
bool yield_may_begin(struct fleet *fleet, int64_t waited_ms, int64_t most_ms);
/** Pauses while somebody waits, YIELD_STEP_MS at most. Holds no lock and is called with none.
 *  @thread background */
void yield_pause(struct fleet *fleet, enum yield_kind kind);
/** Waits in any case, unless the server ends: for work at a bounded rate. @thread background */
void yield_rest(struct fleet *fleet, int64_t ms);

/** @thread any */
err_t yields_write_metrics(const struct fleet *fleet, struct buf *out);

#endif
