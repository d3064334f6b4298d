/* The clock port: the system's clocks, and one for tests that stands still. */
#include <time.h>

#include "base/ports.h"

static int64_t read_ms(clockid_t which)
{
    struct timespec t = {0};
    (void)clock_gettime(which, &t); /* cannot fail for the two clocks below */
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t system_now_ms(void *context)
{
    (void)context;
    return read_ms(CLOCK_REALTIME);
}

/* Goes on while the machine sleeps, as the wall clock does: waking up is no step of the clock. */
static int64_t system_monotonic_ms(void *context)
{
    (void)context;
    return read_ms(CLOCK_BOOTTIME);
}

const struct clock *clock_system(void)
{
    static const struct clock system = {
        .context = NULL, .now_ms = system_now_ms, .monotonic_ms = system_monotonic_ms};
    return &system;
}

int64_t clock_now_ms(const struct clock *clock)
{
    return clock->now_ms(clock->context);
}

int64_t clock_monotonic_ms(const struct clock *clock)
{
    return clock->monotonic_ms(clock->context);
}

static int64_t manual_monotonic_ms(void *context)
{
    const struct manual_clock *m = context;
    return __atomic_load_n(&m->at_ms, __ATOMIC_RELAXED);
}

static int64_t manual_now_ms(void *context)
{
    const struct manual_clock *m = context;
    return manual_monotonic_ms(context) + __atomic_load_n(&m->stepped_ms, __ATOMIC_RELAXED);
}

void manual_clock_init(struct manual_clock *m, int64_t at_ms)
{
    *m = (struct manual_clock){
        .clock = {.context = m, .now_ms = manual_now_ms, .monotonic_ms = manual_monotonic_ms},
        .at_ms = at_ms,
    };
}

/* atomic: a test moves time while threads of the tested code read it */
void manual_clock_advance(struct manual_clock *m, int64_t by_ms)
{
    (void)__atomic_add_fetch(&m->at_ms, by_ms, __ATOMIC_RELAXED);
}

void manual_clock_step(struct manual_clock *m, int64_t by_ms)
{
    (void)__atomic_add_fetch(&m->stepped_ms, by_ms, __ATOMIC_RELAXED);
}
