/* UTF-8 checks after the table of RFC 3629 §4. Knows nothing of normalisation or of what a character means.
 * Called by err and log (text that is shown), and by whoever stores text from outside. */
#include "base/utf8.h"

/* One row for each range of first bytes: how long the character is, and which second byte is allowed. */
struct utf8_row {
    uint8_t first_low, first_high, second_low, second_high, size;
};

static const struct utf8_row utf8_rows[] = {
    {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
    {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
    {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

static bool row_fits(const struct utf8_row *row, struct bytes s)
{
    if (s.n < row->size || s.p[1] < row->second_low || s.p[1] > row->second_high) {
        return false;
    }
    for (size_t i = 2; i < row->size; i++) {
        if ((s.p[i] & 0xc0) != 0x80) {
            return false;
        }
    }
    return true;
}

size_t utf8_char_size(struct bytes s)
{
    if (s.n == 0) {
        return 0;
    }
    if (s.p[0] < 0x80) {
        return 1;
    }
    for (size_t i = 0; i < sizeof utf8_rows / sizeof utf8_rows[0]; i++) {
        const struct utf8_row *row = &utf8_rows[i];
        if (s.p[0] >= row->first_low && s.p[0] <= row->first_high) {
            return row_fits(row, s) ? row->size : 0;
        }
    }
    return 0;
}

bool utf8_is_valid(struct bytes s)
{
    while (s.n > 0) {
        size_t size = utf8_char_size(s);
        if (size == 0) {
            return false;
        }
        s.p += size;
        s.n -= size;
    }
    return true;
}
