/* Slots in arrays. */
#include "device/sim/memory_flash.h"

#include <string.h>

#include "device/core/text.h"

enum { STEP_BYTES = 1024, ERASED = 0xff };

/* The number of a part; SIM_FLASH_PARTS when there is none. */
static size_t find(const struct sim_flash *flash, struct whorl_bytes part)
{
    size_t i = 0;
    while (i < SIM_FLASH_PARTS && (flash->part[i] == NULL || !whorl_is(part, flash->part[i]))) {
        i++;
    }
    return i;
}

static uint8_t *slot_of(const struct sim_flash *flash, size_t part, enum whorl_slot slot)
{
    unsigned number = flash->active[part] ^ (slot == WHORL_SLOT_SPARE ? 1U : 0U);
    return flash->memory + (2 * part + number) * flash->slot_bytes;
}

static bool has_power(struct sim_flash *flash)
{
    int *left = &flash->power->changes_left;
    if (*left != SIM_NEVER && *left > 0) {
        *left -= 1;
        return true;
    }
    return *left == SIM_NEVER;
}

static uint64_t flash_room(void *context, struct whorl_bytes part)
{
    const struct sim_flash *flash = context;
    return find(flash, part) == SIM_FLASH_PARTS ? 0 : flash->slot_bytes;
}

static bool flash_erase(void *context, struct whorl_bytes part, uint64_t from)
{
    struct sim_flash *flash = context;
    size_t i = find(flash, part);
    if (i == SIM_FLASH_PARTS || from > flash->slot_bytes || from % STEP_BYTES != 0) {
        return false;
    }
    uint8_t *slot = slot_of(flash, i, WHORL_SLOT_SPARE);
    size_t size = flash->slot_bytes - (size_t)from;
    bool is_done = has_power(flash);
    memset(slot + from, ERASED, is_done ? size : size / 2);
    return is_done;
}

static bool flash_write(void *context, struct whorl_bytes part, uint64_t at, struct whorl_bytes data)
{
    struct sim_flash *flash = context;
    size_t i = find(flash, part);
    if (i == SIM_FLASH_PARTS || at > flash->slot_bytes || data.size > flash->slot_bytes - (size_t)at) {
        return false;
    }
    uint8_t *to = slot_of(flash, i, WHORL_SLOT_SPARE) + at;
    for (size_t k = 0; k < data.size; k++) {
        if (to[k] != ERASED) {
            return false;
        }
    }
    bool is_done = has_power(flash);
    memcpy(to, data.data, is_done ? data.size : data.size / 2); /* the power fails in the middle of it */
    return is_done;
}

static bool flash_sync(void *context, struct whorl_bytes part)
{
    struct sim_flash *flash = context;
    return find(flash, part) != SIM_FLASH_PARTS && has_power(flash);
}

static bool flash_read(void *context, struct whorl_bytes part, enum whorl_slot slot, uint64_t at,
                       struct whorl_space into)
{
    struct sim_flash *flash = context;
    size_t i = find(flash, part);
    if (i == SIM_FLASH_PARTS || at > flash->slot_bytes || into.size > flash->slot_bytes - (size_t)at) {
        return false;
    }
    memcpy(into.data, slot_of(flash, i, slot) + at, into.size);
    return true;
}

static bool flash_arm(void *context, const struct whorl_bytes *parts, size_t count)
{
    struct sim_flash *flash = context;
    if (!has_power(flash)) {
        return false;
    }
    for (size_t k = 0; k < count; k++) {
        size_t i = find(flash, parts[k]);
        if (i == SIM_FLASH_PARTS) {
            return false;
        }
        flash->is_armed[i] = true;
    }
    return true;
}

static enum whorl_boot flash_boot(void *context)
{
    const struct sim_flash *flash = context;
    enum whorl_boot boot = WHORL_BOOT_SETTLED;
    for (size_t i = 0; i < SIM_FLASH_PARTS; i++) {
        boot = flash->is_tried[i] ? WHORL_BOOT_TRIAL : boot;
    }
    for (size_t i = 0; i < SIM_FLASH_PARTS; i++) {
        boot = flash->is_armed[i] ? WHORL_BOOT_PENDING : boot;
    }
    return boot;
}

static bool flash_confirm(void *context)
{
    struct sim_flash *flash = context;
    if (!has_power(flash)) {
        return false;
    }
    memset(flash->is_tried, 0, sizeof flash->is_tried);
    return true;
}

void sim_flash_init(struct sim_flash *flash, struct sim_storage *power, uint8_t *memory, size_t slot_bytes)
{
    memset(flash, 0, sizeof *flash);
    flash->power = power;
    flash->memory = memory;
    flash->slot_bytes = slot_bytes;
    flash->part[0] = "";
    flash->port = (struct whorl_flash){.context = flash,
                                       .step_bytes = STEP_BYTES,
                                       .room = flash_room,
                                       .erase = flash_erase,
                                       .write = flash_write,
                                       .sync = flash_sync,
                                       .read = flash_read,
                                       .arm = flash_arm,
                                       .boot = flash_boot,
                                       .confirm = flash_confirm};
}

static void change(struct sim_flash *flash, bool *which)
{
    for (size_t i = 0; i < SIM_FLASH_PARTS; i++) {
        flash->active[i] ^= which[i] ? 1U : 0U;
    }
}

void sim_flash_restart(struct sim_flash *flash, bool boots)
{
    change(flash, flash->is_tried); /* it was not confirmed */
    memset(flash->is_tried, 0, sizeof flash->is_tried);
    if (boots) {
        change(flash, flash->is_armed);
        memcpy(flash->is_tried, flash->is_armed, sizeof flash->is_tried);
    }
    memset(flash->is_armed, 0, sizeof flash->is_armed);
}

const uint8_t *sim_flash_borrow_active(const struct sim_flash *flash, size_t part)
{
    return slot_of(flash, part, WHORL_SLOT_ACTIVE);
}
