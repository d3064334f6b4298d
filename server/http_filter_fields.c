/* Header and trailer fields of the filter: names, values, and the three names that decide about framing and
 * routing. */
#include <string.h>

#include "server/http_filter_internal.h"

enum field { FIELD_OTHER, FIELD_LENGTH, FIELD_ENCODING, FIELD_HOST };

/* RFC 9110 §5.6.2 token, RFC 3986 §3.3 path and query as sent, RFC 9110 §5.5 field value. */
const uint8_t filter_classes[256] = {
    ['\t'] = IS_VALUE,
    [' '] = IS_VALUE,
    ['!'] = IS_TOKEN | IS_TARGET | IS_VALUE,
    ['"'] = IS_VALUE,
    ['#'] = IS_TOKEN | IS_VALUE,
    ['$' ... '\''] = IS_TOKEN | IS_TARGET | IS_VALUE,
    ['(' ... ')'] = IS_TARGET | IS_VALUE,
    ['*' ... '+'] = IS_TOKEN | IS_TARGET | IS_VALUE,
    [','] = IS_TARGET | IS_VALUE,
    ['-' ... '.'] = IS_TOKEN | IS_TARGET | IS_VALUE,
    ['/'] = IS_TARGET | IS_VALUE,
    ['0' ... '9'] = IS_TOKEN | IS_TARGET | IS_VALUE,
    [':' ... ';'] = IS_TARGET | IS_VALUE,
    ['<'] = IS_VALUE,
    ['='] = IS_TARGET | IS_VALUE,
    ['>'] = IS_VALUE,
    ['?' ... '@'] = IS_TARGET | IS_VALUE,
    ['A' ... 'Z'] = IS_TOKEN | IS_TARGET | IS_VALUE,
    ['['] = IS_TARGET | IS_VALUE,
    ['\\'] = IS_VALUE,
    [']'] = IS_TARGET | IS_VALUE,
    ['^' ... '`'] = IS_TOKEN | IS_TARGET | IS_VALUE,
    ['a' ... 'z'] = IS_TOKEN | IS_TARGET | IS_VALUE,
    ['{'] = IS_TARGET | IS_VALUE,
    ['|'] = IS_TOKEN | IS_TARGET | IS_VALUE,
    ['}'] = IS_TARGET | IS_VALUE,
    ['~'] = IS_TOKEN | IS_TARGET | IS_VALUE,
    [0x80 ... 0xff] = IS_VALUE,
};

static char lower(uint8_t c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static enum field field_of(const struct http_filter *f)
{
    static const struct {
        const char *name;
        enum field field;
    } known[] = {
        {"content-length", FIELD_LENGTH}, {"transfer-encoding", FIELD_ENCODING}, {"host", FIELD_HOST}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (f->name_size == strlen(known[i].name) && memcmp(f->name, known[i].name, f->name_size) == 0) {
            return known[i].field;
        }
    }
    return FIELD_OTHER;
}

static void at_field(struct http_filter *f, uint8_t c)
{
    if (c == '\r') {
        f->state = AT_END_LF;
        return;
    }
    if ((filter_classes[c] & IS_TOKEN) == 0) {
        filter_refuse(f, c == '\n' ? FILTER_LINE_END : c == ' ' || c == '\t' ? FILTER_FOLD : FILTER_FIELD);
        return;
    }
    if (++f->fields > f->header_count_max) {
        filter_refuse(f, FILTER_TOO_MANY);
        return;
    }
    f->name[0] = lower(c);
    f->name_size = 1;
    f->state = IN_NAME;
}

static void in_name(struct http_filter *f, uint8_t c)
{
    if (c == ':') {
        f->field = f->in_trailer ? FIELD_OTHER : (int)field_of(f);
        f->has_meaning = f->field != FIELD_OTHER;
        f->value_size = 0;
        f->state = IN_VALUE;
    } else if ((filter_classes[c] & IS_TOKEN) == 0) {
        filter_refuse(f, c == '\n' || c == '\r' ? FILTER_LINE_END
                                                : FILTER_FIELD); /* a space before the colon, too */
    } else if (f->name_size < FILTER_NAME_MAX) {
        f->name[f->name_size++] = lower(c);
    }
}

/* Content-Length: one number, once (RFC 9112 §6.3: anything else may be framed differently by somebody in
 * front of us). */
static void length_end(struct http_filter *f)
{
    uint64_t length = 0;
    bool is_number = f->value_size > 0 && f->value_size < FILTER_VALUE_MAX - 2;
    for (size_t i = 0; is_number && i < f->value_size; i++) {
        is_number = f->value[i] >= '0' && f->value[i] <= '9';
        length = length * 10 + (uint64_t)(f->value[i] - '0');
    }
    if (!is_number || ++f->lengths > 1) {
        filter_refuse(f, FILTER_LENGTH);
        return;
    }
    f->body_left = length;
}

static void value_end(struct http_filter *f)
{
    while (f->value_size > 0 && (f->value[f->value_size - 1] == ' ' || f->value[f->value_size - 1] == '\t')) {
        f->value_size--;
    }
    f->state = AT_VALUE_LF;
    if (f->field == FIELD_LENGTH) {
        length_end(f);
    } else if (f->field == FIELD_HOST && ++f->hosts > 1) {
        filter_refuse(f, FILTER_HOST);
    } else if (f->field == FIELD_ENCODING) {
        bool is_chunked = f->value_size == 7 && memcmp(f->value, "chunked", 7) == 0;
        if (!is_chunked || ++f->encodings > 1) {
            filter_refuse(f, FILTER_ENCODING);
        }
    }
}

static void in_value(struct http_filter *f, uint8_t c)
{
    if (c == '\r') {
        value_end(f);
        return;
    }
    if ((filter_classes[c] & IS_VALUE) == 0) {
        filter_refuse(f, c == '\n' ? FILTER_LINE_END : FILTER_FIELD);
        return;
    }
    bool is_leading_space = f->value_size == 0 && (c == ' ' || c == '\t');
    if (f->has_meaning && !is_leading_space && f->value_size < FILTER_VALUE_MAX) {
        f->value[f->value_size++] = lower(c);
    }
}

void filter_field_step(struct http_filter *f, uint8_t c)
{
    switch (f->state) {
    case AT_FIELD:
        at_field(f, c);
        return;
    case IN_NAME:
        in_name(f, c);
        return;
    default:
        in_value(f, c);
        return;
    }
}
