/* `whorl-device firmware`: one look at what the server offers, carried through as far as it goes: fetched,
 * installed, restarted, reported. The slots are files of the device's folder, and so is the boot loader's
 * memory. Each step is decided by the device core (device/core/update.c); here it is shown. */
#include <inttypes.h>
#include <stdio.h>

#include "cmd/whorl-device/commands.h"
#include "cmd/whorl-device/unit.h"

enum { VISITS_MAX = 8 };

static const char *fault_words(enum whorl_update_fault fault)
{
    switch (fault) {
    case WHORL_FAULT_NONE:
        break;
    case WHORL_FAULT_DIGEST:
        return "the image is not the one that was signed";
    case WHORL_FAULT_SIZE:
        return "the image has another size than was signed";
    case WHORL_FAULT_FLASH:
        return "the slot cannot be written";
    case WHORL_FAULT_BOOT:
        return "it did not come up, the former one runs again";
    }
    return "failed";
}

static void print_end(const struct whorl_update_news *news)
{
    if (news->verdict != WHORL_VERDICT_GOOD) {
        (void)printf("firmware: action %" PRIu32 " refused: %s\n", news->action,
                     whorl_verdict_words(news->verdict));
    } else if (news->is_cancelled) {
        (void)printf("firmware: action %" PRIu32 " cancelled\n", news->action);
    } else if (news->step == WHORL_UPDATE_SUCCEEDED) {
        (void)printf("firmware: action %" PRIu32 " succeeded\n", news->action);
    } else if (news->step == WHORL_UPDATE_FAILED) {
        (void)printf("firmware: action %" PRIu32 " failed: %s\n", news->action, fault_words(news->fault));
    } else if (news->is_restart_wanted) {
        (void)printf("firmware: action %" PRIu32 " installed, restarting\n", news->action);
    } else if (news->is_window_awaited) {
        (void)printf("firmware: action %" PRIu32 " fetched, waits for its window\n", news->action);
    } else if (news->step == WHORL_UPDATE_LOADING) {
        (void)printf("firmware: action %" PRIu32 " fetched %" PRIu64 " of %" PRIu64 " bytes\n", news->action,
                     news->loaded, news->whole);
    } else {
        (void)printf("firmware: nothing to do\n");
    }
}

static void print_news(const struct whorl_update_news *news)
{
    if (news->are_keys_moved) {
        (void)printf("firmware: another pair of manifest keys is in force\n");
    } else if (news->statement != WHORL_VERDICT_GOOD) {
        (void)printf("firmware: the statement of manifest keys is refused: %s\n",
                     whorl_verdict_words(news->statement));
    }
    print_end(news);
    (void)fflush(stdout);
}

/* What ran before is gone from memory, and the boot loader chooses. */
static bool restart(struct unit *unit, const struct options *options)
{
    uint64_t die_in = unit->die_in;
    unit_close(unit);
    if (!unit_open(unit, options)) {
        return false;
    }
    unit->die_in = die_in;
    return unit_begin_firmware(unit, options);
}

enum whorl_result command_firmware_visit(struct unit *unit, const struct options *options,
                                         struct whorl_update_news *news)
{
    enum whorl_result result = WHORL_OK;
    for (size_t i = 0; i < VISITS_MAX; i++) {
        result = whorl_device_update(&unit->device, news);
        if (result != WHORL_OK) {
            unit_report(unit, "firmware", result);
            return result;
        }
        print_news(news);
        bool is_again = news->wait_s == 1; /* the rest needs a new connection */
        if (!news->is_restart_wanted && !is_again) {
            break;
        }
        if (news->is_restart_wanted && !restart(unit, options)) {
            return WHORL_ERROR_STORAGE;
        }
    }
    return result;
}

bool command_firmware_id(const struct options *options, struct host_firmware_id *out)
{
    const struct host_firmware_names names = {.tenant = options->tenant,
                                              .product = options->product,
                                              .model = options->model,
                                              .signing_key = options->signing_key,
                                              .recovery_key = options->recovery_key};
    const char *problem = "";
    bool is_made = host_firmware_id_make(&names, out, &problem);
    if (!is_made) {
        (void)fprintf(stderr, "whorl-device: %s\n", problem);
    }
    return is_made;
}

/* The firmware's constants, where they are given. */
static bool set_up(const struct options *options)
{
    struct host_firmware_id id;
    if (!command_firmware_id(options, &id)) {
        return false;
    }
    if (!host_firmware_id_save(options->dir, &id)) {
        (void)fprintf(stderr, "whorl-device: %s cannot be written\n", options->dir);
        return false;
    }
    return true;
}

static void print_installed(struct unit *unit)
{
    struct whorl_installed installed;
    if (whorl_installed_load(unit->ports.storage, &installed) != WHORL_OK) {
        (void)printf("installed: the record is damaged\n");
    } else if (installed.sequence == 0) {
        (void)printf("installed: none by a manifest yet\n");
    } else {
        (void)printf("installed: %.*s, sequence %" PRIu64 "\n", (int)installed.version_size,
                     (const char *)installed.version, installed.sequence);
    }
}

int command_firmware(const struct options *options)
{
    struct unit unit;
    struct whorl_update_news news;
    if (!command_needs_dir(options)) {
        return EXIT_USAGE;
    }
    bool is_set_up = options->tenant != NULL || options->product != NULL || options->signing_key != NULL;
    if (is_set_up && !set_up(options)) {
        return EXIT_USAGE;
    }
    if (is_set_up && options->server == NULL) {
        return EXIT_OK;
    }
    if (!command_needs_server(options)) {
        return EXIT_USAGE;
    }
    if (!unit_open(&unit, options)) {
        return EXIT_FAILED;
    }
    if (!unit_begin_firmware(&unit, options)) {
        unit_close(&unit);
        return EXIT_FAILED;
    }
    unit.die_in = options->kill_at;
    if (unit.ports.flash == NULL) {
        (void)fprintf(stderr, "whorl-device: firmware needs --tenant, --product, --signing-key and "
                              "--recovery-key once\n");
        unit_close(&unit);
        return EXIT_USAGE;
    }
    enum whorl_result result = command_firmware_visit(&unit, options, &news);
    bool is_well = result == WHORL_OK && news.verdict == WHORL_VERDICT_GOOD &&
                   news.step != WHORL_UPDATE_FAILED && news.statement == WHORL_VERDICT_GOOD;
    if (result == WHORL_OK) {
        print_installed(&unit);
    }
    unit_close(&unit);
    return is_well ? EXIT_OK : EXIT_FAILED;
}
