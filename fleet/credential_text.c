/* Writes and reads the text of a credential. Looks nothing up. */
#include "fleet/credential_text.h"

#include <stdio.h>
#include <string.h>

#include "base/encoding.h"
#include "base/hash.h"

enum { CRC_HEX = 8 };

/* Where the parts stand. */
struct places {
    size_t id, secret, crc, end;
};

static struct places places_of(const struct credential_form *form)
{
    struct places at;
    at.id = strlen(form->prefix);
    at.secret = at.id + 2 * form->id_size + 1;
    at.crc = at.secret + 2 * form->secret_size + 1;
    at.end = at.crc + CRC_HEX;
    return at;
}

static void crc_of(const void *text, size_t n, char out[CRC_HEX + 1])
{
    uint32_t crc = crc32_of((struct bytes){text, n});
    (void)snprintf(out, CRC_HEX + 1, "%08x", (unsigned)crc);
}

void credential_text_write(const struct credential_form *form, const uint8_t *id, const uint8_t *secret,
                           char *out)
{
    const struct places at = places_of(form);
    memcpy(out, form->prefix, at.id);
    hex_encode((struct bytes){id, form->id_size}, out + at.id);
    out[at.secret - 1] = '_';
    hex_encode((struct bytes){secret, form->secret_size}, out + at.secret);
    out[at.crc - 1] = '_';
    crc_of(out, at.crc - 1, out + at.crc);
}

bool credential_text_read(const struct credential_form *form, struct bytes text, uint8_t *id, uint8_t *secret)
{
    const struct places at = places_of(form);
    char crc[CRC_HEX + 1];
    if (text.n != at.end || memcmp(text.p, form->prefix, at.id) != 0 || text.p[at.secret - 1] != '_' ||
        text.p[at.crc - 1] != '_') {
        return false;
    }
    crc_of(text.p, at.crc - 1, crc);
    return memcmp(text.p + at.crc, crc, CRC_HEX) == 0 &&
           hex_decode((struct bytes){text.p + at.id, 2 * form->id_size}, id, form->id_size).code == ERR_OK &&
           hex_decode((struct bytes){text.p + at.secret, 2 * form->secret_size}, secret, form->secret_size)
                   .code == ERR_OK;
}
