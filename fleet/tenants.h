/* Tenants for those who run the installation, and making one inside a transaction that is running: for
 * tenant_add and for the first rows of an inventory. */
#ifndef WHORL_FLEET_TENANTS_H
#define WHORL_FLEET_TENANTS_H

#include "fleet/terms.h"

/** Inserts the tenant and its product "default", with their audit records. @param name checked
 *  @errors ERR_CONFLICT the name is taken @thread of tx */
err_t tenant_insert(struct db_tx *tx, const struct actor *actor, struct bytes name, struct tenant_row *out);

struct tenant_wish {
    struct bytes name;         /* when it is made; fixed then */
    struct bytes display_name; /* p NULL: not there */
};
/** As tenant_add(), under terms. @errors ERR_UNPROCESSABLE with faults, ERR_CONFLICT the name is taken
 * @thread worker */
err_t tenant_create(struct fleet *fleet, const struct terms *terms, const struct tenant_wish *wish,
                    struct tenant_row *out);
/** @errors ERR_NOT_FOUND, ERR_PRECONDITION, ERR_UNPROCESSABLE with faults @thread worker */
err_t tenant_change(struct fleet *fleet, const struct terms *terms, struct uuid id,
                    const struct tenant_wish *wish, struct tenant_row *out);
/** In order of id. @thread worker */
err_t tenant_page(struct fleet *fleet, const struct row_window *window,
                  err_t (*fn)(const struct tenant_row *row, void *arg), void *arg);

#endif
