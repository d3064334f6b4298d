/* Where an enrolled device stands in the life of its confirmed certificate, and how many of a product or a
 * batch stand where: kept, never counted. What a term is, is decided in fleet/device_terms.c. */
#ifndef WHORL_DB_DEVICE_TERM_ROWS_H
#define WHORL_DB_DEVICE_TERM_ROWS_H

#include "db/db.h"
#include "db/rows.h"

enum device_term { TERM_CURRENT, TERM_DUE, TERM_EXPIRED };
enum { DEVICE_TERMS = 3 };

struct device_term_row {
    struct device_id device;
    struct uuid tenant;
    int64_t renew_at, expires_at;
    enum device_term term;
    int64_t next_at;    /* when one of these changes; 0: no more */
    int64_t new_key_at; /* renewing the old key is not enough from then on; 0: it always is */
    int64_t overdue_at; /* 0: it never counts as overdue */
    bool is_overdue;    /* and is counted so */
    int64_t alerted_at; /* that was reported */
};

/** @errors ERR_NOT_FOUND the device is not enrolled, or has no confirmed certificate @thread of tx, like all
 * functions here */
err_t device_term_rows_find(struct db_tx *tx, const struct device_row *device, struct device_term_row *out);
/** Stores the row, whether one is there or not. */
err_t device_term_rows_put(struct db_tx *tx, const struct device_term_row *row);
err_t device_term_rows_delete(struct db_tx *tx, const struct device_row *device);

/* Who is counted for a device: its product and its batch, and always device_owner_all(). */
struct device_owners {
    struct uuid product, batch;
};
/** Adds `by` (1 or -1) to the count of the owners. */
err_t device_term_rows_count(struct db_tx *tx, const struct device_owners *owners, enum device_term term,
                             int64_t by);
/** The same for overdue ones, which are due or expired too. */
err_t device_term_rows_count_overdue(struct db_tx *tx, const struct device_owners *owners, int64_t by);
/** @param owner also device_owner_all(); of one that is not known every count is 0 */
err_t device_term_rows_overdue(struct db_tx *tx, struct uuid owner, int64_t *out);
err_t device_term_rows_counts(struct db_tx *tx, struct uuid owner, int64_t out[DEVICE_TERMS]);

typedef err_t (*device_term_row_fn)(const struct device_term_row *row, const struct device_owners *owners,
                                    void *arg);
/** Rows whose term should have changed by `now_ms`, the longest overdue first, at most `limit`. */
err_t device_term_rows_passed(struct db_tx *tx, int64_t now_ms, int64_t limit, device_term_row_fn fn,
                              void *arg);

/* --- products whose devices are gone through again ------------------------------------------------------ */

/** Begins with a product's first device, also when a walk was on its way. */
err_t device_term_rows_walk(struct db_tx *tx, struct uuid product);
/** The same of every product of a tenant, or of all (NULL). */
err_t device_term_rows_walk_products(struct db_tx *tx, const struct uuid *tenant);
struct device_term_walk {
    struct uuid product;
    struct device_id after; /* all zeros: none yet */
};
/** One that is on its way. @errors ERR_NOT_FOUND there is none */
err_t device_term_rows_walk_find(struct db_tx *tx, struct device_term_walk *out);
/** Stores how far it is. */
err_t device_term_rows_walk_go(struct db_tx *tx, const struct device_term_walk *walk);
err_t device_term_rows_walk_end(struct db_tx *tx, struct uuid product);

#endif
