/* What a rollout's filter means now, without offering anything: a number, what kind of number it is, some
 * ids, and why some that it means may not have the release. */
#ifndef WHORL_FLEET_ROLLOUT_DRY_RUN_H
#define WHORL_FLEET_ROLLOUT_DRY_RUN_H

#include "fleet/rollout_match.h"
#include "fleet/rollouts.h"

enum { ROLLOUT_SAMPLE_MAX = 10, ROLLOUT_LOOK_MAX = 2000 };

struct rollout_excluded {
    struct device_id device;
    enum rollout_verdict verdict;
};
struct rollout_dry_run {
    int64_t count;  /* that may have it */
    bool is_exact;  /* false: there are at least so many; only so many devices were looked at */
    int64_t looked; /* devices that were looked at */
    int64_t most;   /* enrolled devices of the product or batch, by the kept counts */
    struct device_id sample[ROLLOUT_SAMPLE_MAX];
    size_t sample_count;
    int64_t excluded_count; /* whom the filter means and anti-rollback or the source excludes */
    struct rollout_excluded excluded[ROLLOUT_SAMPLE_MAX];
    size_t excluded_shown;
};

/* A rollout that is there, or one that is not drafted yet. */
struct rollout_question {
    struct uuid release;
    struct rollout_spec spec; /* its filter is resolved here; what it names that is not there is a fault */
};
/** Up to ROLLOUT_LOOK_MAX enrolled devices are looked at, in order of id, which is a hash: they are a fair
 *  sample. Costs the same for every fleet. @errors ERR_UNPROCESSABLE with faults @thread worker */
err_t rollout_dry_run(struct fleet *fleet, const struct terms *terms, struct rollout_question *question,
                      struct rollout_dry_run *out);

#endif
