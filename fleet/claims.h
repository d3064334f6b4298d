/* Which tenant's device an identity key is, when several tenants claim its id (docs/identity.md, rule 6). */
#ifndef WHORL_FLEET_CLAIMS_H
#define WHORL_FLEET_CLAIMS_H

#include "fleet/fleet.h"

enum { CLAIMS_CONTESTED_MAX = 8 };

struct claims {
    bool is_found;     /* `device` is the one */
    bool is_contested; /* several claims of the same strength, and no label decides */
    struct device_row device;
    struct uuid tenants[CLAIMS_CONTESTED_MAX]; /* of the strongest claims */
    struct uuid products[CLAIMS_CONTESTED_MAX];
    size_t count;
};

/** The strongest claim wins; between equal ones the label's tenant. A label of another tenant finds nothing.
 *  @param label_tenant or NULL when there is no label @thread of tx */
err_t claims_choose(struct db_tx *tx, const struct device_id *id, const struct uuid *label_tenant,
                    struct claims *out);

#endif
