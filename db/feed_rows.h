/* The feed of a tenant: those of its audit records that changed something, numbered in the order of their
 * commits. Writing is audit_append() with a number of feed_rows_next(). */
#ifndef WHORL_DB_FEED_ROWS_H
#define WHORL_DB_FEED_ROWS_H

#include "db/audit_rows.h"

/* Texts and ids are borrowed until the callback returns. */
struct feed_row {
    int64_t number;
    struct audit_row record; /* without its hash */
};
typedef err_t (*feed_row_fn)(const struct feed_row *row, void *arg);

struct feed_next {
    int64_t number;
    int64_t webhooks; /* that the tenant has */
};
/** The next number of the tenant's feed. Until the transaction ends no other can take one, so numbers are
 * seen in order and without gaps. @thread of tx (write), like all functions here of tx */
err_t feed_rows_next(struct db_tx *tx, struct uuid tenant, struct feed_next *out);
/** Counts the tenant's webhooks: one more (1) or less (-1). */
err_t feed_rows_count_webhook(struct db_tx *tx, struct uuid tenant, int64_t more);
/** The last number that was given; 0: none yet. */
err_t feed_rows_head(struct db_tx *tx, struct uuid tenant, int64_t *out);
/** The records behind `after`, in order of the feed. */
err_t feed_rows_list(struct db_tx *tx, struct uuid tenant, int64_t after, int64_t limit, feed_row_fn fn,
                     void *arg);
/** One record by its number. @errors ERR_NOT_FOUND */
err_t feed_rows_get(struct db_tx *tx, struct uuid tenant, int64_t number, feed_row_fn fn, void *arg);
/** The number of a record (its time does not count). @errors ERR_NOT_FOUND also for another tenant's, and for
 * one that is not in the feed */
err_t feed_rows_find(struct db_tx *tx, struct uuid tenant, const struct audit_place *place, int64_t *out);
/** The number of the first record at or after a time; 0: there is none. */
err_t feed_rows_since(struct db_tx *tx, struct uuid tenant, int64_t at_ms, int64_t *out);

#endif
