/* What a filter means now, without ordering anything: a number, what kind of number it is, and some ids. */
#ifndef WHORL_FLEET_REKEY_DRY_RUN_H
#define WHORL_FLEET_REKEY_DRY_RUN_H

#include "fleet/rekey_plans.h"

enum { REKEY_SAMPLE_MAX = 10, REKEY_LOOK_MAX = 2000 };

struct rekey_dry_run {
    int64_t count;
    bool is_exact;  /* false: there are at least so many; only so many devices were looked at */
    int64_t looked; /* devices that were looked at; 0: the kept counts knew */
    int64_t most;   /* by the kept counts; -1: none is kept for this filter */
    struct device_id sample[REKEY_SAMPLE_MAX];
    size_t sample_count;
};

/** Of product and batch alone the kept counts know the number; otherwise up to REKEY_LOOK_MAX enrolled
 * devices are looked at, in order of id, which is a hash: they are a fair sample. Costs the same for every
 * fleet.
 *  @param filter resolved here; what it names that is not there goes to terms->faults
 *  @errors ERR_UNPROCESSABLE with faults @thread worker */
err_t rekey_dry_run(struct fleet *fleet, const struct terms *terms, struct rekey_filter *filter,
                    struct rekey_dry_run *out);

#endif
