/* Rows of what waits for a second person, by owner: a tenant or a product. */
#ifndef WHORL_DB_DUAL_CONTROL_ROWS_H
#define WHORL_DB_DUAL_CONTROL_ROWS_H

#include "db/db.h"
#include "db/rows.h"

struct dual_control_row {
    struct uuid owner;
    uint32_t kinds;         /* bits of fleet/approval_kinds.h */
    int64_t approval_ttl_s; /* of a tenant: how long a request waits */
    int64_t updated_at, ver;
};

/** @errors ERR_NOT_FOUND nothing waits @thread of tx, like all functions here */
err_t dual_control_rows_find(struct db_tx *tx, struct uuid owner, struct dual_control_row *out);
/** Whether a tenant or a product has any of `kinds`. @param product or NULL */
err_t dual_control_rows_has(struct db_tx *tx, struct uuid tenant, const struct uuid *product, uint32_t kinds,
                            bool *out);
/** Inserts or replaces; the caller compared the version in the same transaction. */
err_t dual_control_rows_store(struct db_tx *tx, const struct dual_control_row *row);

#endif
