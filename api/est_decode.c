/* Reading EST bodies. Content-Transfer-Encoding is ignored, as RFC 8951 §3 says: the bytes themselves tell.
 */
#include "api/est.h"

#include "base/encoding.h"

enum { DER_SEQUENCE_TAG = 0x30 };

err_t est_decode(struct bytes body, struct buf *der)
{
    ENSURE(body.n > 0, ERR_BAD_ENCODING, "the body is empty: a PKCS#10 request in base64 is expected");
    /* '0' (0x30) is a letter of base64 too, but no DER SEQUENCE begins with what it decodes to (0xd0 … 0xd3)
     */
    if (body.p[0] == DER_SEQUENCE_TAG) {
        return buf_append_bytes(der, body);
    }
    TRY(base64_decode_lenient(body, der));
    ENSURE(der->n > 0, ERR_BAD_ENCODING, "the body holds no base64");
    return OK;
}
