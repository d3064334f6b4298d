/* Reading DER (X.690 §10, §11): one item at a time, and the check that a whole value is DER and not merely
 * BER. Knows no structure above tag, length and value; that is the caller's. */
#include "pki/der.h"

enum { DEPTH_MAX = 16 };

/* Length octets (X.690 §10.1): definite, shortest form, at most four octets. */
static bool read_length(struct bytes in, size_t *header, size_t *length)
{
    if (in.n < 2) {
        return false;
    }
    uint8_t first = in.p[1];
    if (first < 0x80) {
        *header = 2;
        *length = first;
        return true;
    }
    size_t octets = first & 0x7fU;
    if (octets == 0 || octets > 4 || in.n < 2 + octets || in.p[2] == 0) {
        return false;
    }
    size_t value = 0;
    for (size_t i = 0; i < octets; i++) {
        value = (value << 8) | in.p[2 + i];
    }
    *header = 2 + octets;
    *length = value;
    return value >= 0x80;
}

bool der_next(struct bytes *in, struct der_item *out)
{
    size_t header = 0;
    size_t length = 0;
    if (in->n < 2 || (in->p[0] & 0x1f) == 0x1f || !read_length(*in, &header, &length) ||
        length > in->n - header) {
        return false;
    }
    out->tag = in->p[0];
    out->value = (struct bytes){in->p + header, length};
    out->whole = (struct bytes){in->p, header + length};
    in->p += header + length;
    in->n -= header + length;
    return true;
}

bool der_take(struct bytes *in, uint8_t tag, struct der_item *out)
{
    struct bytes rest = *in;
    if (!der_next(&rest, out) || out->tag != tag) {
        return false;
    }
    *in = rest;
    return true;
}

static bool is_minimal_integer(struct bytes v)
{
    if (v.n == 0) {
        return false;
    }
    bool has_padding = v.n > 1 && ((v.p[0] == 0x00 && v.p[1] < 0x80) || (v.p[0] == 0xff && v.p[1] >= 0x80));
    return !has_padding;
}

static bool is_bit_string(struct bytes v)
{
    if (v.n <= 1 || v.p[0] > 7) {
        return v.n == 1 && v.p[0] == 0;
    }
    unsigned unused = (1U << v.p[0]) - 1U;
    return (v.p[v.n - 1] & unused) == 0;
}

/* X.690 §8.19: arcs in base 128, none padded, the last one complete. */
static bool is_oid(struct bytes v)
{
    bool at_arc_start = true;
    for (size_t i = 0; i < v.n; i++) {
        if (at_arc_start && v.p[i] == 0x80) {
            return false;
        }
        at_arc_start = v.p[i] < 0x80;
    }
    return v.n > 0 && at_arc_start;
}

/* The universal types have one form in DER each; context tags are checked by whoever knows their meaning. */
static bool is_primitive_form(uint8_t tag, struct bytes v)
{
    switch (tag) {
    case DER_BOOLEAN:
        return v.n == 1 && (v.p[0] == 0x00 || v.p[0] == 0xff);
    case DER_INTEGER:
    case DER_ENUMERATED:
        return is_minimal_integer(v);
    case DER_BIT_STRING:
        return is_bit_string(v);
    case DER_NULL:
        return v.n == 0;
    case DER_OID:
        return is_oid(v);
    default:
        return true;
    }
}

static bool is_der_list(struct bytes in, unsigned depth) // NOLINT(misc-no-recursion): bounded by DEPTH_MAX
{
    struct der_item item;
    if (depth > DEPTH_MAX) {
        return false;
    }
    while (in.n > 0) {
        if (!der_next(&in, &item)) {
            return false;
        }
        bool is_universal = (item.tag & 0xc0) == 0;
        bool is_constructed = (item.tag & 0x20) != 0;
        bool may_be_constructed = !is_universal || item.tag == DER_SEQUENCE || item.tag == DER_SET;
        bool must_be_constructed = is_universal && ((item.tag & 0x1f) == 0x10 || (item.tag & 0x1f) == 0x11);
        bool is_good = is_constructed ? may_be_constructed && is_der_list(item.value, depth + 1)
                                      : !must_be_constructed &&
                                            (!is_universal || is_primitive_form(item.tag, item.value));
        if (!is_good || item.tag == 0x00) {
            return false;
        }
    }
    return true;
}

err_t der_check(struct bytes der)
{
    struct bytes rest = der;
    struct der_item item;
    ENSURE(der_next(&rest, &item), ERR_BAD_ENCODING,
           "not DER: the outermost tag or length is malformed, or data is missing");
    ENSURE(rest.n == 0, ERR_BAD_ENCODING, "%zu bytes follow the end of the DER value", rest.n);
    ENSURE(is_der_list(der, 0), ERR_BAD_ENCODING,
           "not DER: a length, number or string is not in its one canonical form");
    return OK;
}
