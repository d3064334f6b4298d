/* Making a tenant inside a transaction that is running: for tenant_add and for the first rows of an
 * inventory. */
#ifndef WHORL_FLEET_TENANTS_H
#define WHORL_FLEET_TENANTS_H

#include "fleet/fleet.h"

/** Inserts the tenant and its product "default", with their audit records. @param name checked
 *  @errors ERR_CONFLICT the name is taken @thread of tx */
err_t tenant_insert(struct db_tx *tx, const struct actor *actor, struct bytes name, struct tenant_row *out);

#endif
