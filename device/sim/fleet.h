/* A fleet of simulated devices against one server, from one process: chips are grown first, then onboarded by
 * a number of threads, one connection each. Every device is real down to its PUF cells. Prints nothing:
 * cmd/whorl-device does. */
#ifndef WHORL_DEVICE_SIM_FLEET_H
#define WHORL_DEVICE_SIM_FLEET_H

#include "device/core/device.h"
#include "device/host/trust.h"
#include "device/sim/soft_puf.h"

struct fleet_plan {
    uint64_t seed_base; /* chips of seeds seed_base … seed_base + count - 1 */
    size_t count;
    size_t connections;
    struct soft_puf_model model;
    struct whorl_endpoint server;
    const struct host_trust *trust; /* borrowed; NULL when the fleet is only grown */
    bool is_keep_alive;             /* connections stay open; devices prove themselves by challenge */
    bool is_renew;                  /* each device confirms and renews what it got */
    bool is_kept;                   /* what each device got is kept in memory, for stay.h */
    const char *save_folder;        /* NULL: certificates are not written */
};

/* One kind of operation: how long each took, sorted when the run is over. */
struct fleet_latency {
    uint32_t *us;
    size_t count;
};

struct fleet_result {
    size_t refused_chips; /* by the bias and noise checks: skipped */
    size_t devices;       /* the others */
    size_t enrolled;
    size_t renewed;
    size_t failed;
    double grow_s;
    double run_s;
    struct fleet_latency enrol;
    struct fleet_latency renew;
    char first_problem[320];
};

struct sim_fleet;

/** Grows all chips, in parallel. @param plan copied @param[out] out caller owns (sim_fleet_free) */
bool sim_fleet_new(const struct fleet_plan *plan, struct sim_fleet **out);
void sim_fleet_free(struct sim_fleet *fleet);

/** Id of chip `index` (0 … count - 1); false when the chip was refused. */
bool sim_fleet_id(const struct sim_fleet *fleet, size_t index, uint8_t out[WHORL_ID_BYTES]);

/** The credential record of chip `index`; empty when it got none, or the plan keeps none. Borrowed. */
struct whorl_bytes sim_fleet_borrow_credential(const struct sim_fleet *fleet, size_t index);

/** Onboards every device; returns when all have tried. False when it could not even start. */
bool sim_fleet_run(struct sim_fleet *fleet);

/** Borrowed: valid until sim_fleet_free. */
const struct fleet_result *sim_fleet_borrow_result(const struct sim_fleet *fleet);

#endif
