/* Histograms as OpenMetrics has them: counted without a lock by those who see a value, added up when somebody
 * asks. A value is a whole number: microseconds where the kind is of seconds, otherwise what is counted. */
#ifndef WHORL_BASE_HISTOGRAM_H
#define WHORL_BASE_HISTOGRAM_H

#include <stdatomic.h>

#include "base/bytes.h"

enum { HISTOGRAM_BOUNDS_MAX = 16 };

struct histogram_bound {
    int64_t most;   /* the highest value of the bucket */
    const char *le; /* the same as text: of seconds, or of the plain number */
};
struct histogram_bounds {
    bool is_seconds;
    size_t count; /* at most HISTOGRAM_BOUNDS_MAX; what is above the last has a bucket of its own */
    const struct histogram_bound *items;
};
/** 0.1 ms to 10 s. @thread any */
const struct histogram_bounds *histogram_seconds(void);
/** 1, 2, 4, … 256. */
const struct histogram_bounds *histogram_numbers(void);

/* {0} is an empty one. One or many threads count. */
struct histogram {
    atomic_llong counts[HISTOGRAM_BOUNDS_MAX + 1]; /* of each bucket alone */
    atomic_llong sum;
};

/** Below zero counts as zero. @thread any */
void histogram_add(struct histogram *histogram, const struct histogram_bounds *bounds, int64_t value);
/** "# TYPE" and the lines beside it, appended. @param name ends in "_seconds" where the bounds are of seconds
 */
err_t histogram_write_head(const char *name, const char *help, const struct histogram_bounds *bounds,
                           struct buf *out);
/* What is one series on the page. */
struct histogram_series {
    const char *name;
    const char *labels; /* `a="b",c="d"`, or "" */
    const struct histogram *const *parts;
    size_t part_count; /* added up: one of each loop, say */
};
/** Buckets, sum and count; the buckets are cumulative, and the last one is the count. */
err_t histogram_write(const struct histogram_series *series, const struct histogram_bounds *bounds,
                      struct buf *out);
/** Head and the one series of a family without labels. */
err_t histogram_write_one(const char *name, const char *help, const struct histogram *histogram,
                          const struct histogram_bounds *bounds, struct buf *out);

/** Of a clock that never goes back, for spans. @thread any */
int64_t stopwatch_us(void);

#endif
