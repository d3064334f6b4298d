/* Rates of the signer process: so many in a period, and at most so many at once. */
#ifndef WHORL_PKI_SIGNER_BUCKET_H
#define WHORL_PKI_SIGNER_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

enum { SIGNER_SECOND_MS = 1000, SIGNER_HOUR_MS = 3600000 };

struct signer_rate {
    int64_t count, period_ms; /* 0 of a period: no limit */
    int64_t burst;
};

struct signer_bucket { /* {0}: full */
    int64_t level, at_ms;
    bool is_used;
};

/** @param now_ms monotonic @return whether there was one left; it is taken then @thread of the bucket's owner
 */
bool signer_bucket_take(struct signer_bucket *bucket, const struct signer_rate *rate, int64_t now_ms);

#endif
