/* One Structured Field Item (RFC 9651 §4.2.3). Every kind of parameter value is recognised, since a parameter
 * that does not parse makes the whole field void, and one that is only unknown does not. */
#include "device/core/rekey_after.h"

enum { MAX_DIGITS = 15 };

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_letter(uint8_t c)
{
    return is_lower((uint8_t)(c | 0x20U)) && c < 0x80;
}

static bool is_one_of(uint8_t c, const char *set)
{
    for (size_t i = 0; set[i] != '\0'; i++) {
        if (c == (uint8_t)set[i]) {
            return true;
        }
    }
    return false;
}

static bool is_key_character(uint8_t c)
{
    return is_lower(c) || is_digit(c) || is_one_of(c, "_-.*");
}

/* tchar of RFC 9110 §5.6.2, and the two that a Token may hold beside them */
static bool is_token_character(uint8_t c)
{
    return is_letter(c) || is_digit(c) || is_one_of(c, "!#$%&'*+-.^_`|~:/");
}

static bool is_base64_character(uint8_t c)
{
    return is_letter(c) || is_digit(c) || is_one_of(c, "+/=");
}

static void step(struct whorl_bytes *in, size_t count)
{
    in->data += count;
    in->size -= count;
}

static bool starts_with(struct whorl_bytes in, uint8_t c)
{
    return in.size != 0 && in.data[0] == c;
}

static size_t run_of(struct whorl_bytes in, bool (*is_part)(uint8_t))
{
    size_t n = 0;
    while (n < in.size && is_part(in.data[n])) {
        n++;
    }
    return n;
}

/* Digits with an optional sign; 1 to 15 of them. */
static bool take_integer(struct whorl_bytes *in, int64_t *out)
{
    bool is_negative = starts_with(*in, '-');
    int64_t value = 0;
    step(in, is_negative ? 1 : 0);
    size_t count = run_of(*in, is_digit);
    if (count == 0 || count > MAX_DIGITS) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        value = value * 10 + (in->data[i] - '0');
    }
    step(in, count);
    *out = is_negative ? -value : value;
    return true;
}

/* An Integer or a Decimal: at most 12 digits, a point, 1 to 3 digits. */
static bool skip_number(struct whorl_bytes *in)
{
    int64_t whole;
    const uint8_t *start = in->data + (starts_with(*in, '-') ? 1 : 0);
    if (!take_integer(in, &whole)) {
        return false;
    }
    if (!starts_with(*in, '.')) {
        return true;
    }
    bool is_short = in->data - start <= 12;
    step(in, 1);
    size_t count = run_of(*in, is_digit);
    step(in, count);
    return is_short && count >= 1 && count <= 3;
}

static bool skip_string(struct whorl_bytes *in)
{
    step(in, 1);
    while (in->size != 0) {
        uint8_t c = in->data[0];
        step(in, 1);
        if (c == '"') {
            return true;
        }
        if (c < 0x20 || c > 0x7e) {
            return false;
        }
        if (c == '\\') {
            if (in->size == 0 || !is_one_of(in->data[0], "\"\\")) {
                return false;
            }
            step(in, 1);
        }
    }
    return false;
}

static bool skip_bytes(struct whorl_bytes *in)
{
    step(in, 1);
    step(in, run_of(*in, is_base64_character));
    bool is_closed = starts_with(*in, ':');
    step(in, is_closed ? 1 : 0);
    return is_closed;
}

static bool skip_boolean(struct whorl_bytes *in)
{
    bool is_sound = in->size >= 2 && is_one_of(in->data[1], "01");
    step(in, is_sound ? 2 : 0);
    return is_sound;
}

static bool skip_date(struct whorl_bytes *in)
{
    int64_t date_s;
    step(in, 1);
    return take_integer(in, &date_s);
}

/* @param[out] token the value when it is a Token, else empty */
static bool take_bare_item(struct whorl_bytes *in, struct whorl_bytes *token)
{
    token->data = in->data;
    token->size = 0;
    if (in->size == 0) {
        return false;
    }
    uint8_t first = in->data[0];
    if (is_letter(first) || first == '*') {
        token->size = run_of(*in, is_token_character);
        step(in, token->size);
        return true;
    }
    switch (first) {
    case '"':
        return skip_string(in);
    case ':':
        return skip_bytes(in);
    case '?':
        return skip_boolean(in);
    case '@':
        return skip_date(in);
    default:
        return skip_number(in);
    }
}

/* The last of several parameters of one name counts (RFC 9651 §3.1.2). */
static bool take_parameter(struct whorl_bytes *in, struct whorl_rekey_after *out)
{
    struct whorl_bytes value = {NULL, 0};
    step(in, 1); /* the semicolon */
    while (starts_with(*in, ' ')) {
        step(in, 1);
    }
    if (in->size == 0 || (!is_lower(in->data[0]) && in->data[0] != '*')) {
        return false;
    }
    struct whorl_bytes name = {in->data, run_of(*in, is_key_character)};
    step(in, name.size);
    if (starts_with(*in, '=')) {
        step(in, 1);
        if (!take_bare_item(in, &value)) {
            return false;
        }
    }
    if (whorl_is(name, "key")) {
        out->is_new_key = whorl_is(value, "new");
    }
    return true;
}

bool whorl_rekey_after_parse(struct whorl_bytes text, struct whorl_rekey_after *out)
{
    whorl_zero(out, sizeof *out);
    if (!take_integer(&text, &out->delay_s)) {
        return false;
    }
    while (starts_with(text, ';')) {
        if (!take_parameter(&text, out)) {
            return false;
        }
    }
    return text.size == 0 && out->delay_s >= 0;
}
