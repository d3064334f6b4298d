/* Dotted object identifiers, read strictly: no signs, no spaces, no leading zeros, so that one identifier has
 * one text. */
#include "pki/oid.h"

enum { SECOND_MAX = 39, GROUP_BITS = 7, ARC_BYTES_MAX = 10 };

static err_t no_oid(void)
{
    return ERR(ERR_UNPROCESSABLE,
               "an object identifier is numbers with dots between them, as 1.3.6.1.4.1.32473.7");
}

/* One arc and the dot behind it. */
static err_t take_arc(struct bytes *text, uint64_t *out)
{
    uint64_t value = 0;
    size_t n = 0;
    while (n < text->n && text->p[n] >= '0' && text->p[n] <= '9') {
        ENSURE(value <= (INT64_MAX - 9) / 10, ERR_UNPROCESSABLE,
               "a number of an object identifier is below 2^63 here");
        value = value * 10 + (uint64_t)(text->p[n] - '0');
        n++;
    }
    bool is_padded = n > 1 && text->p[0] == '0';
    bool ends_well = n == text->n || (text->p[n] == '.' && n + 1 < text->n);
    if (n == 0 || is_padded || !ends_well) {
        return no_oid();
    }
    size_t taken = n == text->n ? n : n + 1;
    *text = (struct bytes){text->p + taken, text->n - taken};
    *out = value;
    return OK;
}

static err_t put_arc(uint64_t value, struct buf *out)
{
    uint8_t octets[ARC_BYTES_MAX];
    size_t n = sizeof octets;
    octets[--n] = (uint8_t)(value & 0x7f);
    while ((value >>= GROUP_BITS) != 0) {
        octets[--n] = (uint8_t)(0x80 | (value & 0x7f));
    }
    return buf_append(out, octets + n, sizeof octets - n);
}

err_t oid_parse(struct bytes text, struct buf *out)
{
    uint64_t first = 0;
    uint64_t second = 0;
    size_t start = out->n;
    struct bytes rest = text;
    ENSURE(text.n < OID_TEXT_SIZE, ERR_UNPROCESSABLE, "an object identifier has at most %d characters here",
           OID_TEXT_SIZE - 1);
    TRY(take_arc(&rest, &first));
    TRY(take_arc(&rest, &second));
    ENSURE(first <= 2 && (first == 2 || second <= SECOND_MAX), ERR_UNPROCESSABLE,
           "an object identifier begins with 0, 1 or 2, and with at most 39 behind 0 or 1");
    TRY(put_arc(first * (SECOND_MAX + 1) + second, out));
    while (rest.n > 0) {
        uint64_t arc = 0;
        TRY(take_arc(&rest, &arc));
        TRY(put_arc(arc, out));
    }
    ENSURE(out->n - start <= OID_DER_SIZE, ERR_UNPROCESSABLE, "the object identifier is too long");
    return OK;
}
