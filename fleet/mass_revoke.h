/* Revoking the devices of a batch or a product in one order. */
#ifndef WHORL_FLEET_MASS_REVOKE_H
#define WHORL_FLEET_MASS_REVOKE_H

#include "fleet/approval_kinds.h"
#include "fleet/operations.h"

enum { MASS_NOTE_MAX = 256, MASS_SAMPLE_MAX = 10 };

struct mass_order {
    bool is_product; /* `owner` is a product; otherwise a batch */
    struct uuid owner;
    int reason;     /* RFC 5280 §5.3.1 */
    bool has_state; /* only devices that are enrolled, or only quarantined ones */
    enum device_state state;
    const char *label_name, *label_value; /* only devices with this label; both or none */
    const char *note;                     /* for the records; or NULL */
};

/* What an order would do. */
struct mass_preview {
    int64_t total; /* devices that it can concern at most, as counted; a label makes them fewer */
    struct device_id sample[MASS_SAMPLE_MAX];
    size_t count;
};

/** Starts the operation, or says in terms->guarded that it waits for a second person. A device's certificates
 *  lose their rights when its turn comes, not before.
 *  @errors ERR_NOT_FOUND no such batch or product of the tenant; ERR_UNPROCESSABLE a state from which nothing
 *  is revoked, an Idempotency-Key of another request @thread worker */
err_t mass_revoke(struct fleet *fleet, const struct terms *terms, const struct mass_order *order,
                  struct operation_row *out);
/** Looks only. @errors as above @thread worker */
err_t mass_revoke_preview(struct fleet *fleet, struct uuid tenant, const struct mass_order *order,
                          struct mass_preview *out);

/** For the table of approval_kinds.c. */
err_t mass_revoke_subject(struct db_tx *tx, const struct approval_case *this, json_t *out);
err_t mass_revoke_execute(struct db_tx *tx, const struct approval_case *this, struct approval_outcome *out);

#endif
