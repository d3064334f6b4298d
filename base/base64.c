/* Base64 (RFC 4648 §4). Decoding is canonical: padding is needed, spare bits are zero, so each value has one
 * spelling. EST bodies may be broken into lines (RFC 8951 §3): only the lenient decoder steps over white
 * space. No line breaks are made. */
#include "base/encoding.h"

enum { BASE64_BAD = 64, BASE64_SPACE = 65 };

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode_group(const uint8_t *in, size_t n, uint8_t *out)
{
    uint32_t bits = (uint32_t)in[0] << 16;
    bits |= n > 1 ? (uint32_t)in[1] << 8 : 0;
    bits |= n > 2 ? (uint32_t)in[2] : 0;
    out[0] = (uint8_t)base64_digits[bits >> 18 & 63];
    out[1] = (uint8_t)base64_digits[bits >> 12 & 63];
    out[2] = n > 1 ? (uint8_t)base64_digits[bits >> 6 & 63] : '=';
    out[3] = n > 2 ? (uint8_t)base64_digits[bits & 63] : '=';
}

err_t base64_append(struct buf *out, struct bytes in)
{
    ENSURE(in.n < SIZE_MAX / 2, ERR_NO_MEMORY, "base64 of %zu bytes", in.n);
    TRY(buf_reserve(out, (in.n + 2) / 3 * 4));
    for (size_t i = 0; i < in.n; i += 3) {
        encode_group(in.p + i, in.n - i < 3 ? in.n - i : 3, out->p + out->n);
        out->n += 4;
    }
    out->p[out->n] = '\0';
    return OK;
}

static uint8_t digit_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return (uint8_t)(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return (uint8_t)(c - 'a' + 26);
    }
    if (c >= '0' && c <= '9') {
        return (uint8_t)(c - '0' + 52);
    }
    if (c == '+' || c == '/') {
        return c == '+' ? 62 : 63;
    }
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' ? BASE64_SPACE : BASE64_BAD;
}

struct decoder {
    uint32_t bits;    /* of the group that is being read */
    unsigned digits;  /* of this group, padding not counted */
    unsigned padding; /* '=' seen */
    bool is_lenient;
};

/* Takes one character; writes what a full group gives. Room for it is reserved by the caller. */
static err_t decode_character(struct decoder *d, uint8_t c, size_t offset, struct buf *out)
{
    uint8_t value = digit_value(c);
    if (value == BASE64_SPACE && d->is_lenient) {
        return OK;
    }
    if (c == '=') {
        ENSURE(d->digits >= 2 && d->digits + d->padding < 4, ERR_BAD_ENCODING, "base64: '=' at offset %zu",
               offset);
        d->padding++;
        return OK;
    }
    ENSURE(value < BASE64_BAD, ERR_BAD_ENCODING, "base64: byte 0x%02x at offset %zu", c, offset);
    ENSURE(d->padding == 0, ERR_BAD_ENCODING, "base64: text after the padding at offset %zu", offset);
    d->bits = d->bits << 6 | value;
    d->digits++;
    if (d->digits == 4) {
        out->p[out->n++] = (uint8_t)(d->bits >> 16);
        out->p[out->n++] = (uint8_t)(d->bits >> 8);
        out->p[out->n++] = (uint8_t)d->bits;
        d->bits = 0;
        d->digits = 0;
    }
    return OK;
}

/* The last group: two or three digits, padded to four, with nothing in the spare bits. */
static err_t decode_end(const struct decoder *d, size_t offset, struct buf *out)
{
    if (d->digits == 0) {
        return OK;
    }
    ENSURE(d->digits + d->padding == 4, ERR_BAD_ENCODING, "base64: cut short at offset %zu", offset);
    unsigned spare = d->digits == 2 ? 4 : 2;
    ENSURE((d->bits & ((1U << spare) - 1)) == 0, ERR_BAD_ENCODING, "base64: spare bits before offset %zu",
           offset);
    uint32_t bits = d->bits >> spare;
    if (d->digits == 3) {
        out->p[out->n++] = (uint8_t)(bits >> 8);
    }
    out->p[out->n++] = (uint8_t)bits;
    return OK;
}

static err_t decode_all(struct bytes text, bool is_lenient, struct buf *out)
{
    struct decoder d = {.is_lenient = is_lenient};
    for (size_t i = 0; i < text.n; i++) {
        TRY(decode_character(&d, text.p[i], i, out));
    }
    return decode_end(&d, text.n, out);
}

static err_t decode(struct bytes text, bool is_lenient, struct buf *out)
{
    TRY(buf_reserve(out, text.n / 4 * 3 + 3));
    size_t before = out->n;
    err_t error = decode_all(text, is_lenient, out);
    if (error.code != ERR_OK) {
        out->n = before;
    }
    out->p[out->n] = '\0';
    return error;
}

err_t base64_decode_lenient(struct bytes text, struct buf *out)
{
    return decode(text, true, out);
}

err_t base64_decode(struct bytes text, struct buf *out)
{
    return decode(text, false, out);
}
