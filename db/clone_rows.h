/* Sightings of certificates that had lost their rights when they were used. What they prove is fleet's
 * (clones.c). */
#ifndef WHORL_DB_CLONE_ROWS_H
#define WHORL_DB_CLONE_ROWS_H

#include "db/db.h"
#include "db/rows.h"

struct clone_sighting_row {
    struct device_id device;
    struct uuid tenant;
    uint8_t old_serial[CERTIFICATE_SERIAL_SIZE];
    uint8_t current_serial[CERTIFICATE_SERIAL_SIZE]; /* in use at that time */
    char current_authority[AUTHORITY_ID_SIZE];
    int64_t seen_at;
};

/** @errors ERR_NOT_FOUND @thread of tx, like all functions here */
err_t clone_rows_find(struct db_tx *tx, struct uuid tenant, const struct device_id *device,
                      struct clone_sighting_row *out);
/** Stores the sighting; one that is there makes room. */
err_t clone_rows_put(struct db_tx *tx, const struct clone_sighting_row *row);
/** Nothing there is no error. */
err_t clone_rows_delete(struct db_tx *tx, struct uuid tenant, const struct device_id *device);

#endif
