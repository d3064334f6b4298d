/* What the limits of requests add to one: an address and a device counted, and the two fields of an answer to
 * a back end written, in nanoseconds of one thread. As many devices as places are used in turn, so that each
 * finds its bucket cold. Prints JSON. Called by bench.py. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api/api.h"
#include "fleet/internal.h"
#include "fleet/rates.h"

enum { DEVICES = 100000, ROUNDS = 10 };

static int64_t cpu_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void check(err_t error)
{
    if (error.code != ERR_OK) {
        (void)fprintf(stderr, "rates: %s\n", error.detail);
        exit(1);
    }
}

static double counted(struct fleet *fleet)
{
    static const char *const addresses[] = {"2001:db8::1", "2001:db8:0:1::1", "192.0.2.1", "198.51.100.1"};
    struct rate_mark mark;
    int64_t before = cpu_ns();
    for (uint32_t i = 0; i < DEVICES * ROUNDS; i++) {
        uint32_t key[8] = {i % DEVICES};
        check(rates_take_address(fleet, addresses[i % 4], &mark));
        check(rates_take_device(fleet, BYTES_OF(key), &mark));
    }
    return (double)(cpu_ns() - before) / (DEVICES * ROUNDS);
}

static double told(struct fleet *fleet)
{
    struct rate_marks marks = {0};
    const struct uuid tenant = {{1}};
    const struct request request = {.listener = LISTENER_MANAGEMENT, .rates = &marks};
    check(rates_take_address(fleet, "192.0.2.1", &marks.of[RATE_ADDRESS]));
    check(rates_take_tenant(fleet, tenant, &marks.of[RATE_TENANT]));
    static struct response response;
    int64_t before = cpu_ns();
    for (int i = 0; i < DEVICES; i++) {
        response.header_count = 0;
        check(api_finish(NULL, &request, &response));
    }
    return (double)(cpu_ns() - before) / DEVICES;
}

int main(void)
{
    static const struct rate most = {.per_second = 1000000, .burst = 1000000};
    const struct rate_limits limits = {.of = {most, most, most}};
    AUTO_PTR(rates) *rates = NULL;
    check(rates_new(random_system(), &rates));
    struct fleet fleet = {.clock = clock_system(), .rates = rates};
    check(rates_set(&fleet, &limits));
    (void)counted(&fleet);
    double count = counted(&fleet);
    (void)printf("{\"count_ns\": %.0f, \"tell_ns\": %.0f}\n", count, told(&fleet));
    return 0;
}
