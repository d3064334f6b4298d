/* Making a token in two steps: its secret before the transaction, its row inside of it. For token_add and for
 * the first rows of an inventory. */
#ifndef WHORL_FLEET_TOKENS_H
#define WHORL_FLEET_TOKENS_H

#include "fleet/access.h"

/** Random id and secret. @param[out] row id and hash are set, the rest is the caller's @param[out] text the
 * caller wipes it @errors ERR_CRYPTO @thread any */
err_t token_generate(struct fleet *fleet, char text[TOKEN_TEXT_SIZE], struct token_row *row);
/** A new secret for the row's id. */
err_t token_generate_secret(struct fleet *fleet, char text[TOKEN_TEXT_SIZE], struct token_row *row);
/** Id and hash of a text that was made elsewhere. @errors ERR_UNAUTHORIZED it is no token @thread any */
err_t token_from_text(const char *text, struct token_row *row);
/** @errors ERR_UNPROCESSABLE @thread any */
err_t token_check_scopes(uint32_t scopes);
err_t token_check_expiry(int64_t expires_at, int64_t now_ms);
/** With its audit record. @param row tenant, name, scopes and expires_at set; created_at and ver are set here
 *  @thread of tx */
err_t token_insert(struct db_tx *tx, const struct actor *actor, struct token_row *row);

#endif
