/* Rows of products: a device model's policy and its hub. */
#ifndef WHORL_DB_PRODUCT_ROWS_H
#define WHORL_DB_PRODUCT_ROWS_H

#include "db/db.h"
#include "db/rows.h"

typedef err_t (*product_row_fn)(const struct product_row *row, void *arg);

/** @errors ERR_CONFLICT the tenant has a product of this name @thread of tx, like all functions here */
err_t product_rows_insert(struct db_tx *tx, const struct product_row *row);
/** Everything but id and tenant. @errors ERR_CONFLICT as above */
err_t product_rows_update(struct db_tx *tx, const struct product_row *row);
/** @errors ERR_NOT_FOUND */
err_t product_rows_find(struct db_tx *tx, struct uuid tenant, struct bytes name, struct product_row *out);
err_t product_rows_find_by_id(struct db_tx *tx, struct uuid id, struct product_row *out);
/** In order of id. */
err_t product_rows_list(struct db_tx *tx, struct uuid tenant, const struct row_window *window,
                        product_row_fn fn, void *arg);
/** Those that name this certificate profile, in order of id. */
err_t product_rows_of_profile(struct db_tx *tx, struct uuid tenant, struct bytes profile, product_row_fn fn,
                              void *arg);
/** Whether any product of the tenant asks for channel binding. */
err_t product_rows_want_channel_binding(struct db_tx *tx, struct uuid tenant, bool *out);
/** Whether the tenant has a product that admits by enrolment code. */
err_t product_rows_want_code(struct db_tx *tx, struct uuid tenant, bool *out);

#endif
