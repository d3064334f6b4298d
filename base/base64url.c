/* base64url (RFC 4648 §5) without padding, as JOSE writes it (RFC 7515 §2): the other alphabet over the
 * strict decoder of base64.c, so each value has one spelling here too. */
#include "base/encoding.h"

err_t base64url_decode(struct bytes text, struct buf *out)
{
    AUTO_VAL(buf) standard = {0};
    TRY(buf_reserve(&standard, text.n + 2));
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        ENSURE(c != '+' && c != '/' && c != '=', ERR_BAD_ENCODING, "base64url: byte 0x%02x at offset %zu", c,
               i);
        c = c == '-' ? '+' : c == '_' ? '/' : c;
        TRY(buf_append(&standard, &c, 1));
    }
    while (standard.n % 4 != 0) {
        TRY(buf_append(&standard, "=", 1));
    }
    return base64_decode(buf_view(&standard), out);
}
