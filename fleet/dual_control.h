/* The setting of a tenant, or of one of its products, that says which kinds of action wait for a second
 * person. Adding a kind holds at once; taking one out waits for a second person itself. */
#ifndef WHORL_FLEET_DUAL_CONTROL_H
#define WHORL_FLEET_DUAL_CONTROL_H

#include "db/dual_control_rows.h"
#include "fleet/approval_kinds.h"

enum { APPROVAL_TTL_DEFAULT_S = 7 * 86400, APPROVAL_TTL_MIN_S = 60, APPROVAL_TTL_MAX_S = 90 * 86400 };

/* What is asked for; what is not there stays as it is. */
struct dual_control_change {
    bool is_product; /* of this product of the tenant's; otherwise of the tenant */
    struct uuid product;
    bool has_kinds, has_ttl;
    uint32_t kinds;
    int64_t ttl_s; /* of a tenant only */
};

/** As it is; version 0 when it was never changed. @param product or NULL: the tenant's
 *  @errors ERR_NOT_FOUND no such product of the tenant @thread worker */
err_t dual_control_get(struct fleet *fleet, struct uuid tenant, const struct uuid *product,
                       struct dual_control_row *out);
/** Changes it, or says in terms->guarded that the change waits. @errors ERR_UNPROCESSABLE with faults,
 *  ERR_NOT_FOUND, ERR_PRECONDITION @thread worker */
err_t dual_control_change(struct fleet *fleet, const struct terms *terms,
                          const struct dual_control_change *change, struct dual_control_row *out);

/** How long a request of this tenant waits. @thread of tx, like the next ones */
err_t dual_control_ttl(struct db_tx *tx, struct uuid tenant, int64_t *out_s);
/** For the table of approval_kinds.c. */
err_t dual_control_subject(struct db_tx *tx, const struct approval_case *this, json_t *out);
err_t dual_control_execute(struct db_tx *tx, const struct approval_case *this, struct approval_outcome *out);

#endif
