/* What is shown once and kept as a hash: sessions and invitations. Tokens have their own way
 * (fleet/tokens.h), since two secrets of one may live. */
#ifndef WHORL_FLEET_SECRETS_H
#define WHORL_FLEET_SECRETS_H

#include "fleet/token_text.h"

/** Random id and secret. @param[out] text the caller wipes it @errors ERR_CRYPTO @thread any */
err_t secret_generate(struct fleet *fleet, const char *prefix, char text[TOKEN_TEXT_SIZE],
                      uint8_t id[TOKEN_ID_SIZE], uint8_t sha256[SHA256_SIZE]);
/** Form and CRC. @param what for the reason @param[out] sha256 of the secret @errors ERR_UNAUTHORIZED */
err_t secret_read(const char *prefix, const char *what, struct bytes text, uint8_t id[TOKEN_ID_SIZE],
                  uint8_t sha256[SHA256_SIZE]);

#endif
