/* `whorl-device fleet --power-back`: the fleet stands ready, waits for the file, comes back all at once, and
 * its figures are printed as JSON. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/whorl-device/commands.h"
#include "device/sim/power_back.h"

enum { SPAN_S = 900, SECOND_MS = 1000 };

static void tell_ready(size_t devices)
{
    (void)printf("%zu devices stand ready\n", devices);
    (void)fflush(stdout);
}

static void print_seconds(const char *name, const uint32_t *counts, uint32_t last_ms)
{
    (void)printf(",\"%s\":[", name);
    for (size_t i = 0; i <= last_ms / 1000 && i < POWER_BACK_SECONDS_MAX; i++) {
        (void)printf("%s%u", i == 0 ? "" : ",", (unsigned)counts[i]);
    }
    (void)printf("]");
}

static void print_result(const struct power_back_result *r)
{
    (void)printf("{\"devices\":%zu,\"served\":%zu,\"lost\":%zu,\"attempts\":%zu,\"refused\":%zu,"
                 "\"unreached\":%zu,\"most_attempts\":%zu,\"median_ms\":%u,\"last_ms\":%u",
                 r->devices, r->served, r->lost, r->attempts, r->refused, r->unreached, r->most_attempts,
                 (unsigned)r->median_ms, (unsigned)r->last_ms);
    print_seconds("served_in", r->served_in, r->last_ms);
    print_seconds("asking_in", r->asking_in, r->last_ms);
    print_seconds("attempts_in", r->attempts_in, r->last_ms);
    (void)printf("}\n");
}

int command_power_back(const struct sim_fleet *fleet, const struct fleet_plan *onboarded,
                       const struct options *options)
{
    struct power_back_result *result = calloc(1, sizeof *result);
    const struct power_back_plan plan = {
        .world = {.server = onboarded->server, .trust = onboarded->trust, .model = onboarded->model},
        .fleet = fleet,
        .seed_base = onboarded->seed_base,
        .count = onboarded->count,
        .go = options->power_back,
        .second_ms = options->second_ms == 0 ? SECOND_MS : (uint32_t)options->second_ms,
        .span_s = options->stay_s == 0 ? SPAN_S : (uint32_t)options->stay_s,
        .ready = tell_ready};
    if (result == NULL || plan.span_s > POWER_BACK_SECONDS_MAX || plan.second_ms > SECOND_MS ||
        !sim_power_back_run(&plan, result)) {
        (void)fprintf(stderr, "whorl-device: the fleet cannot be started (threads, or times out of range)\n");
        free(result);
        return EXIT_FAILED;
    }
    print_result(result);
    bool is_whole = result->served == result->devices;
    if (result->first_problem[0] != '\0') {
        (void)fprintf(stderr, "whorl-device: the first one that was refused or failed: %s\n",
                      result->first_problem);
    }
    free(result);
    return is_whole ? EXIT_OK : EXIT_FAILED;
}
