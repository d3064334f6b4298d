/* Roles: named sets of scopes of a tenant, which people have. Every tenant has the built-in ones; all but
 * "admin" can be changed. What a role gives counts from the next request of whoever has it. */
#ifndef WHORL_FLEET_ROLES_H
#define WHORL_FLEET_ROLES_H

#include "db/people.h"
#include "fleet/access.h"
#include "fleet/terms.h"

#define ROLE_ADMIN "admin"

struct role_wish {
    struct bytes name, description; /* p NULL: not there */
    bool has_scopes;
    uint32_t scopes;
    uint32_t caller_scopes; /* nobody gives what they do not have */
};

/** @errors ERR_UNPROCESSABLE with faults, ERR_CONFLICT name taken @thread worker, like all functions here */
err_t role_add(struct fleet *fleet, const struct terms *terms, const struct role_wish *wish,
               struct role_row *out);
/** Description and scopes. @errors as above; ERR_NOT_FOUND also for another tenant's, ERR_PRECONDITION,
 * ERR_WRONG_STATE it is "admin" */
err_t role_change(struct fleet *fleet, const struct terms *terms, struct bytes name,
                  const struct role_wish *wish, struct role_row *out);
/** @errors ERR_NOT_FOUND, ERR_PRECONDITION, ERR_WRONG_STATE built in, or somebody has it */
err_t role_remove(struct fleet *fleet, const struct terms *terms, struct bytes name);
err_t role_get(struct fleet *fleet, struct uuid tenant, struct bytes name, struct role_row *out);
/** In order of name. */
err_t role_list(struct fleet *fleet, struct uuid tenant, const struct row_window *window,
                err_t (*fn)(const struct role_row *row, void *arg), void *arg);

/** The built-in roles of a new tenant; part of its tenant.added record. @thread of tx */
err_t roles_insert_builtin(struct db_tx *tx, struct uuid tenant);
/** Whether these roles are there and whoever gives them has all that they give; faults at /roles/0, … if not.
 *  @thread of tx */
err_t roles_check(struct db_tx *tx, struct uuid tenant, const struct role_names *roles,
                  uint32_t caller_scopes, struct faults *faults);

#endif
