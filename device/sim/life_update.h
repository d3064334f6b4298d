/* Firmware in a simulated life: flash in memory, a boot loader, and power that fails on the way. */
#ifndef WHORL_DEVICE_SIM_LIFE_UPDATE_H
#define WHORL_DEVICE_SIM_LIFE_UPDATE_H

#include "device/core/update.h"
#include "device/sim/life.h"

enum { SIM_SLOT_BYTES = 65536 };

/* What the firmware of a fleet is for, and what happens to it. */
struct sim_firmware {
    struct whorl_firmware_class own;
    struct whorl_firmware_keys keys;
    size_t slot_bytes;
    double failing; /* share of devices on which an image that starts with "does not boot" does not */
    double cuts;    /* share of looks in which the power fails */
};

struct sim_update_tally {
    size_t looks, installed, failed, refused, cancelled, power_cuts, unreachable;
    uint64_t bytes; /* of images that were installed */
};

/** Gives the device flash, empty. It starts anew. @param firmware borrowed for the life */
enum whorl_result sim_life_add_flash(struct sim_life *life, const struct sim_firmware *firmware);

/** One look at what the server offers, with every restart and power cut that belongs to it.
 *  @param[in,out] tally grows */
void sim_life_update(struct sim_life *life, const struct sim_firmware *firmware,
                     struct sim_update_tally *tally);

#endif
