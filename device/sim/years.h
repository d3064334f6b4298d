/* A fleet that lives through years in seconds: the next device whose time has come sets the clock to that
 * time and makes its contact. Server and simulator follow one file, which libfaketime reads; so nothing
 * waits, nothing runs ahead of what the machine can do, and the server needs no clock for tests. Prints
 * nothing. */
#ifndef WHORL_DEVICE_SIM_YEARS_H
#define WHORL_DEVICE_SIM_YEARS_H

#include "device/sim/life.h"

struct years_plan {
    struct sim_world world;
    uint64_t seed_base;
    size_t count;
    int64_t span_s;
    int64_t contact_every_s;
    const char *clock_file; /* libfaketime's FAKETIME_TIMESTAMP_FILE */
};

struct years_result {
    size_t devices; /* lives; chips that were refused are skipped */
    size_t refused_chips;
    size_t contacts;
    size_t enrolled, renewed, rekeyed, recovered;
    size_t refused; /* contacts that ended with a no of the server */
    size_t power_cuts, lost_answers, wipes, drawers;
    size_t went_back;     /* a device that held an older key than before: never */
    size_t well;          /* at the end: on a certificate that the server honours, and nothing in waiting */
    uint64_t generations; /* of the keys in use at the end, summed */
    double run_s;         /* real */
    char first_problem[320];
};

struct sim_years;

/** Grows the chips. False when memory is short. @param plan copied @param[out] out caller owns
 * (sim_years_free) */
bool sim_years_new(const struct years_plan *plan, struct sim_years **out);
void sim_years_free(struct sim_years *years);

/** Lives. False when this process, or the server, does not follow the clock file; first_problem says so. */
bool sim_years_run(struct sim_years *years);

/** Borrowed: valid until sim_years_free. */
const struct years_result *sim_years_borrow_result(const struct sim_years *years);

/** Device `index` (0 … count - 1); NULL where the chip was refused. Borrowed. */
const struct sim_life *sim_years_borrow_life(const struct sim_years *years, size_t index);

#endif
