/* Rows of tenants, the owners of everything else. */
#ifndef WHORL_DB_TENANT_ROWS_H
#define WHORL_DB_TENANT_ROWS_H

#include "db/db.h"
#include "db/rows.h"

typedef err_t (*tenant_row_fn)(const struct tenant_row *row, void *arg);

/** @errors ERR_CONFLICT the name is taken @thread of tx, like all functions here */
err_t tenant_rows_insert(struct db_tx *tx, const struct tenant_row *row);
/** Display name and version. */
err_t tenant_rows_update(struct db_tx *tx, const struct tenant_row *row);
/** @errors ERR_NOT_FOUND */
err_t tenant_rows_find(struct db_tx *tx, struct bytes name, struct tenant_row *out);
err_t tenant_rows_find_by_id(struct db_tx *tx, struct uuid id, struct tenant_row *out);
/** In order of id. */
err_t tenant_rows_list(struct db_tx *tx, const struct row_window *window, tenant_row_fn fn, void *arg);
/** All of them, in order of name. */
err_t tenant_rows_each(struct db_tx *tx, tenant_row_fn fn, void *arg);

#endif
