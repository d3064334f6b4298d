/* A fleet after a power cut: every device comes back in the same moment, makes contact as any device does
 * (device/core/run.h), and when it is turned away waits as the device itself decides. Prints nothing. */
#ifndef WHORL_DEVICE_SIM_POWER_BACK_H
#define WHORL_DEVICE_SIM_POWER_BACK_H

#include "device/sim/fleet.h"
#include "device/sim/life.h"

enum { POWER_BACK_SECONDS_MAX = 3600 };

struct power_back_plan {
    struct sim_world world;
    const struct sim_fleet *fleet; /* borrowed; its plan kept the credentials */
    uint64_t seed_base;
    size_t count;
    const char *go;     /* the power is back when this file is there */
    uint32_t second_ms; /* how long a second lasts that a device waits: 1000, or less for the impatient */
    uint32_t span_s;    /* who was not served then is lost; at most POWER_BACK_SECONDS_MAX */
    /* told when all devices stand ready; NULL: nobody wants to know */
    void (*ready)(size_t devices);
};

struct power_back_result {
    size_t devices, served, lost;
    size_t attempts;
    size_t refused;                               /* of those: answered with a no */
    size_t unreached;                             /* no connection, or none that lasted until the answer */
    size_t most_attempts;                         /* of one device */
    uint32_t median_ms, last_ms;                  /* until a device was served */
    uint32_t served_in[POWER_BACK_SECONDS_MAX];   /* each second */
    uint32_t asking_in[POWER_BACK_SECONDS_MAX];   /* attempts that went on in it, whatever came of them */
    uint32_t attempts_in[POWER_BACK_SECONDS_MAX]; /* begun */
    char first_problem[352];
};

/** Waits for the file, then for the last device. False when it could not even start. @param out zeroed first
 */
bool sim_power_back_run(const struct power_back_plan *plan, struct power_back_result *out);

#endif
