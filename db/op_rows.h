/* Writes from outside, by their Idempotency-Key, so that a repeat gets the first answer. Kept for a day or
 * more, then swept. */
#ifndef WHORL_DB_OP_ROWS_H
#define WHORL_DB_OP_ROWS_H

#include "db/db.h"
#include "db/rows.h"

enum { OP_RESULT_SIZE = 64 };

struct op_row {
    struct sha256 fingerprint; /* of the request */
    int64_t at;
    char kind[32];               /* what was done: "batch.register", … */
    char result[OP_RESULT_SIZE]; /* names what came of it: an id */
};

/** @errors ERR_NOT_FOUND @thread of tx, like all functions here */
err_t op_rows_find(struct db_tx *tx, struct uuid tenant, struct bytes key, struct op_row *out);
/** @errors ERR_CONFLICT the key is in use */
err_t op_rows_insert(struct db_tx *tx, struct uuid tenant, struct bytes key, const struct op_row *row);
/** Deletes at most `limit` rows older than `before_ms`, the oldest first. @param[out] deleted how many */
err_t op_rows_sweep(struct db_tx *tx, int64_t before_ms, int64_t limit, int64_t *deleted);

#endif
