/* When devices were in contact. What a contact means is decided in fleet/device_contacts.c. */
#ifndef WHORL_DB_DEVICE_CONTACT_ROWS_H
#define WHORL_DB_DEVICE_CONTACT_ROWS_H

#include "db/db.h"
#include "db/rows.h"

struct device_contact_row {
    struct device_id device;
    struct uuid tenant;
    int64_t seen_at;
    int64_t told_at;      /* since when it knows that it is due; 0: it is not, or was not told */
    int64_t contact_days; /* days of contact after that on which it did not do it */
    int64_t day_at;       /* when the last of them began; 0 without told_at */
};

/** @errors ERR_NOT_FOUND it was never seen @thread of tx, like all functions here */
err_t device_contact_rows_find(struct db_tx *tx, struct uuid tenant, const struct device_id *device,
                               struct device_contact_row *out);
/** Stores the row, whether one is there or not. */
err_t device_contact_rows_put(struct db_tx *tx, const struct device_contact_row *row);

#endif
