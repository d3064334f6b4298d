/* Writes and reads the text of enrolment codes and their ids. Looks nothing up. */
#include "fleet/code_text.h"

#include <stdio.h>
#include <string.h>

static const char PREFIX[] = "whorlcode_";

enum {
    ID_AT = sizeof(PREFIX) - 1,
    ID_HEX = 2 * CODE_ID_SIZE,
    SECRET_AT = ID_AT + ID_HEX + 1,
    SECRET_HEX = 2 * CODE_SECRET_SIZE,
    CRC_AT = SECRET_AT + SECRET_HEX + 1,
    CRC_SIZE = 4,
    CRC_HEX = 2 * CRC_SIZE,
    TEXT_LENGTH = CRC_AT + CRC_HEX
};
_Static_assert((int)TEXT_LENGTH + 1 == (int)CODE_TEXT_SIZE, "the text and its NUL");

/* Over everything before the last '_'. */
static void crc_of(const void *text, char out[CRC_HEX + 1])
{
    uint32_t crc = crc32_of((struct bytes){text, CRC_AT - 1});
    (void)snprintf(out, CRC_HEX + 1, "%08x", (unsigned)crc);
}

void code_text_write(const struct code_parts *parts, char out[CODE_TEXT_SIZE])
{
    memset(out, 0, CODE_TEXT_SIZE);
    memcpy(out, PREFIX, ID_AT);
    code_id_format(parts->id, out + ID_AT);
    out[SECRET_AT - 1] = '_';
    hex_encode(BYTES_OF(parts->secret), out + SECRET_AT);
    out[CRC_AT - 1] = '_';
    crc_of(out, out + CRC_AT);
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct bytes trim(struct bytes text)
{
    while (text.n > 0 && is_space(text.p[0])) {
        text = (struct bytes){text.p + 1, text.n - 1};
    }
    while (text.n > 0 && is_space(text.p[text.n - 1])) {
        text.n--;
    }
    return text;
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

err_t code_text_read(struct bytes text, struct code_parts *out)
{
    struct bytes code = trim(text);
    ENSURE(has_form(code), ERR_ENROLMENT_CODE, "the enrolment code is not valid");
    bool is_hex =
        code_id_parse((struct bytes){code.p + ID_AT, ID_HEX}, out->id).code == ERR_OK &&
        hex_decode((struct bytes){code.p + SECRET_AT, SECRET_HEX}, out->secret, CODE_SECRET_SIZE).code ==
            ERR_OK;
    ENSURE(is_hex, ERR_ENROLMENT_CODE, "the enrolment code is not valid");
    return OK;
}

void code_id_format(const uint8_t id[CODE_ID_SIZE], char out[CODE_ID_TEXT_SIZE])
{
    hex_encode((struct bytes){id, CODE_ID_SIZE}, out);
}

err_t code_id_parse(struct bytes text, uint8_t out[CODE_ID_SIZE])
{
    return hex_decode(text, out, CODE_ID_SIZE);
}
