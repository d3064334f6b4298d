/* Statements over the table challenge_used. Knows no layout of a nonce (fleet/challenge.c). */
#include "db/challenge_rows.h"

static const char SQL_USE[] = "INSERT INTO challenge_used (nonce, expires_at) VALUES ($1, $2) "
                              "ON CONFLICT (nonce) DO NOTHING";
static const char SQL_SWEEP[] =
    "DELETE FROM challenge_used WHERE nonce IN "
    "(SELECT nonce FROM challenge_used WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)";

err_t challenge_rows_use(struct db_tx *tx, struct bytes nonce, int64_t expires_at)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_USE, DB_VALUES(DB_BYTES(nonce), DB_I(expires_at)), &changes));
    ENSURE(changes == 1, ERR_CONFLICT, "the nonce was used");
    return OK;
}

err_t challenge_rows_sweep(struct db_tx *tx, int64_t before, int64_t limit, int64_t *count)
{
    return db_change(tx, SQL_SWEEP, DB_VALUES(DB_I(before), DB_I(limit)), count);
}
