/* Writes and reads the text of tokens, sessions, invitations, and their ids. Looks nothing up. */
#include "fleet/token_text.h"

#include <stdio.h>
#include <string.h>

/* Behind the prefix. */
enum {
    ID_HEX = 2 * TOKEN_ID_SIZE,
    SECRET_AT = ID_HEX + 1,
    SECRET_HEX = 2 * TOKEN_SECRET_SIZE,
    CRC_AT = SECRET_AT + SECRET_HEX + 1,
    CRC_SIZE = 4,
    CRC_HEX = 2 * CRC_SIZE,
    REST_LENGTH = CRC_AT + CRC_HEX
};
_Static_assert((int)sizeof INVITATION_PREFIX + (int)REST_LENGTH < (int)TOKEN_TEXT_SIZE,
               "the text and its NUL");

/* Over everything before the last '_'. */
static void crc_of(const void *text, size_t n, char out[CRC_HEX + 1])
{
    uint32_t crc = crc32_of((struct bytes){text, n});
    (void)snprintf(out, CRC_HEX + 1, "%08x", (unsigned)crc);
}

void token_text_write(const char *prefix, const struct token_parts *parts, char out[TOKEN_TEXT_SIZE])
{
    size_t at = strlen(prefix);
    memset(out, 0, TOKEN_TEXT_SIZE);
    memcpy(out, prefix, at);
    token_id_format(parts->id, out + at);
    out[at + SECRET_AT - 1] = '_';
    hex_encode(BYTES_OF(parts->secret), out + at + SECRET_AT);
    out[at + CRC_AT - 1] = '_';
    crc_of(out, at + CRC_AT - 1, out + at + CRC_AT);
}

static bool has_form(const char *prefix, struct bytes text)
{
    char crc[CRC_HEX + 1];
    size_t at = strlen(prefix);
    if (text.n != at + REST_LENGTH || memcmp(text.p, prefix, at) != 0 || text.p[at + SECRET_AT - 1] != '_' ||
        text.p[at + CRC_AT - 1] != '_') {
        return false;
    }
    crc_of(text.p, at + CRC_AT - 1, crc);
    return memcmp(text.p + at + CRC_AT, crc, CRC_HEX) == 0;
}

err_t token_text_read(const char *prefix, const char *what, struct bytes text, struct token_parts *out)
{
    ENSURE(has_form(prefix, text), ERR_UNAUTHORIZED, "the %s is not valid", what);
    const uint8_t *p = text.p + strlen(prefix);
    bool is_hex =
        hex_decode((struct bytes){p, ID_HEX}, out->id, sizeof out->id).code == ERR_OK &&
        hex_decode((struct bytes){p + SECRET_AT, SECRET_HEX}, out->secret, sizeof out->secret).code == ERR_OK;
    ENSURE(is_hex, ERR_UNAUTHORIZED, "the %s is not valid", what);
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
