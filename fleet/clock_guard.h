/* Whether this node's clock can be trusted. Certificates, expiries and schedules are decided by the wall
 * clock: when it leaves the monotonic clock by more than a limit, or stands elsewhere after a start than the
 * node left it, nothing is issued and nothing ends by time until somebody who knows the time confirms it, or
 * the clock comes back by itself. CRLs, OCSP and everything that an operator orders go on.
 *
 * A small drift is followed (NTP slews by at most 500 ppm). With a limit of 0 nothing is guarded. */
#ifndef WHORL_FLEET_CLOCK_GUARD_H
#define WHORL_FLEET_CLOCK_GUARD_H

#include "db/clock_rows.h"
#include "fleet/fleet.h"

enum {
    CLOCK_AHEAD_MAX_DAYS = 30 /* a node may have been off that long; more must be confirmed */
};

/** Compares the clock with what the node last saw; before anything is served. @thread init */
err_t clock_guard_start(struct fleet *fleet);
/** @errors ERR_CLOCK_HELD @thread any: reads clocks and memory only */
err_t clock_guard_check(struct fleet *fleet);
/** The wall clock; while a step is held, the time that it would show without the step. @thread any */
int64_t clock_guard_now_ms(struct fleet *fleet);
/** Writes what changed, with an event: the job that runs each second. @thread background */
err_t clock_guard_watch(struct fleet *fleet, int64_t now_ms);

struct clock_view {
    int64_t now_ms;   /* of the wall clock */
    int64_t limit_ms; /* 0: not guarded */
    bool is_held;
    int64_t since_ms, step_ms; /* while held */
    enum clock_reason reason;
};
/** @thread any */
void clock_guard_view(struct fleet *fleet, struct clock_view *out);
/** "stepped", "behind", "ahead". @thread any */
const char *clock_reason_name(enum clock_reason reason);

/** Somebody says what time it is. @param time_ms by another clock than this one
 *  @errors ERR_UNPROCESSABLE it is further from this clock than the limit: set the clock right first;
 *  ERR_WRONG_STATE nothing is held @thread worker */
err_t clock_guard_confirm(struct fleet *fleet, const struct actor *actor, int64_t time_ms,
                          struct clock_view *out);

/* The part of struct fleet. */
struct clock_guard;
err_t clock_guard_new(const struct fleet_options *options, struct clock_guard **out);
void clock_guard_free(struct clock_guard *guard);

#endif
