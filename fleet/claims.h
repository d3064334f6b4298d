/* Which tenant's device an identity key is, when several tenants claim its id (docs/identity.md, rule 6). */
#ifndef WHORL_FLEET_CLAIMS_H
#define WHORL_FLEET_CLAIMS_H

#include "fleet/admission.h"

enum { CLAIMS_CONTESTED_MAX = 8 };

struct claims {
    bool is_found;     /* `device` is the one */
    bool is_contested; /* several claims of the same strength, and no label decides */
    bool is_new;       /* by what the device shows: the tenant has no row of it yet, and `device` holds only
                          tenant and product */
    struct device_row device;
    struct uuid tenants[CLAIMS_CONTESTED_MAX]; /* of the strongest claims */
    struct uuid products[CLAIMS_CONTESTED_MAX];
    size_t count;
};

struct claims_question {
    const struct device_id *id;
    const struct uuid *label_tenant; /* or NULL when there is no label */
    const struct admissions *shown;  /* or NULL */
};
/** The strongest claim wins; between equal ones the label's tenant. A label of another tenant finds nothing.
 *  What the device shows is as good a claim as a list with keys; where it was used, the row says so.
 *  @thread of tx */
err_t claims_choose(struct db_tx *tx, const struct claims_question *question, struct claims *out);

#endif
