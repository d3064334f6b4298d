/* RFC 5652 §3, §5.1: ContentInfo { SignedData { version, digestAlgorithms, { type, [0] content }, … } } in
 * DER. What OpenSSL's reader sees is held against it when the signature is verified. */
#include "firmware_store/cms_content.h"

#include <string.h>

enum { SEQUENCE = 0x30, SET = 0x31, INTEGER = 0x02, OID = 0x06, OCTETS = 0x04, TAGGED_0 = 0xa0 };

/* Takes a value with this tag off `in`; definite lengths of up to four bytes. */
static bool take(struct bytes *in, uint8_t tag, struct bytes *out)
{
    if (in->n < 2 || in->p[0] != tag) {
        return false;
    }
    size_t head = 2, size = in->p[1];
    if (size >= 0x80) {
        size_t count = size & 0x7f;
        if (count == 0 || count > 4 || in->n < 2 + count) {
            return false;
        }
        size = 0;
        for (size_t i = 0; i < count; i++) {
            size = size << 8 | in->p[2 + i];
        }
        head += count;
    }
    if (size > in->n - head) {
        return false;
    }
    *out = (struct bytes){in->p + head, size};
    *in = (struct bytes){in->p + head + size, in->n - head - size};
    return true;
}

static bool is_pkcs7(struct bytes oid, uint8_t last)
{
    static const uint8_t arc[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07};
    return oid.n == sizeof arc + 1 && memcmp(oid.p, arc, sizeof arc) == 0 && oid.p[sizeof arc] == last;
}

enum cms_shape cms_find_content(struct bytes cms, struct bytes *content)
{
    struct bytes info, type, outer, signed_data, skipped, encapsulated;
    *content = BYTES_NONE;
    if (!take(&cms, SEQUENCE, &info) || cms.n != 0 || !take(&info, OID, &type)) {
        return CMS_SHAPE_BROKEN;
    }
    if (is_pkcs7(type, 3)) {
        return CMS_SHAPE_ENVELOPED;
    }
    if (!is_pkcs7(type, 2) || !take(&info, TAGGED_0, &outer) || !take(&outer, SEQUENCE, &signed_data) ||
        !take(&signed_data, INTEGER, &skipped) || !take(&signed_data, SET, &skipped) ||
        !take(&signed_data, SEQUENCE, &encapsulated) || !take(&encapsulated, OID, &type)) {
        return CMS_SHAPE_BROKEN;
    }
    if (encapsulated.n == 0) {
        return CMS_SHAPE_DETACHED;
    }
    bool is_whole = take(&encapsulated, TAGGED_0, &outer) && take(&outer, OCTETS, content) && outer.n == 0;
    return is_whole ? CMS_SHAPE_CONTENT : CMS_SHAPE_BROKEN;
}
