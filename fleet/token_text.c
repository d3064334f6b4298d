/* Writes and reads the text of tokens, sessions, invitations, and their ids. Looks nothing up. */
#include "fleet/token_text.h"

#include <string.h>

#include "fleet/credential_text.h"

/* The longest prefix, the rest, the NUL. */
_Static_assert(sizeof INVITATION_PREFIX + 2 * (TOKEN_ID_SIZE + TOKEN_SECRET_SIZE) + 10 <= TOKEN_TEXT_SIZE,
               "a text fits");

static struct credential_form form_of(const char *prefix)
{
    return (struct credential_form){prefix, TOKEN_ID_SIZE, TOKEN_SECRET_SIZE};
}

void token_text_write(const char *prefix, const struct token_parts *parts, char out[TOKEN_TEXT_SIZE])
{
    const struct credential_form form = form_of(prefix);
    memset(out, 0, TOKEN_TEXT_SIZE);
    credential_text_write(&form, parts->id, parts->secret, out);
}

err_t token_text_read(const char *prefix, const char *what, struct bytes text, struct token_parts *out)
{
    const struct credential_form form = form_of(prefix);
    ENSURE(credential_text_read(&form, text, out->id, out->secret), ERR_UNAUTHORIZED, "the %s is not valid",
           what);
    return OK;
}

void token_id_format(const uint8_t id[TOKEN_ID_SIZE], char out[TOKEN_ID_TEXT_SIZE])
{
    hex_encode((struct bytes){id, TOKEN_ID_SIZE}, out);
}

err_t token_id_parse(struct bytes text, uint8_t out[TOKEN_ID_SIZE])
{
    return hex_decode(text, out, TOKEN_ID_SIZE);
}
