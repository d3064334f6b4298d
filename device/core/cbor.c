/* Heads of CBOR items, read and written, and what is built on them. No recursion: the caller knows what it
 * expects. */
#include "device/core/cbor.h"

enum { WHORL_CBOR_NULL = 0xf6 };

/* The argument of a head (RFC 8949 §3): in the initial byte, or in the 1, 2, 4 or 8 bytes behind it, in no
 * more of them than it needs. */
static bool take_head(struct whorl_bytes *in, uint8_t *major, uint64_t *value)
{
    if (in->size == 0) {
        return false;
    }
    uint8_t first = in->data[0];
    uint8_t info = first & 0x1f;
    size_t size = info < 24 ? 0 : (size_t)1 << (info - 24);
    if (info > 27 || in->size - 1 < size) {
        return false;
    }
    uint64_t argument = info;
    if (size != 0) {
        argument = 0;
        for (size_t i = 0; i < size; i++) {
            argument = argument << 8 | in->data[1 + i];
        }
        uint64_t least = size == 1 ? 24 : (uint64_t)1 << (size * 4);
        if (argument < least) {
            return false;
        }
    }
    *major = first >> 5;
    *value = argument;
    in->data += 1 + size;
    in->size -= 1 + size;
    return true;
}

bool whorl_cbor_head(struct whorl_bytes *in, enum whorl_cbor_major major, uint64_t *out)
{
    uint8_t found = 0;
    return take_head(in, &found, out) && found == (uint8_t)major;
}

bool whorl_cbor_uint(struct whorl_bytes *in, uint64_t *out)
{
    return whorl_cbor_head(in, WHORL_CBOR_UINT, out);
}

static bool take_string(struct whorl_bytes *in, enum whorl_cbor_major major, struct whorl_bytes *out)
{
    uint64_t size = 0;
    if (!whorl_cbor_head(in, major, &size) || size > in->size) {
        return false;
    }
    out->data = in->data;
    out->size = (size_t)size;
    in->data += out->size;
    in->size -= out->size;
    return true;
}

bool whorl_cbor_bytes(struct whorl_bytes *in, struct whorl_bytes *out)
{
    return take_string(in, WHORL_CBOR_BYTES, out);
}

/* The bytes that follow the first one of a character, and the least value that needs so many (RFC 3629 §3).
 */
static bool utf8_head(uint8_t first, size_t *more, uint32_t *value, uint32_t *least)
{
    if (first < 0x80) {
        *more = 0;
        *value = first;
        *least = 0x20;
        return true;
    }
    if (first < 0xc0 || first >= 0xf8) {
        return false;
    }
    *more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    *value = first & (0x3fU >> *more);
    *least = *more == 1 ? 0x80 : *more == 2 ? 0x800 : 0x10000;
    return true;
}

static bool is_clean_text(struct whorl_bytes text)
{
    for (size_t at = 0; at < text.size;) {
        size_t more = 0;
        uint32_t value = 0;
        uint32_t least = 0;
        if (!utf8_head(text.data[at], &more, &value, &least) || text.size - at - 1 < more) {
            return false;
        }
        for (size_t i = 1; i <= more; i++) {
            if ((text.data[at + i] & 0xc0) != 0x80) {
                return false;
            }
            value = value << 6 | (text.data[at + i] & 0x3fU);
        }
        bool is_surrogate = value >= 0xd800 && value < 0xe000;
        bool is_control = value >= 0x7f && value < 0xa0;
        if (value < least || value > 0x10ffff || is_surrogate || is_control) {
            return false;
        }
        at += 1 + more;
    }
    return true;
}

bool whorl_cbor_text(struct whorl_bytes *in, struct whorl_bytes *out)
{
    return take_string(in, WHORL_CBOR_TEXT, out) && is_clean_text(*out);
}

bool whorl_cbor_is_head(struct whorl_bytes *in, enum whorl_cbor_major major, uint64_t value)
{
    uint64_t found = 0;
    return whorl_cbor_head(in, major, &found) && found == value;
}

bool whorl_cbor_is_int(struct whorl_bytes *in, int64_t value)
{
    return value >= 0 ? whorl_cbor_is_head(in, WHORL_CBOR_UINT, (uint64_t)value)
                      : whorl_cbor_is_head(in, WHORL_CBOR_NEGATIVE, (uint64_t)(-1 - value));
}

bool whorl_cbor_is_null(struct whorl_bytes *in)
{
    bool is_null = in->size != 0 && in->data[0] == WHORL_CBOR_NULL;
    if (is_null) {
        in->data++;
        in->size--;
    }
    return is_null;
}

bool whorl_cbor_is_bytes(struct whorl_bytes *in, size_t size, struct whorl_bytes *out)
{
    return whorl_cbor_bytes(in, out) && out->size == size;
}

bool whorl_cbor_skip_int(struct whorl_bytes *in, int64_t value)
{
    struct whorl_bytes rest = *in;
    bool is_there = whorl_cbor_is_int(&rest, value);
    if (is_there) {
        *in = rest;
    }
    return is_there;
}

size_t whorl_cbor_put_head(uint8_t out[WHORL_CBOR_HEAD_MAX], enum whorl_cbor_major major, uint64_t value)
{
    uint8_t type = (uint8_t)((unsigned)major << 5);
    if (value < 24) {
        out[0] = (uint8_t)(type | (uint8_t)value);
        return 1;
    }
    unsigned power = value <= 0xff ? 0 : value <= 0xffff ? 1 : value <= 0xffffffffU ? 2 : 3;
    size_t size = (size_t)1 << power;
    out[0] = (uint8_t)(type | (24U + power));
    for (size_t i = 0; i < size; i++) {
        out[1 + i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    }
    return 1 + size;
}
