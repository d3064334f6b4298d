/* Token buckets by key, in a table of fixed size: so many at once, then so many a second (the generic cell
 * rate algorithm: a bucket is one number, the time at which all that was taken is paid for). Knows no address
 * and no device, and no clock: the time comes with each question and is a monotonic one.
 *
 * A bucket that is full again holds nothing worth keeping, so its place is free for the next. Where all
 * places of a key hold younger debts, the smallest one is forgotten: who loses a place starts with a full
 * bucket, so a flood of keys never makes anybody wait. Which keys share places depends on a secret. */
#ifndef WHORL_FLEET_RATE_TABLE_H
#define WHORL_FLEET_RATE_TABLE_H

#include "base/ports.h"

struct rate_table;

/* A rate of at least one a second, and how many at once: at least one. */
struct rate {
    int64_t per_second, burst; /* at most a million of each */
};

struct rate_answer {
    bool is_taken;
    int64_t left;    /* that could be taken now, after this */
    int64_t wait_ns; /* until one can be taken; 0: now */
    int64_t full_ns; /* until the bucket is full */
};

/** @param places rounded up to a power of two @errors ERR_NO_MEMORY, ERR_CRYPTO @thread init */
err_t rate_table_new(size_t places, const struct random *random, struct rate_table **out);
void rate_table_free(struct rate_table *table);
DEFINE_AUTO_PTR(rate_table, rate_table_free);

/** Takes one from the bucket of a key, or nothing where it is empty. The rate may be another at each call:
 * what was taken under a former one is owed at most up to what the bucket holds now. @thread any */
struct rate_answer rate_table_take(struct rate_table *table, struct bytes key, const struct rate *rate,
                                   int64_t now_ns);

/** Whether one would be given; takes nothing, and nobody's place. @thread any */
struct rate_answer rate_table_look(struct rate_table *table, struct bytes key, const struct rate *rate,
                                   int64_t now_ns);

/** A number that nobody outside can foresee, below `below` (at least 1); for spreading those who come again.
 * @thread any */
int64_t rate_table_draw(struct rate_table *table, int64_t below);

#endif
