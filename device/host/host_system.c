/* Clock and randomness from the kernel. */
#include "device/host/host_system.h"

#include <sys/random.h>
#include <time.h>

static uint32_t monotonic_ms(void *context)
{
    (void)context;
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
    return (uint32_t)(now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

static int64_t utc_s(void *context)
{
    (void)context;
    return (int64_t)time(NULL);
}

static bool random_get(void *context, struct whorl_space out)
{
    (void)context;
    return getrandom(out.data, out.size, 0) == (ssize_t)out.size;
}

const struct whorl_clock host_clock = {.context = NULL, .monotonic_ms = monotonic_ms, .utc_s = utc_s};
const struct whorl_random host_random = {.context = NULL, .get = random_get};
