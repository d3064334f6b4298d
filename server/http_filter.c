/* The state machine of http_filter.h: one small function per group of states, one byte at a time, except in
 * bodies and field values, which are skipped in runs. Every rule cites what it protects against;
 * docs/threat-model.md lists them. */
#include <string.h>

#include "server/http_filter_internal.h"

void http_filter_init(struct http_filter *filter, size_t header_bytes_max, int header_count_max)
{
    *filter =
        (struct http_filter){.header_bytes_max = header_bytes_max, .header_count_max = header_count_max};
}

static void expect(struct http_filter *f, uint8_t c, uint8_t expected, int next)
{
    if (c != expected) {
        filter_refuse(f, FILTER_LINE_END);
        return;
    }
    f->state = next;
}

/* --- request line */

static void request_begin(struct http_filter *f)
{
    f->section = 0;
    f->fields = 0;
    f->lengths = f->encodings = f->hosts = f->blank_lines = f->version_size = 0;
    f->is_1_0 = f->in_trailer = false;
    f->body_left = 0;
}

static void at_start(struct http_filter *f, uint8_t c)
{
    if (c == '\r' && f->blank_lines == 0) {
        f->blank_lines = 1;
        f->state = AT_START_LF;
        return;
    }
    if ((filter_classes[c] & IS_TOKEN) == 0) {
        filter_refuse(f, c == '\r' || c == '\n' ? FILTER_LINE_END : FILTER_REQUEST_LINE);
        return;
    }
    request_begin(f);
    f->name[0] = (char)c;
    f->name_size = 1;
    f->state = IN_METHOD;
}

static void in_method(struct http_filter *f, uint8_t c)
{
    if (c == ' ') {
        f->state = AT_TARGET;
    } else if ((filter_classes[c] & IS_TOKEN) == 0) {
        filter_refuse(f, FILTER_REQUEST_LINE);
    } else if (f->name_size < FILTER_NAME_MAX) {
        f->name[f->name_size++] = (char)c;
    }
}

/* RFC 9112 §3.2.2: a server must take the absolute form. What stands behind the scheme is looked at where the
 * target is routed. */
static void in_scheme(struct http_filter *f, uint8_t c)
{
    static const char *const schemes[] = {"http://", "https://"};
    f->name[f->name_size++] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (memcmp(f->name, schemes[i], f->name_size) == 0) {
            f->state = schemes[i][f->name_size] == '\0' ? IN_TARGET : IN_SCHEME;
            return;
        }
    }
    filter_refuse(f, c == '\n' || c == '\r' ? FILTER_LINE_END : FILTER_TARGET);
}

static void at_target(struct http_filter *f, uint8_t c)
{
    if (c == '/') {
        f->state = IN_TARGET;
    } else if (c == '*') {
        bool is_options = f->name_size == 7 && memcmp(f->name, "OPTIONS", 7) == 0;
        filter_refuse(f, is_options ? FILTER_ASTERISK : FILTER_TARGET);
    } else {
        f->name_size = 0;
        in_scheme(f, c);
    }
}

static void in_target(struct http_filter *f, uint8_t c)
{
    if (c == ' ') {
        f->state = IN_VERSION;
    } else if ((filter_classes[c] & IS_TARGET) == 0) {
        filter_refuse(f, c == '\n' || c == '\r' ? FILTER_LINE_END : FILTER_TARGET);
    }
}

static void in_version(struct http_filter *f, uint8_t c)
{
    static const char version[] = "HTTP/1.";
    size_t at = f->version_size;
    bool is_right = at < sizeof version - 1    ? c == (uint8_t)version[at]
                    : at == sizeof version - 1 ? c == '0' || c == '1'
                                               : c == '\r';
    if (!is_right) {
        filter_refuse(f, at == sizeof version ? FILTER_LINE_END : FILTER_VERSION);
        return;
    }
    if (at == sizeof version - 1) {
        f->is_1_0 = c == '0';
    }
    if (at == sizeof version) {
        f->state = AT_LINE_LF;
    }
    f->version_size++;
}

/* --- bodies */

static void section_end(struct http_filter *f, uint8_t c)
{
    if (c != '\n') {
        filter_refuse(f, FILTER_LINE_END);
        return;
    }
    if (f->in_trailer) {
        request_begin(f);
        f->state = AT_START;
        return;
    }
    if (f->hosts == 0 && !f->is_1_0) {
        filter_refuse(f, FILTER_HOST);
        return;
    }
    /* RFC 9112 §6.1: both is an attack; chunked does not exist in 1.0 */
    if (f->encodings > 0 && (f->lengths > 0 || f->is_1_0)) {
        filter_refuse(f, FILTER_FRAMING);
        return;
    }
    f->requests++;
    f->section = 0;
    f->chunk_digits = 0;
    f->state = f->encodings > 0 ? IN_CHUNK_SIZE : f->body_left > 0 ? IN_BODY : AT_START;
    if (f->state == AT_START) {
        request_begin(f);
    }
}

