/* The flash port on a folder: for each part of the firmware two files as slots, and a file that the boot
 * loader keeps. Written as flash is: what a power cut leaves behind the last sync may be anything. */
#ifndef WHORL_DEVICE_HOST_SLOTS_H
#define WHORL_DEVICE_HOST_SLOTS_H

#include "device/core/suit.h"

enum { HOST_PARTS_MAX = WHORL_COMPONENTS_MAX };

struct host_slot_part {
    char name[WHORL_PART_MAX + 1];
    unsigned active; /* 0: NAME.a, 1: NAME.b */
    bool is_armed;   /* changes at the next start */
    bool is_tried;   /* changed, and not confirmed */
};

struct host_slots {
    struct whorl_flash port;
    const char *folder;
    uint64_t slot_bytes;
    uint64_t *die_in; /* as in file_storage.h */
    int fd;           /* of the spare slot that was written last; -1 */
    size_t fd_part;
    struct host_slot_part part[HOST_PARTS_MAX];
    size_t count;
};

/** Reads what the boot loader kept. Any part whose name is a plain file name has slots.
 *  @param slots must not move while its port is in use @param folder borrowed; must exist */
bool host_slots_init(struct host_slots *slots, const char *folder, uint64_t slot_bytes);
void host_slots_clear(struct host_slots *slots);

/** What the boot loader does at power-on: goes back from what was not confirmed, and tries what was armed. An
 *  image that starts with the words "does not boot" is given up at once.
 *  @param[out] has_changed another image runs than before */
bool host_slots_start(struct host_slots *slots, bool *has_changed);

#endif
