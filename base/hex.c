/* Hexadecimal text, lower case only: one spelling for each value, so that ids can be compared as text. */
#include <string.h>

#include "base/encoding.h"

static const char hex_digits[] = "0123456789abcdef";

void hex_encode(struct bytes in, char *out)
{
    for (size_t i = 0; i < in.n; i++) {
        out[2 * i] = hex_digits[in.p[i] >> 4];
        out[2 * i + 1] = hex_digits[in.p[i] & 0x0f];
    }
    out[2 * in.n] = '\0';
}

err_t hex_append(struct buf *out, struct bytes in)
{
    ENSURE(in.n < SIZE_MAX / 2, ERR_NO_MEMORY, "hex of %zu bytes", in.n);
    TRY(buf_reserve(out, 2 * in.n));
    hex_encode(in, (char *)out->p + out->n);
    out->n += 2 * in.n;
    return OK;
}

/* The value of a digit, or -1. */
static int digit_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

err_t hex_decode(struct bytes text, uint8_t *out, size_t size)
{
    ENSURE(text.n % 2 == 0 && text.n / 2 == size, ERR_BAD_ENCODING,
           "%zu hex characters are expected, not %zu", 2 * size, text.n);
    for (size_t i = 0; i < size; i++) {
        int high = digit_value(text.p[2 * i]);
        int low = digit_value(text.p[2 * i + 1]);
        ENSURE(high >= 0 && low >= 0, ERR_BAD_ENCODING, "not lower-case hex at offset %zu",
               2 * i + (high >= 0));
        out[i] = (uint8_t)(high << 4 | low);
    }
    return OK;
}
