/* The texts of tokens, sessions and invitations (the form is credential_text.h's): 16 hex characters of id,
 * 64 of secret. */
#ifndef WHORL_FLEET_TOKEN_TEXT_H
#define WHORL_FLEET_TOKEN_TEXT_H

#include "fleet/access.h"

enum { TOKEN_SECRET_SIZE = 32 };

#define TOKEN_PREFIX      "whorl_"
#define SESSION_PREFIX    "whorls_"
#define INVITATION_PREFIX "whorli_"

struct token_parts {
    uint8_t id[TOKEN_ID_SIZE];
    uint8_t secret[TOKEN_SECRET_SIZE]; /* the caller wipes it */
};
/** @param prefix one of those above @thread any */
void token_text_write(const char *prefix, const struct token_parts *parts, char out[TOKEN_TEXT_SIZE]);
/** Form and CRC, no look-up. @param what "token", … for the reason @errors ERR_UNAUTHORIZED in one shape */
err_t token_text_read(const char *prefix, const char *what, struct bytes text, struct token_parts *out);

#endif
