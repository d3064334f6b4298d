/* Writing DER forwards into a buffer: lengths are inserted when a value is closed. The first failed
 * allocation is kept and every later call does nothing, so that callers check once. */
#include "pki/der.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

struct der_writer der_writer(struct buf *out)
{
    return (struct der_writer){.out = out, .error = OK};
}

err_t der_finish(const struct der_writer *w)
{
    return w->error;
}

static void append(struct der_writer *w, const void *p, size_t n)
{
    if (w->error.code == ERR_OK) {
        w->error = buf_append(w->out, p, n);
    }
}

/* Length octets of `n`, at most five. */
static size_t length_octets(size_t n, uint8_t out[5])
{
    if (n < 0x80) {
        out[0] = (uint8_t)n;
        return 1;
    }
    size_t octets = n > 0xffffff ? 4 : n > 0xffff ? 3 : n > 0xff ? 2 : 1;
    out[0] = (uint8_t)(0x80 | octets);
    for (size_t i = 0; i < octets; i++) {
        out[1 + i] = (uint8_t)(n >> (8 * (octets - 1 - i)));
    }
    return 1 + octets;
}

size_t der_open(struct der_writer *w, uint8_t tag)
{
    append(w, &tag, 1);
    return w->out->n;
}

void der_close(struct der_writer *w, size_t mark)
{
    uint8_t octets[5];
    if (w->error.code != ERR_OK) {
        return;
    }
    size_t content = w->out->n - mark;
    size_t count = length_octets(content, octets);
    append(w, octets, count);
    if (w->error.code == ERR_OK) {
        memmove(w->out->p + mark + count, w->out->p + mark, content);
        memcpy(w->out->p + mark, octets, count);
    }
}

void der_put(struct der_writer *w, uint8_t tag, struct bytes value)
{
    uint8_t header[6] = {tag};
    append(w, header, 1 + length_octets(value.n, header + 1));
    der_put_raw(w, value);
}

void der_put_raw(struct der_writer *w, struct bytes der)
{
    if (der.n > 0) {
        append(w, der.p, der.n);
    }
}

void der_put_bits(struct der_writer *w, struct bytes bits)
{
    uint8_t header[7] = {DER_BIT_STRING};
    size_t n = 1 + length_octets(bits.n + 1, header + 1);
    header[n] = 0; /* no unused bits */
    append(w, header, n + 1);
    der_put_raw(w, bits);
}

void der_put_unsigned(struct der_writer *w, uint8_t tag, struct bytes big_endian)
{
    struct bytes v = big_endian;
    while (v.n > 1 && v.p[0] == 0) {
        v.p++;
        v.n--;
    }
    bool needs_zero = v.n == 0 || v.p[0] >= 0x80;
    uint8_t header[7] = {tag};
    size_t n = 1 + length_octets(v.n + (needs_zero ? 1 : 0), header + 1);
    header[n] = 0;
    append(w, header, n + (needs_zero ? 1 : 0));
    der_put_raw(w, v);
}

void der_put_int64(struct der_writer *w, uint8_t tag, int64_t value)
{
    uint8_t big_endian[8];
    for (size_t i = 0; i < sizeof big_endian; i++) {
        big_endian[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
    }
    der_put_unsigned(w, tag, BYTES_OF(big_endian));
}

void der_put_time(struct der_writer *w, int64_t at_ms)
{
    time_t at_s = (time_t)(at_ms / 1000);
    struct tm utc;
    char text[80]; /* room for any struct tm, as the compiler sees it */
    if (at_ms < 0 || gmtime_r(&at_s, &utc) == NULL || utc.tm_year + 1900 > 9999) {
        if (w->error.code == ERR_OK) {
            w->error =
                ERR(ERR_UNPROCESSABLE, "a time outside the years 1970 to 9999 cannot stand in a certificate");
        }
        return;
    }
    bool is_short = utc.tm_year + 1900 < 2050;
    int year = is_short ? utc.tm_year % 100 : utc.tm_year + 1900;
    (void)snprintf(text, sizeof text, "%0*d%02d%02d%02d%02d%02dZ", is_short ? 2 : 4, year, utc.tm_mon + 1,
                   utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
    der_put(w, is_short ? DER_UTC_TIME : DER_GENERALIZED_TIME, bytes_str(text));
}
