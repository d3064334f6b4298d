/* Rows of what a product says of how its devices fetch firmware. */
#ifndef WHORL_DB_FIRMWARE_POLICY_ROWS_H
#define WHORL_DB_FIRMWARE_POLICY_ROWS_H

#include "db/db.h"
#include "db/rows.h"

/* Of a rollout that meets a device which is late with its key. Stored: never renumbered. */
enum firmware_overdue {
    FIRMWARE_OVERDUE_ALLOW, /* as if it were not */
    FIRMWARE_OVERDUE_WARN,  /* offered, and told where people look */
    FIRMWARE_OVERDUE_EXCLUDE
};

struct firmware_policy_row {
    struct uuid product, tenant;
    int64_t poll_s; /* how long a device sleeps between two polls */
    bool signed_urls, target_tokens, first_use_alias;
    enum firmware_overdue overdue;
    int64_t updated_at, ver; /* ver 0: nobody has changed it yet */
};

/** @errors ERR_NOT_FOUND nobody has changed it yet @thread of tx, like all functions here */
err_t firmware_policy_rows_find(struct db_tx *tx, struct uuid product, struct firmware_policy_row *out);
/** Inserts or replaces, and raises rollout_version; the caller compared the version in the same transaction.
 */
err_t firmware_policy_rows_store(struct db_tx *tx, const struct firmware_policy_row *row);

#endif
