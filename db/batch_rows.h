/* Rows of batches: production lots, each handed over in one piece. */
#ifndef WHORL_DB_BATCH_ROWS_H
#define WHORL_DB_BATCH_ROWS_H

#include "db/db.h"
#include "db/rows.h"

/** @errors ERR_CONFLICT the tenant has a batch of this name @thread of tx, like all functions here */
err_t batch_rows_insert(struct db_tx *tx, const struct batch_row *row);
/** More devices came into the batch: raises its count and its version, in `row` too. */
err_t batch_rows_add_devices(struct db_tx *tx, struct batch_row *row, int64_t more);
/** @errors ERR_NOT_FOUND also for another tenant's */
err_t batch_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id, struct batch_row *out);

#endif
