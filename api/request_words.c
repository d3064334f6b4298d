#include "api/request_words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"

enum { DIGITS_MAX = 15 }; /* of them any number fits */

bool words_number(const char *text, int64_t *out)
{
    size_t n = text == NULL ? 0 : strspn(text, "0123456789");
    if (n < 1 || n > DIGITS_MAX || text[n] != '\0') {
        return false;
    }
    *out = strtoll(text, NULL, 10);
    return true;
}

long words_history(const char *text)
{
    return text == NULL ? 0 : strtol(text, NULL, 10);
}

/* --- signed addresses --------------------------------------------------------------------------------- */

err_t words_signed_write(const struct firmware_url *url, struct buf *out)
{
    TRY(buf_append_str(out, "firmware/signed/"));
    TRY(hex_append(out, BYTES_OF(url->digest.b)));
    TRY(buf_append_str(out, "?device="));
    TRY(hex_append(out, BYTES_OF(url->device.b)));
    TRY(buf_printf(out, "&authority=%s&serial=", url->authority));
    TRY(hex_append(out, BYTES_OF(url->serial)));
    TRY(buf_printf(out, "&expires=%" PRId64 "&key=%" PRId64 "&signature=", url->expires_s, url->key));
    return hex_append(out, BYTES_OF(url->signature.b));
}

static bool take_hex(const struct request *request, const char *name, uint8_t *out, size_t size)
{
    const char *text = http_query(request, name);
    return text != NULL && hex_decode(bytes_str(text), out, size).code == ERR_OK;
}

static bool take_number(const struct request *request, const char *name, int64_t *out)
{
    return words_number(http_query(request, name), out);
}

static bool take_authority(const struct request *request, char out[AUTHORITY_ID_SIZE])
{
    const char *text = http_query(request, "authority");
    size_t n = text == NULL ? 0 : strlen(text);
    if (n < 1 || n >= AUTHORITY_ID_SIZE || strchr(text, '\n') != NULL) {
        return false;
    }
    memcpy(out, text, n + 1);
    return true;
}

err_t words_signed_read(const struct request *request, struct firmware_url *out)
{
    *out = (struct firmware_url){.key = 0};
    ENSURE(hex_decode(bytes_str(request->params[0]), out->digest.b, SHA256_SIZE).code == ERR_OK,
           ERR_NOT_FOUND, "no such image");
    bool is_whole = take_hex(request, "device", out->device.b, sizeof out->device.b) &&
                    take_hex(request, "serial", out->serial, sizeof out->serial) &&
                    take_hex(request, "signature", out->signature.b, sizeof out->signature.b) &&
                    take_number(request, "expires", &out->expires_s) &&
                    take_number(request, "key", &out->key) && take_authority(request, out->authority);
    ENSURE(is_whole, ERR_FORBIDDEN, "the address is not signed here for this");
    return OK;
}
