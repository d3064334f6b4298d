/* Rows of roles, and which person has which. */
#ifndef WHORL_DB_ROLE_ROWS_H
#define WHORL_DB_ROLE_ROWS_H

#include "db/db.h"
#include "db/people.h"

typedef err_t (*role_row_fn)(const struct role_row *row, void *arg);

/** @errors ERR_CONFLICT the tenant has a role of this name @thread of tx, like all functions here */
err_t role_rows_insert(struct db_tx *tx, const struct role_row *row);
/** Description, scopes, updated_at and ver. */
err_t role_rows_update(struct db_tx *tx, const struct role_row *row);
err_t role_rows_delete(struct db_tx *tx, struct uuid tenant, struct bytes name);
/** @errors ERR_NOT_FOUND also for another tenant's */
err_t role_rows_find(struct db_tx *tx, struct uuid tenant, struct bytes name, struct role_row *out);
/** In order of name. */
err_t role_rows_list(struct db_tx *tx, struct uuid tenant, const struct row_window *window, role_row_fn fn,
                     void *arg);
/** Whether anybody has the role. */
err_t role_rows_in_use(struct db_tx *tx, struct uuid tenant, struct bytes name, bool *out);

/** Replaces the roles of a person. */
err_t role_rows_assign(struct db_tx *tx, struct uuid tenant, struct uuid person,
                       const struct role_names *roles);
/** The roles of a person, in order of name, and all scopes that they give together. @param[out] roles or NULL
 */
err_t role_rows_of_person(struct db_tx *tx, struct uuid person, struct role_names *roles, uint32_t *scopes);

#endif
