/* Rows of tokens: a back end's credentials, of which only the hash of the secret is stored. */
#ifndef WHORL_DB_TOKEN_ROWS_H
#define WHORL_DB_TOKEN_ROWS_H

#include "db/db.h"
#include "db/rows.h"

typedef err_t (*token_row_fn)(const struct token_row *row, void *arg);

/** @errors ERR_CONFLICT the id is taken @thread of tx, like all functions here */
err_t token_rows_insert(struct db_tx *tx, const struct token_row *row);
/** Of any tenant: the token itself says whose it is. @errors ERR_NOT_FOUND */
err_t token_rows_find(struct db_tx *tx, const uint8_t id[TOKEN_ID_SIZE], struct token_row *out);
/** Name, secrets, sources and version. */
err_t token_rows_update(struct db_tx *tx, const struct token_row *row);
/** In order of id. */
err_t token_rows_list(struct db_tx *tx, struct uuid tenant, const struct row_window *window, token_row_fn fn,
                      void *arg);
/** @param[out] is_changed false: it is another tenant's, is not there, or was revoked before */
err_t token_rows_revoke(struct db_tx *tx, struct uuid tenant, const uint8_t id[TOKEN_ID_SIZE],
                        bool *is_changed);
/** Moves last_used_at forward, never back. No change of state: the version stays. */
err_t token_rows_note_use(struct db_tx *tx, const uint8_t id[TOKEN_ID_SIZE], int64_t at_ms);

#endif
