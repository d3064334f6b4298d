/* What a device keeps of its firmware: what runs, and an update on its way. As the other records (records.h):
 * a version byte first, numbers big-endian, each write replaces the record whole. */
#ifndef WHORL_DEVICE_CORE_FIRMWARE_RECORDS_H
#define WHORL_DEVICE_CORE_FIRMWARE_RECORDS_H

#include "device/core/suit.h"

enum {
    WHORL_INSTALLED_PART_MAX = 1 + WHORL_PART_MAX + 8 + 8 + WHORL_HASH_BYTES,
    WHORL_INSTALLED_MAX = 8 + 1 + WHORL_VERSION_MAX + 1 + WHORL_COMPONENTS_MAX * WHORL_INSTALLED_PART_MAX,
    WHORL_UPDATE_TRIES = 2, /* boots of new firmware before it counts as bad */
    WHORL_UPDATE_HEAD = 1 + 1 + 4 + WHORL_HASH_BYTES + 1 + 1 + 1 + 8 + 1 + WHORL_COMPONENTS_MAX,
    WHORL_UPDATE_MAX = WHORL_UPDATE_HEAD + WHORL_INSTALLED_MAX
};

/* How far an update is. Each step is on the medium before the next one begins. */
enum whorl_update_step {
    WHORL_UPDATE_NONE,
    WHORL_UPDATE_LOADING,   /* the manifest was verified; bytes go into the spare slots */
    WHORL_UPDATE_LOADED,    /* what is in the slots was held against the manifest */
    WHORL_UPDATE_INSTALLED, /* the boot loader was told: the next restart tries it */
    WHORL_UPDATE_SUCCEEDED, /* it runs, and is confirmed; to be reported */
    WHORL_UPDATE_FAILED     /* it does not; to be reported */
};

/* Why an update failed. */
enum whorl_update_fault {
    WHORL_FAULT_NONE,
    WHORL_FAULT_DIGEST, /* the slot does not hold what was signed */
    WHORL_FAULT_SIZE,
    WHORL_FAULT_FLASH,
    WHORL_FAULT_BOOT /* the new firmware did not confirm itself: the former one runs */
};

struct whorl_update {
    enum whorl_update_step step;
    enum whorl_update_fault fault;
    size_t tries;                       /* how often the boot loader was told */
    uint32_t action;                    /* the server's number for it */
    uint8_t manifest[WHORL_HASH_BYTES]; /* SHA-256 of the envelope */
    struct whorl_installed target;      /* what will run afterwards */
    size_t load_count;                  /* parts that are to be fetched … */
    uint8_t load[WHORL_COMPONENTS_MAX]; /* … as places in target.part */
    size_t component;                   /* the next of them */
    uint64_t offset;                    /* and how much of it is on the medium */
};

/** A device that never installed by a manifest has all zeros. WHORL_ERROR_STORAGE: damaged; nothing is to be
 *  installed then, since nobody knows what it would go back behind. */
enum whorl_result whorl_installed_load(const struct whorl_storage *storage, struct whorl_installed *out);
enum whorl_result whorl_installed_save(const struct whorl_storage *storage,
                                       const struct whorl_installed *installed);

/** WHORL_UPDATE_NONE when there is none, or the record is damaged: the server offers it again. */
enum whorl_result whorl_update_load(const struct whorl_storage *storage, struct whorl_update *out);
enum whorl_result whorl_update_save(const struct whorl_storage *storage, const struct whorl_update *update);

#endif
