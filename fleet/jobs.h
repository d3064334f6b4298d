/* Background jobs: a const table of {name, period, function}. server/timer runs them on a few background
 * threads, never on request workers, and none beside itself. A job works in bounded steps and returns; one
 * that can wait lets requests go first, before it begins and between its steps. */
#ifndef WHORL_FLEET_JOBS_H
#define WHORL_FLEET_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct fleet;

struct job {
    const char *name;
    int64_t period_ms;
    err_t (*run)(struct fleet *fleet, int64_t now_ms);
    bool waits_for_clock; /* ends something because its time has come: not by a clock that is in doubt */
    int64_t yields_ms;    /* how long it waits for requests that wait (fleet/yield.h); 0: it does not */
};

/** The table, in the order of running. @thread init */
const struct job *fleet_jobs(size_t *count);
/** Runs one, or leaves it when it waits for the clock (fleet/clock_guard.h). The others are told the time
 * that it would be without the step. @thread background */
err_t fleet_job_run(struct fleet *fleet, const struct job *job, int64_t now_ms);
/** Whether a job that has been due for `waited_ms` may run now, or lets requests go first. @thread
 * background */
bool fleet_job_may_run(struct fleet *fleet, const struct job *job, int64_t waited_ms);

#endif
