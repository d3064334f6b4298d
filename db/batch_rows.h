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

/** @errors ERR_NOT_FOUND */
err_t batch_rows_find_by_name(struct db_tx *tx, struct uuid tenant, const char *name, struct batch_row *out);

typedef err_t (*batch_row_fn)(const struct batch_row *row, const char *product, void *arg);
/** In order of id, which is that of their registration, with the product's name. @param window after: an id
 * or nothing; costs the same wherever it starts */
err_t batch_rows_list(struct db_tx *tx, struct uuid tenant, const struct row_window *window, batch_row_fn fn,
                      void *arg);
/** Stores the name if the version is still row->ver, then raises it. @errors ERR_CONFLICT the name is taken,
 *  ERR_BUSY */
err_t batch_rows_rename(struct db_tx *tx, struct batch_row *row);

#endif
