/* How far a fleet has healed from a compromised authority: how many devices still hold a certificate of it,
 * as a job counts them; and what that means for one device. */
#ifndef WHORL_FLEET_AUTHORITY_REMAINS_H
#define WHORL_FLEET_AUTHORITY_REMAINS_H

#include "db/device_rows.h"
#include "fleet/fleet.h"

struct authority_remains; /* the last count, and the one under way: of this process, made again after a start
                           */
err_t authority_remains_new(struct authority_remains **out);
void authority_remains_free(struct authority_remains *remains);

/** For the job: counts on, a bounded number of certificates at a time, and shows a count when it is whole.
 *  @thread background */
err_t authority_remains_run(struct fleet *fleet, int64_t now_ms);

struct authority_remainder {
    bool is_counted; /* else nobody has counted since it was compromised */
    int64_t devices; /* whose confirmed certificate is of it and has not ended */
    int64_t counted_at;
};
/** @param tenant whose devices; NULL: all @thread any */
void authority_remains_find(const struct fleet *fleet, const char *id, const struct uuid *tenant,
                            struct authority_remainder *out);

/* A device under a compromised authority. */
struct device_loss {
    bool is_lost;
    char authority[AUTHORITY_ID_SIZE];
    int64_t compromised_at;
    int64_t rekey_at; /* when it is told to rekey (fleet/renewal.h) */
    int64_t seen_at;  /* its last contact; 0: never */
};
/** Of the newest confirmed certificate of the device. @thread worker */
err_t device_loss_find(struct fleet *fleet, const struct device_row *device, struct device_loss *out);

#endif
