/* Writes and reads the text of tokens and their ids. Looks nothing up. */
#include "fleet/token_text.h"

#include <stdio.h>
#include <string.h>

static const char PREFIX[] = "whorl_";

enum {
    ID_AT = sizeof(PREFIX) - 1,
    ID_HEX = 2 * TOKEN_ID_SIZE,
    SECRET_AT = ID_AT + ID_HEX + 1,
    SECRET_HEX = 2 * TOKEN_SECRET_SIZE,
    CRC_AT = SECRET_AT + SECRET_HEX + 1,
    CRC_SIZE = 4,
    CRC_HEX = 2 * CRC_SIZE,
    TEXT_LENGTH = CRC_AT + CRC_HEX
};
_Static_assert((int)TEXT_LENGTH < (int)TOKEN_TEXT_SIZE, "the text and its NUL");

/* Over everything before the last '_'. */
static void crc_of(const void *text, char out[CRC_HEX + 1])
{
    uint32_t crc = crc32_of((struct bytes){text, CRC_AT - 1});
    (void)snprintf(out, CRC_HEX + 1, "%08x", (unsigned)crc);
}

void token_text_write(const struct token_parts *parts, char out[TOKEN_TEXT_SIZE])
{
    memset(out, 0, TOKEN_TEXT_SIZE);
    memcpy(out, PREFIX, ID_AT);
    token_id_format(parts->id, out + ID_AT);
    out[SECRET_AT - 1] = '_';
    hex_encode(BYTES_OF(parts->secret), out + SECRET_AT);
    out[CRC_AT - 1] = '_';
    crc_of(out, out + CRC_AT);
}

static bool has_form(struct bytes text)
{
    char crc[CRC_HEX + 1];
    if (text.n != TEXT_LENGTH || memcmp(text.p, PREFIX, ID_AT) != 0 || text.p[SECRET_AT - 1] != '_' ||
        text.p[CRC_AT - 1] != '_') {
        return false;
    }
    crc_of(text.p, crc);
    return memcmp(text.p + CRC_AT, crc, CRC_HEX) == 0;
}

err_t token_text_read(struct bytes text, struct token_parts *out)
{
    ENSURE(has_form(text), ERR_UNAUTHORIZED, "the token is not valid");
    bool is_hex =
        hex_decode((struct bytes){text.p + ID_AT, ID_HEX}, out->id, sizeof(out->id)).code == ERR_OK &&
        hex_decode((struct bytes){text.p + SECRET_AT, SECRET_HEX}, out->secret, sizeof(out->secret)).code ==
            ERR_OK;
    ENSURE(is_hex, ERR_UNAUTHORIZED, "the token is not valid");
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