static int hex_value(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Chunk extensions are refused: nobody needs them, and readers disagree about them. */
static void in_chunk_size(struct http_filter *f, uint8_t c)
{
    if (c == '\r' && f->chunk_digits > 0) {
        f->state = AT_CHUNK_SIZE_LF;
        return;
    }
    int digit = hex_value(c);
    if (digit < 0 || f->chunk_digits >= 8) {
        filter_refuse(f, FILTER_CHUNK);
        return;
    }
    f->body_left = (f->chunk_digits++ == 0 ? 0 : f->body_left) * 16 + (uint64_t)digit;
}

static void in_chunk_frame(struct http_filter *f, uint8_t c)
{
    if (c != (f->state == AT_CHUNK_CR ? '\r' : '\n')) {
        filter_refuse(f, FILTER_CHUNK);
        return;
    }
    switch (f->state) {
    case AT_CHUNK_SIZE_LF:
        f->in_trailer = f->body_left == 0;
        f->state = f->in_trailer ? AT_FIELD : IN_CHUNK;
        return;
    case AT_CHUNK_CR:
        f->state = AT_CHUNK_LF;
        return;
    default:
        f->chunk_digits = 0;
        f->state = IN_CHUNK_SIZE;
        return;
    }
}

static void step_line(struct http_filter *f, uint8_t c)
{
    switch (f->state) {
    case AT_START:
        at_start(f, c);
        return;
    case AT_START_LF:
        expect(f, c, '\n', AT_START);
        return;
    case IN_METHOD:
        in_method(f, c);
        return;
    case AT_TARGET:
        at_target(f, c);
        return;
    case IN_SCHEME:
        in_scheme(f, c);
        return;
    case IN_TARGET:
        in_target(f, c);
        return;
    case IN_VERSION:
        in_version(f, c);
        return;
    default:
        expect(f, c, '\n', AT_FIELD);
        return;
    }
}

static void step(struct http_filter *f, uint8_t c)
{
    switch (f->state) {
    case AT_FIELD:
    case IN_NAME:
    case IN_VALUE:
        filter_field_step(f, c);
        return;
    case AT_END_LF:
        section_end(f, c);
        return;
    case IN_CHUNK_SIZE:
        in_chunk_size(f, c);
        return;
    case AT_CHUNK_SIZE_LF:
    case AT_CHUNK_CR:
    case AT_CHUNK_LF:
        in_chunk_frame(f, c);
        return;
    default:
        step_line(f, c);
        return;
    }
}

static size_t skip_body(struct http_filter *f, size_t available)
{
    size_t n = f->body_left < available ? (size_t)f->body_left : available;
    f->body_left -= n;
    if (f->body_left == 0) {
        f->state = f->state == IN_CHUNK ? AT_CHUNK_CR : AT_START;
    }
    return n;
}

/* The bytes of a value that mean nothing to framing, in one run. */
static size_t skip_value(const struct bytes rest)
{
    size_t n = 0;
    while (n < rest.n && (filter_classes[rest.p[n]] & IS_VALUE) != 0) {
        n++;
    }
    return n;
}

static bool in_section(const struct http_filter *f)
{
    return f->state < IN_BODY && f->state != AT_START;
}

size_t http_filter_feed(struct http_filter *f, struct bytes chunk)
{
    size_t at = 0;
    while (at < chunk.n && f->refusal == FILTER_OK) {
        size_t n = 1;
        if (f->state == IN_BODY || f->state == IN_CHUNK) {
            at += skip_body(f, chunk.n - at);
            continue;
        }
        if (f->state == IN_VALUE && !f->has_meaning) {
            n = skip_value((struct bytes){chunk.p + at, chunk.n - at});
        }
        if (n <= 1) {
            n = 1;
            step(f, chunk.p[at]);
        }
        if (f->refusal != FILTER_OK) {
            return at;
        }
        at += n;
        bool is_in_section = in_section(f);
        f->section = is_in_section ? f->section + n : 0;
        f->pending = is_in_section && !f->in_trailer ? f->section : 0;
        if (f->section > f->header_bytes_max) {
            filter_refuse(f, FILTER_TOO_LARGE);
        }
    }
    return at;
}

bool http_filter_is_between(const struct http_filter *f)
{
    return f->state == AT_START;
}

bool http_filter_in_body(const struct http_filter *f)
{
    return f->state >= IN_BODY || f->in_trailer;
}

#define FILTER_ROW(reason, code, label, text) {code, label, text},
static const struct {
    err_code code;
    const char *label, *text;
} refusals[] = {FILTER_REFUSALS(FILTER_ROW)};
#undef FILTER_ROW
_Static_assert(sizeof refusals / sizeof refusals[0] == FILTER_REFUSAL_COUNT, "a row for every refusal");

err_code filter_refusal_code(enum filter_refusal refusal)
{
    return refusals[refusal].code;
}

const char *filter_refusal_label(enum filter_refusal refusal)
{
    return refusals[refusal].label;
}

const char *filter_refusal_text(enum filter_refusal refusal)
{
    return refusals[refusal].text;
}
