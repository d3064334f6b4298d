/* Reads HTTP Basic credentials. Judges no password. Called by authn.c. */
#include "api/basic.h"

#include <string.h>
#include <strings.h>

#include "base/encoding.h"

enum { SCHEME_SIZE = 5, ENCODED_MAX = 1024 };

/* RFC 9110 §11.4: the scheme in any case, one or more spaces, one token68. */
static bool take_scheme(struct bytes *value)
{
    bool is_basic = value->n > SCHEME_SIZE &&
                    strncasecmp((const char *)value->p, "Basic", SCHEME_SIZE) == 0 &&
                    value->p[SCHEME_SIZE] == ' ';
    if (is_basic) {
        *value = (struct bytes){value->p + SCHEME_SIZE, value->n - SCHEME_SIZE};
    }
    while (is_basic && value->n > 0 && value->p[0] == ' ') {
        *value = (struct bytes){value->p + 1, value->n - 1};
    }
    return is_basic;
}

err_t basic_password(struct bytes value, struct buf *out)
{
    if (!take_scheme(&value)) {
        return OK;
    }
    AUTO_VAL(buf) pair = {0};
    bool is_base64 = value.n <= ENCODED_MAX && base64_decode(value, &pair).code == ERR_OK;
    const uint8_t *colon = pair.n == 0 ? NULL : memchr(pair.p, ':', pair.n);
    bool is_pair = is_base64 && colon != NULL;
    size_t at = colon == NULL ? 0 : (size_t)(colon - pair.p) + 1;
    err_t error = OK;
    if (!is_pair || pair.n - at > BASIC_PASSWORD_MAX) {
        error = ERR(ERR_BAD_REQUEST, "the Authorization header holds no Basic credentials (RFC 7617)");
    } else {
        error = buf_append(out, pair.p + at, pair.n - at);
    }
    bytes_wipe(pair.p, pair.n);
    return error;
}
