/* UUIDs (RFC 9562): text form, and making version 7 ones, whose order is that of time. Not a secret and never
 * a proof. */
#include <string.h>

#include "base/encoding.h"
#include "base/ports.h"

void uuid_format(struct uuid id, char out[UUID_TEXT_SIZE])
{
    char hex[2 * sizeof id.b + 1];
    hex_encode(BYTES_OF(id.b), hex);
    static const size_t groups[] = {8, 4, 4, 4, 12};
    const char *from = hex;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        memcpy(out, from, groups[i]);
        out += groups[i];
        from += groups[i];
        *out++ = '-';
    }
    out[-1] = '\0';
}

err_t uuid_parse(struct bytes text, struct uuid *out)
{
    ENSURE(text.n == UUID_TEXT_SIZE - 1, ERR_BAD_ENCODING, "a UUID has 36 characters, not %zu", text.n);
    uint8_t hex[2 * sizeof out->b];
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        ENSURE((text.p[i] == '-') == is_dash, ERR_BAD_ENCODING, "not a UUID at offset %zu", i);
        if (!is_dash) {
            /* RFC 9562 §4: read without regard to case */
            hex[n++] = (uint8_t)(text.p[i] >= 'A' && text.p[i] <= 'F' ? text.p[i] - 'A' + 'a' : text.p[i]);
        }
    }
    struct uuid id = {0};
    TRY(hex_decode(BYTES_OF(hex), id.b, sizeof id.b));
    *out = id;
    return OK;
}

bool uuid_equal(struct uuid a, struct uuid b)
{
    return memcmp(a.b, b.b, sizeof a.b) == 0;
}

err_t uuid_new(const struct clock *clock, const struct random *random, struct uuid *out)
{
    struct uuid id = {0};
    uint64_t at_ms = (uint64_t)clock_now_ms(clock);
    TRY(random_fill(random, id.b, sizeof id.b));
    for (size_t i = 0; i < 6; i++) {
        id.b[i] = (uint8_t)(at_ms >> (40 - 8 * i));
    }
    id.b[6] = (uint8_t)(0x70 | (id.b[6] & 0x0f)); /* version 7 */
    id.b[8] = (uint8_t)(0x80 | (id.b[8] & 0x3f)); /* variant of RFC 9562 */
    *out = id;
    return OK;
}
