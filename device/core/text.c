/* Bounded text, hex, base64 and RFC 3339 times. No allocation, no locale, no table that must be initialised.
 */
#include "device/core/text.h"

static const char whorl_hex_digits[] = "0123456789abcdef";
static const char whorl_base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void whorl_text_begin(struct whorl_text *text, struct whorl_space room)
{
    text->room = room;
    text->size = 0;
    text->is_full = false;
}

void whorl_text_bytes(struct whorl_text *text, struct whorl_bytes bytes)
{
    if (text->is_full || bytes.size > text->room.size - text->size) {
        text->is_full = true;
        return;
    }
    whorl_copy(text->room.data + text->size, bytes.data, bytes.size);
    text->size += bytes.size;
}

void whorl_text_put(struct whorl_text *text, const char *words)
{
    whorl_text_bytes(text, whorl_bytes_of(words));
}

void whorl_text_number(struct whorl_text *text, uint64_t value)
{
    uint8_t digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    struct whorl_bytes written = {digits + at, sizeof digits - at};
    whorl_text_bytes(text, written);
}

void whorl_text_hex(struct whorl_text *text, struct whorl_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        uint8_t pair[2] = {(uint8_t)whorl_hex_digits[bytes.data[i] >> 4],
                           (uint8_t)whorl_hex_digits[bytes.data[i] & 15]};
        struct whorl_bytes written = {pair, 2};
        whorl_text_bytes(text, written);
    }
}

void whorl_text_base64(struct whorl_text *text, struct whorl_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        uint32_t group = (uint32_t)bytes.data[i] << 16;
        group |= left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
        group |= left > 2 ? bytes.data[i + 2] : 0;
        uint8_t quad[4] = {'=', '=', '=', '='};
        for (size_t k = 0; k < 4 && k <= left; k++) {
            quad[k] = (uint8_t)whorl_base64_digits[group >> (18 - 6 * k) & 63];
        }
        struct whorl_bytes written = {quad, 4};
        whorl_text_bytes(text, written);
    }
}

struct whorl_bytes whorl_text_view(const struct whorl_text *text)
{
    struct whorl_bytes view = {text->room.data, text->size};
    return view;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool whorl_hex_decode(struct whorl_bytes hex, uint8_t *out, size_t size)
{
    if (hex.size != 2 * size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        int high = hex_value(hex.data[2 * i]);
        int low = hex_value(hex.data[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static int base64_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    if (c == '+') {
        return 62;
    }
    return c == '/' ? 63 : -1;
}

bool whorl_base64_decode(struct whorl_bytes in, struct whorl_space out, size_t *size)
{
    *size = 0;
    if (in.size % 4 != 0) {
        return false;
    }
    for (size_t i = 0; i < in.size; i += 4) {
        uint32_t group = 0;
        size_t digits = 4;
        while (i + 4 == in.size && digits > 2 && in.data[i + digits - 1] == '=') {
            digits--;
        }
        for (size_t k = 0; k < 4; k++) {
            int value = k < digits ? base64_value(in.data[i + k]) : 0;
            if (value < 0) {
                return false;
            }
            group = group << 6 | (uint32_t)value;
        }
        size_t bytes = digits - 1;
        /* bits beyond the last byte must be zero: one text per value */
        if ((bytes == 1 && (group & 0xffff) != 0) || (bytes == 2 && (group & 0xff) != 0) ||
            bytes > out.size - *size) {
            return false;
        }
        for (size_t k = 0; k < bytes; k++) {
            out.data[(*size)++] = (uint8_t)(group >> (16 - 8 * k));
        }
    }
    return true;
}

bool whorl_is(struct whorl_bytes bytes, const char *words)
{
    return bytes.size == whorl_length(words) && whorl_equal(bytes.data, words, bytes.size);
}

/* `digits` decimal digits at `at`, or -1. */
static int32_t decimal(struct whorl_bytes text, size_t at, size_t digits)
{
    int32_t value = 0;
    for (size_t i = at; i < at + digits; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return -1;
        }
        value = value * 10 + (text.data[i] - '0');
    }
    return value;
}

/* Days since 1970-01-01 of a date in the Gregorian calendar; March is the first month, so that the leap day
 * comes last. */
static int64_t days_of(int32_t year, int32_t month, int32_t day)
{
    int32_t y = month <= 2 ? year - 1 : year;
    int32_t m = month <= 2 ? month + 9 : month - 3;
    int64_t leap_days = y / 4 - y / 100 + y / 400;
    return 365 * (int64_t)y + leap_days + (153 * m + 2) / 5 + day - 1 - 719468;
}

bool whorl_time_parse(struct whorl_bytes text, int64_t *out)
{
    if (text.size < 20 || text.data[4] != '-' || text.data[7] != '-' || text.data[10] != 'T' ||
        text.data[13] != ':' || text.data[16] != ':' || text.data[text.size - 1] != 'Z') {
        return false;
    }
    int32_t year = decimal(text, 0, 4);
    int32_t month = decimal(text, 5, 2);
    int32_t day = decimal(text, 8, 2);
    int32_t hour = decimal(text, 11, 2);
    int32_t minute = decimal(text, 14, 2);
    int32_t second = decimal(text, 17, 2);
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 ||
        minute < 0 || minute > 59 || second < 0 || second > 60) {
        return false;
    }
    *out = days_of(year, month, day) * 86400 + (int64_t)hour * 3600 + (int64_t)minute * 60 + second;
    return true;
}
