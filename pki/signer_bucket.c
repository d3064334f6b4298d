/* A bucket that fills with time. It counts in units of one part of a period, so nothing is rounded. */
#include "pki/signer_bucket.h"

bool signer_bucket_take(struct signer_bucket *bucket, const struct signer_rate *rate, int64_t now_ms)
{
    if (rate->count == 0) {
        return true;
    }
    int64_t full = rate->burst * rate->period_ms;
    int64_t until_full_ms = full / rate->count + 1;
    int64_t gone_ms = now_ms - bucket->at_ms;
    gone_ms = gone_ms > until_full_ms ? until_full_ms : gone_ms;
    bucket->level = bucket->is_used ? bucket->level + gone_ms * rate->count : full;
    bucket->level = bucket->level > full ? full : bucket->level;
    bucket->at_ms = now_ms;
    bucket->is_used = true;
    if (bucket->level < rate->period_ms) {
        return false;
    }
    bucket->level -= rate->period_ms;
    return true;
}
