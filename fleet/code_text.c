/* Writes and reads the text of enrolment codes and their ids. Looks nothing up. */
#include "fleet/code_text.h"

#include "base/encoding.h"
#include "fleet/credential_text.h"

static const struct credential_form form = {"whorlcode_", CODE_ID_SIZE, CODE_SECRET_SIZE};

void code_text_write(const struct code_parts *parts, char out[CODE_TEXT_SIZE])
{
    credential_text_write(&form, parts->id, parts->secret, out);
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

err_t code_text_read(struct bytes text, struct code_parts *out)
{
    ENSURE(credential_text_read(&form, trim(text), out->id, out->secret), ERR_ENROLMENT_CODE,
           "the enrolment code is not valid");
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
