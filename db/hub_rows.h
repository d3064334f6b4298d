/* Rows of hubs: where devices go after enrolment, and what they trust there. */
#ifndef WHORL_DB_HUB_ROWS_H
#define WHORL_DB_HUB_ROWS_H

#include "db/db.h"
#include "db/rows.h"

typedef err_t (*hub_row_fn)(const struct hub_row *row, void *arg);

/** @errors ERR_CONFLICT the tenant has a hub of this name @thread of tx, like all functions here */
err_t hub_rows_insert(struct db_tx *tx, const struct hub_row *row);
/** Everything but id, tenant and created_at. @errors ERR_CONFLICT as above */
err_t hub_rows_update(struct db_tx *tx, const struct hub_row *row);
/** @errors ERR_NOT_FOUND also for another tenant's */
err_t hub_rows_find(struct db_tx *tx, struct uuid tenant, struct bytes name, struct hub_row *out);
err_t hub_rows_find_by_id(struct db_tx *tx, struct uuid tenant, struct uuid id, struct hub_row *out);
/** In order of id. */
err_t hub_rows_list(struct db_tx *tx, struct uuid tenant, const struct row_window *window, hub_row_fn fn,
                    void *arg);

#endif
