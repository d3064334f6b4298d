/* Rows of CMP transactions that are under way. */
#ifndef WHORL_DB_CMP_ROWS_H
#define WHORL_DB_CMP_ROWS_H

#include "db/db.h"
#include "db/rows.h"

struct cmp_row {
    struct bytes id;                   /* transactionID */
    struct bytes key;                  /* SHA-256 of the sender's SPKI */
    struct bytes sender, request;      /* DER: its certificate, its message */
    struct bytes nonce;                /* senderNonce of our last answer */
    char authority[AUTHORITY_ID_SIZE]; /* of the certificate that was granted; "": it waits */
    uint8_t serial[CERTIFICATE_SERIAL_SIZE];
    int64_t expires_at;
};
typedef err_t (*cmp_row_fn)(const struct cmp_row *row, void *arg);

/** Takes the place of what this sender had open: a device has one transaction at a time. @thread of tx, like
 * all functions here */
err_t cmp_rows_put(struct db_tx *tx, const struct cmp_row *row);
/** Lent to `fn`; what has expired is not found. @errors ERR_NOT_FOUND, of fn */
err_t cmp_rows_find(struct db_tx *tx, struct bytes id, struct bytes key, int64_t now_ms, cmp_row_fn fn,
                    void *arg);
/** All of this transactionID, whoever sent them; at most `limit`. */
err_t cmp_rows_of_id(struct db_tx *tx, struct bytes id, int64_t now_ms, int64_t limit, cmp_row_fn fn,
                     void *arg);
/** None is no error. */
err_t cmp_rows_delete(struct db_tx *tx, struct bytes id, struct bytes key);
/** Some of those that have expired. @param[out] count deleted */
err_t cmp_rows_sweep(struct db_tx *tx, int64_t before, int64_t limit, int64_t *count);

#endif
