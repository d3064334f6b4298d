/* What is asked and allowed about recoveries by the identity key: one row for a device of which either is to
 * be said. Knows no policy (fleet/recovery.c). */
#ifndef WHORL_DB_RECOVERY_ROWS_H
#define WHORL_DB_RECOVERY_ROWS_H

#include "db/db.h"
#include "db/rows.h"

struct recovery_row {
    struct device_id device;
    struct uuid tenant;
    int64_t requested_at;  /* refused for the policy's sake, and nobody has answered; or 0 */
    int64_t allowed_until; /* an operator allows one; or 0 */
};

/** @errors ERR_NOT_FOUND @thread of tx, like all functions here */
err_t recovery_rows_find(struct db_tx *tx, struct uuid tenant, const struct device_id *device,
                         struct recovery_row *out);
/** Stores the row, new or again. */
err_t recovery_rows_put(struct db_tx *tx, const struct recovery_row *row);
/** Nothing is to be said any more; nothing there is no error. */
err_t recovery_rows_delete(struct db_tx *tx, struct uuid tenant, const struct device_id *device);

#endif
