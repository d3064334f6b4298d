/* `whorl-device fleet --stay`: makes the plan, lets the fleet stay, and prints what it did, whom it trusts
 * and whose certificates it holds; while it stays also into the file of --report. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/whorl-device/commands.h"
#include "device/sim/stay.h"

enum { STAY_EVERY_S = 60, PATH_SIZE = 512 };

/* Whether the fleet has flash; what it is for. */
static bool begin_firmware(const struct options *options, struct sim_firmware *out, bool *has_firmware)
{
    struct host_firmware_id id;
    *has_firmware = options->product != NULL;
    if (!*has_firmware) {
        return true;
    }
    if (!command_firmware_id(options, &id)) {
        return false;
    }
    *out = (struct sim_firmware){.own = id.own,
                                 .keys = id.keys,
                                 .slot_bytes = SIM_SLOT_BYTES,
                                 .failing = options->failing,
                                 .cuts = options->power_cuts};
    return true;
}

static void print_updates(const struct sim_update_tally *updates)
{
    (void)printf(
        "firmware: looks %zu, installed %zu, failed %zu, refused %zu, cancelled %zu, power cuts %zu, not "
        "reached %zu\n",
        updates->looks, updates->installed, updates->failed, updates->refused, updates->cancelled,
        updates->power_cuts, updates->unreachable);
}

static void print_counts(const char *what, const struct stay_count *counts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)printf("%s %s: %zu\n", what, counts[i].name, counts[i].devices);
    }
}

static void print_stay(const struct stay_result *result)
{
    (void)printf("contacts %zu, renewed %zu, rekeyed %zu, recovered %zu, refused %zu, failed %zu\n",
                 result->contacts, result->renewed, result->rekeyed, result->recovered, result->refused,
                 result->failed);
    (void)printf("trust anchors: changed %zu, not taken %zu\n", result->anchors.changed,
                 result->anchors.refused);
    print_counts("devices that trust root", result->holdings.roots, result->holdings.root_count);
    print_counts("certificates by", result->holdings.issuers, result->holdings.issuer_count);
}

/* A common name may hold anything. */
static bool write_word(FILE *file, const char *word)
{
    bool is_written = fputc('"', file) != EOF;
    for (; *word != '\0'; word++) {
        bool is_plain = (unsigned char)*word >= 0x20 && *word != '"' && *word != '\\';
        is_written = is_written && (is_plain ? fputc(*word, file) != EOF
                                             : fprintf(file, "\\u%04x", (unsigned)(unsigned char)*word) > 0);
    }
    return is_written && fputc('"', file) != EOF;
}

static bool write_counts(FILE *file, const char *what, const struct stay_count *counts, size_t count)
{
    bool is_written = fprintf(file, ",\"%s\":{", what) > 0;
    for (size_t i = 0; i < count; i++) {
        is_written = is_written && (i == 0 || fputc(',', file) != EOF) && write_word(file, counts[i].name) &&
                     fprintf(file, ":%zu", counts[i].devices) > 0;
    }
    return fputc('}', file) != EOF && is_written;
}

static bool write_result(FILE *file, const struct stay_result *result)
{
    bool is_written =
        fprintf(file,
                "{\"contacts\":%zu,\"renewed\":%zu,\"rekeyed\":%zu,\"recovered\":%zu,\"refused\":%zu,"
                "\"failed\":%zu,\"anchors_changed\":%zu,\"anchors_refused\":%zu,\"without_certificate\":%zu",
                result->contacts, result->renewed, result->rekeyed, result->recovered, result->refused,
                result->failed, result->anchors.changed, result->anchors.refused, result->holdings.bare) > 0;
    is_written =
        write_counts(file, "roots", result->holdings.roots, result->holdings.root_count) && is_written;
    is_written =
        write_counts(file, "issuers", result->holdings.issuers, result->holdings.issuer_count) && is_written;
    return fputs("}\n", file) >= 0 && is_written;
}

/* Whoever reads the file finds it whole. */
static void report(void *context, const struct stay_result *so_far)
{
    const char *path = context;
    char next[PATH_SIZE];
    int size = snprintf(next, sizeof next, "%s.new", path);
    FILE *file = size < 0 || (size_t)size >= sizeof next ? NULL : fopen(next, "we");
    bool is_written = file != NULL && write_result(file, so_far);
    is_written = file != NULL && fclose(file) == 0 && is_written && rename(next, path) == 0;
    if (!is_written) {
        (void)fprintf(stderr, "whorl-device: %s: %s\n", path, strerror(errno));
    }
}

/* A no of the server is an answer like another: devices are revoked while they stay. */
int command_stay(const struct sim_fleet *fleet, const struct fleet_plan *onboarded,
                 const struct options *options)
{
    struct stay_result result;
    struct sim_firmware firmware;
    bool has_firmware = false;
    if (!begin_firmware(options, &firmware, &has_firmware)) {
        return EXIT_USAGE;
    }
    const struct stay_plan plan = {
        .world = {.server = onboarded->server, .trust = onboarded->trust, .model = onboarded->model},
        .fleet = fleet,
        .seed_base = onboarded->seed_base,
        .count = onboarded->count,
        .connections = onboarded->connections,
        .every_s = options->contact_every_s == 0 ? STAY_EVERY_S : (uint32_t)options->contact_every_s,
        .span_s = (uint32_t)options->stay_s,
        .firmware = has_firmware ? &firmware : NULL,
        .tell = options->report == NULL ? NULL : report,
        .context = (void *)(uintptr_t)options->report};
    (void)printf("staying %u s, a contact every %u s\n", (unsigned)plan.span_s, (unsigned)plan.every_s);
    (void)fflush(stdout);
    if (!sim_stay_run(&plan, &result)) {
        (void)fprintf(stderr, "whorl-device: the fleet cannot be started\n");
        return EXIT_FAILED;
    }
    print_stay(&result);
    if (has_firmware) {
        print_updates(&result.updates);
    }
    if (result.first_problem[0] != '\0') {
        (void)fprintf(stderr, "whorl-device: the first one that was refused or failed: %s\n",
                      result.first_problem);
    }
    return result.failed == 0 ? EXIT_OK : EXIT_FAILED;
}
