/* `whorl-device fleet`: makes a plan out of the options, runs it, and prints the list or the figures. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "cmd/whorl-device/commands.h"
#include "device/sim/fleet.h"

enum { MAX_DEVICES = 1000000, MAX_CONNECTIONS = 2000, MAX_STAYING = 20000 };

DEFINE_AUTO_PTR(sim_fleet, sim_fleet_free);
DEFINE_AUTO_PTR(host_trust, host_trust_free);

static bool write_list(const struct sim_fleet *fleet, size_t count, FILE *file)
{
    bool is_written = fputs("{\"devices\":[", file) >= 0;
    const char *before = "\n\"";
    for (size_t i = 0; i < count; i++) {
        uint8_t id[WHORL_ID_BYTES];
        uint8_t hex[WHORL_ID_HEX];
        struct whorl_space room = {hex, sizeof hex};
        struct whorl_bytes bytes = {id, sizeof id};
        struct whorl_text text;
        if (!sim_fleet_id(fleet, i, id)) {
            continue;
        }
        whorl_text_begin(&text, room);
        whorl_text_hex(&text, bytes);
        is_written = is_written && fprintf(file, "%s%.*s\"", before, WHORL_ID_HEX, (const char *)hex) > 0;
        before = ",\n\"";
    }
    return fputs("\n]}\n", file) >= 0 && is_written;
}

static int print_list(const struct sim_fleet *fleet, const struct options *options)
{
    FILE *file = fopen(options->list, "we");
    if (file == NULL) {
        (void)fprintf(stderr, "whorl-device: %s: %s\n", options->list, strerror(errno));
        return EXIT_FAILED;
    }
    bool is_written = write_list(fleet, options->count, file);
    if (fclose(file) != 0 || !is_written) {
        (void)fprintf(stderr, "whorl-device: %s cannot be written\n", options->list);
        return EXIT_FAILED;
    }
    const struct fleet_result *result = sim_fleet_borrow_result(fleet);
    (void)printf("devices %zu (chips refused %zu), grown in %.2f s\n", result->devices, result->refused_chips,
                 result->grow_s);
    return EXIT_OK;
}

static double at_share(const struct fleet_latency *latency, double share)
{
    size_t index = (size_t)((double)(latency->count - 1) * share);
    return (double)latency->us[index] / 1000;
}

static void print_latency(const char *name, const struct fleet_latency *latency)
{
    if (latency->count != 0) {
        (void)printf("%s latency ms: p50 %.2f  p90 %.2f  p99 %.2f  max %.2f\n", name, at_share(latency, 0.5),
                     at_share(latency, 0.9), at_share(latency, 0.99), at_share(latency, 1));
    }
}

/* An unexpected answer, or a device that was never served, fails the run. */
static int print_result(const struct fleet_result *result, bool is_renew)
{
    double rate = result->run_s > 0 ? (double)result->enrolled / result->run_s : 0;
    (void)printf("devices %zu (chips refused %zu), grown in %.2f s\n", result->devices, result->refused_chips,
                 result->grow_s);
    (void)printf("enrolled %zu in %.2f s: %.1f per second\n", result->enrolled, result->run_s, rate);
    print_latency("enrol", &result->enrol);
    if (is_renew) {
        (void)printf("renewed %zu\n", result->renewed);
        print_latency("renew", &result->renew);
    }
    (void)printf("failed %zu\n", result->failed);
    if (result->failed != 0) {
        (void)fprintf(stderr, "whorl-device: the first failure: %s\n", result->first_problem);
    }
    bool is_complete =
        result->enrolled == result->devices && (!is_renew || result->renewed == result->devices);
    return result->failed == 0 && is_complete ? EXIT_OK : EXIT_FAILED;
}

static bool is_plan_sound(const struct options *options)
{
    if (options->count == 0 || options->count > MAX_DEVICES || options->connections == 0 ||
        options->connections > MAX_CONNECTIONS) {
        (void)fprintf(stderr, "whorl-device: fleet needs --count 1 … %d and --connections 1 … %d\n",
                      MAX_DEVICES, MAX_CONNECTIONS);
        return false;
    }
    bool is_kept = options->stay_s != 0 || options->power_back != NULL;
    if (is_kept && options->count > MAX_STAYING) {
        (void)fprintf(stderr, "whorl-device: --stay and --power-back need --count 1 … %d\n", MAX_STAYING);
        return false;
    }
    return options->list != NULL || command_needs_server(options);
}

/* Everything but the list needs the server's root and, with --save, a folder. */
static bool prepare(const struct options *options, struct host_trust **trust)
{
    const char *problem = "";
    if (options->list != NULL) {
        return true;
    }
    if (!host_trust_new(options->ca, trust, &problem)) {
        (void)fprintf(stderr, "whorl-device: %s: %s\n", options->ca, problem);
        return false;
    }
    if (options->save != NULL && mkdir(options->save, 0755) != 0 && errno != EEXIST) {
        (void)fprintf(stderr, "whorl-device: %s: %s\n", options->save, strerror(errno));
        return false;
    }
    return true;
}

int command_fleet(const struct options *options)
{
    AUTO_PTR(host_trust) *trust = NULL;
    AUTO_PTR(sim_fleet) *fleet = NULL;
    if (!is_plan_sound(options)) {
        return EXIT_USAGE;
    }
    if (options->years != 0 && options->list == NULL) {
        return command_years(options);
    }
    if (!prepare(options, &trust)) {
        return EXIT_FAILED;
    }
    struct fleet_plan plan = {.seed_base = options->seed_base,
                              .count = options->count,
                              .connections = options->connections,
                              .model = soft_puf_default,
                              .server = {options->host, options->port},
                              .trust = trust,
                              .is_keep_alive = options->is_keep_alive,
                              .is_renew = options->is_renew,
                              .is_kept = options->stay_s != 0 || options->power_back != NULL,
                              .save_folder = options->save};
    plan.model.noise = options->noise;
    if (!sim_fleet_new(&plan, &fleet)) {
        (void)fprintf(stderr, "whorl-device: the chips cannot be grown (memory, or too much noise)\n");
        return EXIT_FAILED;
    }
    if (options->list != NULL) {
        return print_list(fleet, options);
    }
    if (!sim_fleet_run(fleet)) {
        (void)fprintf(stderr, "whorl-device: the fleet cannot be started\n");
        return EXIT_FAILED;
    }
    int exit_code = print_result(sim_fleet_borrow_result(fleet), options->is_renew);
    if (exit_code == EXIT_OK && options->power_back != NULL) {
        return command_power_back(fleet, &plan, options);
    }
    return exit_code == EXIT_OK && options->stay_s != 0 ? command_stay(fleet, &plan, options) : exit_code;
}
