/* Clock and randomness are passed in: tests own time. */
#ifndef WHORL_BASE_PORTS_H
#define WHORL_BASE_PORTS_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/encoding.h"

/* Times are Unix milliseconds UTC (`_ms`) unless the name says `_s`. */
struct clock {
    void *context;
    int64_t (*now_ms)(void *context);       /* wall clock */
    int64_t (*monotonic_ms)(void *context); /* never goes back */
};

struct random {
    void *context;
    err_t (*fill)(void *context, uint8_t *out, size_t n); /* @errors ERR_CRYPTO */
};

/** The real ones; immutable statics, never freed. @thread any */
const struct clock *clock_system(void);
const struct random *random_system(void);

int64_t clock_now_ms(const struct clock *clock);
int64_t clock_monotonic_ms(const struct clock *clock);
err_t random_fill(const struct random *random, uint8_t *out, size_t n);
/** A version 7 UUID. */
err_t uuid_new(const struct clock *clock, const struct random *random, struct uuid *out);

/* A clock for tests: stands still until it is moved. */
struct manual_clock {
    struct clock clock;
    int64_t at_ms;
    int64_t stepped_ms; /* the wall clock, against the monotonic one */
};
void manual_clock_init(struct manual_clock *m, int64_t at_ms);
/** Time passes. */
void manual_clock_advance(struct manual_clock *m, int64_t by_ms);
/** Somebody sets the wall clock; no time passes. */
void manual_clock_step(struct manual_clock *m, int64_t by_ms);

#endif
