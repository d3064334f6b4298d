/* Looks at firmware, cut short here and there. */
#include "device/sim/life_update.h"

#include <stdlib.h>
#include <string.h>

enum { TRIES_MAX = 16, CHANGES_OF_A_LOOK = 48 };

static const char dud[] = "does not boot";

static double draw(struct sim_random *luck)
{
    return (double)(sim_random_next(luck) >> 11) / 9007199254740992.0;
}

enum whorl_result sim_life_add_flash(struct sim_life *life, const struct sim_firmware *firmware)
{
    life->flash_memory = calloc(2, firmware->slot_bytes);
    if (life->flash_memory == NULL) {
        return WHORL_ERROR_SPACE;
    }
    sim_flash_init(&life->flash, &life->storage, life->flash_memory, firmware->slot_bytes);
    life->is_failing = draw(&life->luck) < firmware->failing;
    life->ports.flash = &life->flash.port;
    life->settings.firmware_class = &firmware->own;
    life->settings.firmware_keys = &firmware->keys;
    return sim_life_restart(life);
}

/* What the boot loader finds where it is to go. */
static bool comes_up(struct sim_life *life)
{
    uint8_t start[sizeof dud - 1];
    static const struct whorl_bytes main_part = {NULL, 0};
    struct whorl_space into = {start, sizeof start};
    const struct whorl_flash *flash = &life->flash.port;
    bool is_dud = flash->read(flash->context, main_part, WHORL_SLOT_SPARE, 0, into) &&
                  memcmp(start, dud, sizeof start) == 0;
    return !is_dud || !life->is_failing;
}

static bool restart(struct sim_life *life)
{
    sim_flash_restart(&life->flash, comes_up(life));
    return sim_life_restart(life) == WHORL_OK;
}

static void count(struct sim_update_tally *tally, const struct whorl_update_news *news)
{
    tally->installed += news->step == WHORL_UPDATE_SUCCEEDED ? 1 : 0;
    tally->failed += news->step == WHORL_UPDATE_FAILED ? 1 : 0;
    tally->refused += news->verdict != WHORL_VERDICT_GOOD ? 1 : 0;
    tally->cancelled += news->is_cancelled ? 1 : 0;
    tally->bytes += news->step == WHORL_UPDATE_INSTALLED && news->is_restart_wanted ? news->whole : 0;
}

void sim_life_update(struct sim_life *life, const struct sim_firmware *firmware,
                     struct sim_update_tally *tally)
{
    tally->looks++;
    if (draw(&life->luck) < firmware->cuts) {
        sim_life_cut_power(life, (int)(sim_random_next(&life->luck) % CHANGES_OF_A_LOOK));
    }
    for (size_t i = 0; i < TRIES_MAX; i++) {
        struct whorl_update_news news;
        enum whorl_result result = whorl_device_update(&life->device, &news);
        bool is_cut = life->storage.changes_left == 0 && result != WHORL_OK;
        tally->power_cuts += is_cut ? 1 : 0;
        if (result == WHORL_OK) {
            count(tally, &news);
        } else if (!is_cut) {
            tally->unreachable++;
            break; /* the server, or the line: at the next look */
        }
        bool is_on = !(is_cut || news.is_restart_wanted) || restart(life);
        bool is_again = is_cut || news.is_restart_wanted || news.wait_s == 1;
        if (!is_on || !is_again) {
            break;
        }
    }
    life->storage.changes_left = SIM_NEVER;
}
