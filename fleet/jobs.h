/* Background jobs: a const table of {name, period, function}. server/timer runs them one after the other on
 * one background thread, never on request workers. A job yields quickly: it works in bounded steps and
 * returns. */
#ifndef WHORL_FLEET_JOBS_H
#define WHORL_FLEET_JOBS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct fleet;

struct job {
    const char *name;
    int64_t period_ms;
    err_t (*run)(struct fleet *fleet, int64_t now_ms);
};

/** The table, in the order of running. @thread init */
const struct job *fleet_jobs(size_t *count);

#endif
