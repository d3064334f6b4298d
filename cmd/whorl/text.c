/* What a terminal may be shown. The ranges are coarse on purpose: a table that is one column off harms
 * nobody, a character that a terminal obeys does. */
#include "cmd/whorl/text.h"

#include "base/utf8.h"

struct range {
    uint32_t first, last;
};

/* Characters that are no letters but orders: to the direction of writing (Unicode TR 36 §2.6), to lines, to
 * joining. */
static const struct range orders[] = {
    {0x061c, 0x061c}, {0x200b, 0x200f}, {0x2028, 0x202e},   {0x2060, 0x206f},
    {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
};
static const struct range combining[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x064b, 0x065f}, {0x1ab0, 0x1aff},
    {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
};
static const struct range wide[] = {
    {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xa960, 0xa97f}, {0xac00, 0xd7a3},
    {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff01, 0xff60},   {0xffe0, 0xffe6}, {0x1f300, 0x1f64f},
    {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};
#define IN(ranges, point) is_in((ranges), sizeof(ranges) / sizeof(ranges)[0], (point))

static bool is_in(const struct range *ranges, size_t count, uint32_t point)
{
    for (size_t i = 0; i < count; i++) {
        if (point >= ranges[i].first && point <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

/* @param size of the character, valid UTF-8 */
static uint32_t point_of(const uint8_t *p, size_t size)
{
    static const uint8_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t point = p[0] & masks[size];
    for (size_t i = 1; i < size; i++) {
        point = point << 6 | (p[i] & 0x3fU);
    }
    return point;
}

static bool is_control(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0);
}

err_t cli_text_escape(struct bytes text, bool keeps_lines, struct buf *out)
{
    for (size_t i = 0; i < text.n;) {
        size_t size = utf8_char_size((struct bytes){text.p + i, text.n - i});
        uint32_t point = size == 0 ? text.p[i] : point_of(text.p + i, size);
        bool is_line = keeps_lines && (point == '\n' || point == '\t');
        if (size == 0 || (is_control(point) && !is_line)) {
            TRY(buf_printf(out, "\\x%02x", point));
        } else if (IN(orders, point)) {
            TRY(buf_printf(out, "\\u{%x}", point));
        } else {
            TRY(buf_append(out, text.p + i, size));
        }
        i += size == 0 ? 1 : size;
    }
    return OK;
}

size_t cli_text_width(struct bytes text)
{
    size_t width = 0;
    for (size_t i = 0; i < text.n;) {
        size_t size = utf8_char_size((struct bytes){text.p + i, text.n - i});
        uint32_t point = size == 0 ? '?' : point_of(text.p + i, size);
        width += IN(combining, point) ? 0 : IN(wide, point) ? 2 : 1;
        i += size == 0 ? 1 : size;
    }
    return width;
}
