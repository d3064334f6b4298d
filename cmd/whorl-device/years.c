/* `whorl-device fleet --years`: makes the plan, lets the fleet live, prints what it went through, and writes
 * what each device holds in the end, to be held against the server's books. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "cmd/whorl-device/commands.h"
#include "device/sim/years.h"

enum { YEARS_MAX = 50, FLEET_MAX = 10000, DAY_S = 86400 };

DEFINE_AUTO_PTR(sim_years, sim_years_free);
DEFINE_AUTO_PTR(host_trust, host_trust_free);

static bool write_device(FILE *file, const char *before, const struct sim_life *life)
{
    uint8_t hex[WHORL_ID_HEX];
    struct whorl_space room = {hex, sizeof hex};
    struct whorl_bytes id = {life->device.id, WHORL_ID_BYTES};
    struct whorl_text text;
    whorl_text_begin(&text, room);
    whorl_text_hex(&text, id);
    return fprintf(file, "%s{\"id\":\"%.*s\",\"generation\":%u}", before, (int)text.size, (const char *)hex,
                   (unsigned)life->generation) > 0;
}

static bool write_report(const struct sim_years *years, const struct options *options)
{
    const char *before = "\n";
    FILE *file = fopen(options->report, "we");
    if (file == NULL) {
        (void)fprintf(stderr, "whorl-device: %s: %s\n", options->report, strerror(errno));
        return false;
    }
    bool is_written = fputs("{\"devices\":[", file) >= 0;
    for (size_t i = 0; i < options->count; i++) {
        const struct sim_life *life = sim_years_borrow_life(years, i);
        if (life != NULL) {
            is_written = is_written && write_device(file, before, life);
            before = ",\n";
        }
    }
    is_written = fputs("\n]}\n", file) >= 0 && is_written;
    if (fclose(file) != 0 || !is_written) {
        (void)fprintf(stderr, "whorl-device: %s cannot be written\n", options->report);
        return false;
    }
    return true;
}

/* Well is: on a certificate that the server honours, nothing in waiting, no step back on the way, and not one
 * answer that none should get. */
static int print_years(const struct years_result *result, const struct options *options)
{
    (void)printf("devices %zu (chips refused %zu), %u years in %.1f s, contacts %zu\n", result->devices,
                 result->refused_chips, (unsigned)options->years, result->run_s, result->contacts);
    (void)printf("enrolled %zu, renewed %zu, rekeyed %zu, recovered %zu, refused %zu\n", result->enrolled,
                 result->renewed, result->rekeyed, result->recovered, result->refused);
    (void)printf("power cuts %zu, answers lost %zu, times in a drawer %zu, flash wiped %zu\n",
                 result->power_cuts, result->lost_answers, result->drawers, result->wipes);
    (void)printf("well at the end %zu of %zu, went back to an older key %zu, generation of a key %.1f\n",
                 result->well, result->devices, result->went_back,
                 result->devices == 0 ? 0 : (double)result->generations / (double)result->devices);
    if (result->first_problem[0] != '\0') {
        (void)fprintf(stderr, "whorl-device: %s\n", result->first_problem);
    }
    bool is_fine =
        result->well == result->devices && result->went_back == 0 && result->first_problem[0] == '\0';
    return is_fine ? EXIT_OK : EXIT_FAILED;
}

static bool is_plan_sound(const struct options *options)
{
    bool is_sound = options->clock != NULL && options->years <= YEARS_MAX && options->count <= FLEET_MAX &&
                    options->contact_every_s < 60 * (uint64_t)DAY_S;
    if (!is_sound) {
        (void)fprintf(
            stderr,
            "whorl-device: --years 1 … %d needs --clock FILE, --count up to %d, and --contact-every "
            "below 60d\n",
            YEARS_MAX, FLEET_MAX);
    }
    return is_sound;
}

int command_years(const struct options *options)
{
    AUTO_PTR(host_trust) *trust = NULL;
    AUTO_PTR(sim_years) *years = NULL;
    const char *problem = "";
    if (!is_plan_sound(options)) {
        return EXIT_USAGE;
    }
    if (!host_trust_new(options->ca, &trust, &problem)) {
        (void)fprintf(stderr, "whorl-device: %s: %s\n", options->ca, problem);
        return EXIT_FAILED;
    }
    struct years_plan plan = {
        .world = {.server = {options->host, options->port}, .trust = trust, .model = soft_puf_default},
        .seed_base = options->seed_base,
        .count = options->count,
        .span_s = (int64_t)options->years * 365 * DAY_S,
        .contact_every_s = options->contact_every_s == 0 ? 5 * DAY_S : (int64_t)options->contact_every_s,
        .clock_file = options->clock};
    plan.world.model.noise = options->noise;
    if (!sim_years_new(&plan, &years)) {
        (void)fprintf(stderr, "whorl-device: the chips cannot be grown (memory)\n");
        return EXIT_FAILED;
    }
    if (!sim_years_run(years)) {
        (void)fprintf(stderr, "whorl-device: %s\n", sim_years_borrow_result(years)->first_problem);
        return EXIT_FAILED;
    }
    bool is_reported = options->report == NULL || write_report(years, options);
    int exit_code = print_years(sim_years_borrow_result(years), options);
    return is_reported ? exit_code : EXIT_FAILED;
}
