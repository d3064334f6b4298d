/* A fleet that stays: after it was onboarded (fleet.h), each device makes contact again and again, in real
 * time, and does what the server asks for (device/core/run.h). Prints nothing. */
#ifndef WHORL_DEVICE_SIM_STAY_H
#define WHORL_DEVICE_SIM_STAY_H

#include "device/sim/fleet.h"
#include "device/sim/life_update.h"
#include "device/sim/stay_trust.h"

struct stay_result {
    size_t contacts, renewed, rekeyed, recovered, refused;
    size_t failed; /* other than by a no of the server */
    struct {
        size_t changed, refused; /* sets of trust anchors that were taken, and that were not */
    } anchors;
    struct sim_update_tally updates;
    struct stay_holdings holdings;
    char first_problem[352];
};

struct stay_plan {
    struct sim_world world;
    const struct sim_fleet *fleet; /* borrowed; its plan kept the credentials */
    uint64_t seed_base;
    size_t count;
    size_t connections; /* at a time */
    uint32_t every_s;   /* between two contacts of a device; the fleet is spread over this time */
    uint32_t span_s;
    const struct sim_firmware *firmware; /* borrowed; NULL: the fleet has no flash */
    /* told how things stand, about once in half a second; NULL: nobody wants to know */
    void (*tell)(void *context, const struct stay_result *so_far);
    void *context;
};

/** Stays for the time of the plan. False when it could not even start. */
bool sim_stay_run(const struct stay_plan *plan, struct stay_result *out);

#endif
