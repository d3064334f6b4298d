/* JSON by scanning (RFC 8259). A value's end is found with a stack of bracket kinds in one word, 32 levels
 * deep. */
#include "device/core/json.h"

enum { MAX_DEPTH = 32 };

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(struct whorl_bytes *in)
{
    while (in->size != 0 && is_space(in->data[0])) {
        in->data++;
        in->size--;
    }
}

static bool skip_byte(struct whorl_bytes *in, uint8_t wanted)
{
    skip_space(in);
    if (in->size == 0 || in->data[0] != wanted) {
        return false;
    }
    in->data++;
    in->size--;
    return true;
}

/* Length of the string that starts at data[at] with its quotes; 0 when it does not end. */
static size_t string_length(struct whorl_bytes in, size_t at)
{
    for (size_t i = at + 1; i < in.size; i++) {
        if (in.data[i] == '"') {
            return i + 1 - at;
        }
        if (in.data[i] < 0x20) {
            return 0;
        }
        i += in.data[i] == '\\' ? 1U : 0U;
    }
    return 0;
}

/* Length of a literal or number; 0 when there is none. */
static size_t word_length(struct whorl_bytes in, size_t at)
{
    size_t i = at;
    while (i < in.size && !is_space(in.data[i]) && in.data[i] != ',' && in.data[i] != ']' &&
           in.data[i] != '}' && in.data[i] != '"' && in.data[i] != ':' && in.data[i] != '[' &&
           in.data[i] != '{') {
        i++;
    }
    return i - at;
}

/* Length of the object or array that starts at data[0]; 0 when its brackets do not match. */
static size_t nested_length(struct whorl_bytes in)
{
    uint32_t is_object = 0;
    unsigned depth = 0;
    for (size_t i = 0; i < in.size; i++) {
        uint8_t c = in.data[i];
        if (c == '{' || c == '[') {
            if (++depth > MAX_DEPTH) {
                return 0;
            }
            is_object = is_object << 1 | (c == '{' ? 1U : 0U);
        } else if (c == '}' || c == ']') {
            if ((is_object & 1U) != (c == '}' ? 1U : 0U)) {
                return 0;
            }
            is_object >>= 1;
            if (--depth == 0) {
                return i + 1;
            }
        } else if (c == '"') {
            size_t length = string_length(in, i);
            if (length == 0) {
                return 0;
            }
            i += length - 1;
        }
    }
    return 0;
}

/* Takes the value at the front of `in`. */
static bool take_value(struct whorl_bytes *in, struct whorl_bytes *value)
{
    skip_space(in);
    if (in->size == 0) {
        return false;
    }
    size_t length;
    uint8_t first = in->data[0];
    if (first == '{' || first == '[') {
        length = nested_length(*in);
    } else if (first == '"') {
        length = string_length(*in, 0);
    } else {
        length = word_length(*in, 0);
    }
    value->data = in->data;
    value->size = length;
    in->data += length;
    in->size -= length;
    return length != 0;
}

bool whorl_json_member(struct whorl_bytes json, const char *name, struct whorl_bytes *value)
{
    if (!skip_byte(&json, '{')) {
        return false;
    }
    do {
        struct whorl_bytes key;
        struct whorl_bytes text;
        skip_space(&json);
        if (json.size == 0 || json.data[0] != '"' || !take_value(&json, &key) || !skip_byte(&json, ':') ||
            !take_value(&json, value)) {
            return false;
        }
        if (whorl_json_plain(key, &text) && whorl_is(text, name)) {
            return true;
        }
    } while (skip_byte(&json, ','));
    return false;
}

bool whorl_json_element(struct whorl_bytes json, size_t index, struct whorl_bytes *value)
{
    if (!skip_byte(&json, '[')) {
        return false;
    }
    do {
        skip_space(&json);
        if (json.size == 0 || json.data[0] == ']' || !take_value(&json, value)) {
            return false;
        }
        if (index == 0) {
            return true;
        }
        index--;
    } while (skip_byte(&json, ','));
    return false;
}

bool whorl_json_plain(struct whorl_bytes value, struct whorl_bytes *text)
{
    if (value.size < 2 || value.data[0] != '"') {
        return false;
    }
    text->data = value.data + 1;
    text->size = value.size - 2;
    for (size_t i = 0; i < text->size; i++) {
        if (text->data[i] == '\\') {
            return false;
        }
    }
    return true;
}

/* Four hex digits of either case, or -1. */
static int32_t unit_of(struct whorl_bytes text, size_t at)
{
    int32_t unit = 0;
    if (text.size < 4 || at > text.size - 4) {
        return -1;
    }
    for (size_t i = at; i < at + 4; i++) {
        uint8_t c = text.data[i];
        bool is_digit = c >= '0' && c <= '9';
        uint8_t lower = (uint8_t)(c | 0x20);
        if (!is_digit && (lower < 'a' || lower > 'f')) {
            return -1;
        }
        unit = unit << 4 | (is_digit ? c - '0' : lower - 'a' + 10);
    }
    return unit;
}

static size_t put_utf8(uint32_t point, uint8_t out[4])
{
    if (point < 0x80) {
        out[0] = (uint8_t)point;
        return 1;
    }
    size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const uint8_t lead[5] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = size - 1; i > 0; i--) {
        out[i] = (uint8_t)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    out[0] = (uint8_t)(lead[size] | point);
    return size;
}

/* One character or escape at text[*at]; moves *at behind it. 0 for what JSON does not allow. */
static size_t unescape(struct whorl_bytes text, size_t *at, uint8_t out[4])
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    uint8_t c = text.data[(*at)++];
    out[0] = c;
    if (c != '\\') {
        return 1;
    }
    if (*at == text.size) {
        return 0;
    }
    c = text.data[(*at)++];
    for (size_t i = 0; i < sizeof names - 1; i++) {
        if (c == (uint8_t)names[i]) {
            out[0] = (uint8_t)values[i];
            return 1;
        }
    }
    int32_t unit = c == 'u' ? unit_of(text, *at) : -1;
    if (unit <= 0 || (unit >= 0xdc00 && unit <= 0xdfff)) {
        return 0;
    }
    *at += 4;
    if (unit < 0xd800 || unit > 0xdbff) {
        return put_utf8((uint32_t)unit, out);
    }
    bool has_second = *at + 6 <= text.size && text.data[*at] == '\\' && text.data[*at + 1] == 'u';
    int32_t low = has_second ? unit_of(text, *at + 2) : -1;
    if (low < 0xdc00 || low > 0xdfff) {
        return 0;
    }
    *at += 6;
    return put_utf8(0x10000U + ((uint32_t)(unit - 0xd800) << 10) + (uint32_t)(low - 0xdc00), out);
}

bool whorl_json_string(struct whorl_bytes value, struct whorl_space out, size_t *size)
{
    *size = 0;
    if (value.size < 2 || value.data[0] != '"') {
        return false;
    }
    struct whorl_bytes text = {value.data + 1, value.size - 2};
    size_t at = 0;
    while (at < text.size) {
        uint8_t bytes[4];
        size_t count = unescape(text, &at, bytes);
        if (count == 0 || count > out.size - *size) {
            return false;
        }
        whorl_copy(out.data + *size, bytes, count);
        *size += count;
    }
    return true;
}

bool whorl_json_number(struct whorl_bytes value, uint64_t *out)
{
    uint64_t number = 0;
    if (value.size == 0 || value.size > 19) {
        return false;
    }
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < '0' || value.data[i] > '9') {
            return false;
        }
        number = number * 10 + (uint64_t)(value.data[i] - '0');
    }
    *out = number;
    return true;
}
