/* The flash port in memory, with a boot loader: two slots for each part, written like NOR flash (only what
 * was erased takes bytes), changed at a restart, and changed back when the new firmware is not confirmed.
 * Shares its power with a storage (memory_storage.h). */
#ifndef WHORL_DEVICE_SIM_MEMORY_FLASH_H
#define WHORL_DEVICE_SIM_MEMORY_FLASH_H

#include "device/sim/memory_storage.h"

enum { SIM_FLASH_PARTS = 2 };

struct sim_flash {
    struct whorl_flash port;
    struct sim_storage *power;
    uint8_t *memory; /* lent: of each part two slots, one behind the other */
    size_t slot_bytes;
    const char *part[SIM_FLASH_PARTS]; /* NULL: there is none */
    bool is_armed[SIM_FLASH_PARTS];    /* changes at the next restart */
    bool is_tried[SIM_FLASH_PARTS];    /* changed, and not confirmed */
    unsigned active[SIM_FLASH_PARTS];  /* slot 0 or 1 */
};

/** One part without a name; empty. @param memory 2 * SIM_FLASH_PARTS * slot_bytes, or half of it for one part
 */
void sim_flash_init(struct sim_flash *flash, struct sim_storage *power, uint8_t *memory, size_t slot_bytes);

/** What the boot loader does at power-on. @param boots whether new firmware would come up: if not, it is
 * tried and given up at once */
void sim_flash_restart(struct sim_flash *flash, bool boots);

/** The bytes of the active slot of a part. */
const uint8_t *sim_flash_borrow_active(const struct sim_flash *flash, size_t part);

#endif
