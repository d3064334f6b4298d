/* Nonces that authorised something, kept until they expire. */
#ifndef WHORL_DB_CHALLENGE_ROWS_H
#define WHORL_DB_CHALLENGE_ROWS_H

#include "db/db.h"

/** @errors ERR_CONFLICT it was used @thread of tx, like all functions here */
err_t challenge_rows_use(struct db_tx *tx, struct bytes nonce, int64_t expires_at);
/** Deletes at most `limit` that expired before `before`. @param[out] count of them */
err_t challenge_rows_sweep(struct db_tx *tx, int64_t before, int64_t limit, int64_t *count);

#endif
