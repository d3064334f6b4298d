/* Answer parser (RFC 9112 §4–§7): status line, the three fields that frame a message, the one that says which
 * part it is, and the two that ask something of the device; Content-Length and chunked bodies. A message with
 * neither is refused: nothing this client talks to frames a body by closing.
 */
#include "device/core/http_parse.h"

enum { MAX_BODY = 1 << 24 };

void whorl_http_parse_begin(struct whorl_http_parse *parse)
{
    whorl_zero(parse, sizeof *parse);
    parse->is_kept = true;
}

/* The line at `at`, without CRLF. False when its end is not there yet. */
static bool take_line(const uint8_t *data, size_t used, size_t *at, struct whorl_bytes *line)
{
    for (size_t i = *at; i + 1 < used; i++) {
        if (data[i] == '\r' && data[i + 1] == '\n') {
            line->data = data + *at;
            line->size = i - *at;
            *at = i + 2;
            return true;
        }
    }
    return false;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool is_word(struct whorl_bytes text, const char *words)
{
    if (text.size != whorl_length(words)) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (lower(text.data[i]) != (uint8_t)words[i]) {
            return false;
        }
    }
    return true;
}

static bool parse_size(struct whorl_bytes text, unsigned base, size_t *out)
{
    size_t value = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = lower(text.data[i]);
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)c - '0'
                         : c >= 'a' && c <= 'f' ? (unsigned)c - 'a' + 10U
                                                : 16U;
        if (digit >= base || value > MAX_BODY) {
            return false;
        }
        value = value * base + digit;
    }
    *out = value;
    return text.size != 0 && value <= MAX_BODY;
}

static bool parse_status_line(struct whorl_http_parse *parse, struct whorl_bytes line)
{
    struct whorl_bytes version = {line.data, 9};
    struct whorl_bytes digits = {line.data + 9, 3};
    size_t status;
    if (line.size < 12 || !whorl_is(version, "HTTP/1.1 ") || !parse_size(digits, 10, &status) ||
        status < 100) {
        return false;
    }
    parse->status = (unsigned)status;
    return true;
}

/* These never spoil an answer: what does not parse is left out. */
static void parse_hint(struct whorl_http_parse *parse, struct whorl_bytes name, struct whorl_bytes value)
{
    struct whorl_http_hints *hints = &parse->hints;
    size_t seconds = 0;
    if (is_word(name, "whorl-rekey-after")) {
        hints->has_rekey_after =
            !parse->has_rekey_line && whorl_rekey_after_parse(value, &hints->rekey_after);
        parse->has_rekey_line = true;
    } else if (is_word(name, "retry-after") && parse_size(value, 10, &seconds)) {
        hints->retry_after_s = (uint32_t)seconds;
    }
}

/* The number in front of `end`; both are taken. */
static bool take_number(struct whorl_bytes *text, uint8_t end, uint64_t *out)
{
    uint64_t value = 0;
    size_t digits = 0;
    while (digits < text->size && text->data[digits] >= '0' && text->data[digits] <= '9') {
        if (digits == 19) {
            return false; /* more than any size has */
        }
        value = value * 10 + (uint64_t)(text->data[digits] - '0');
        digits++;
    }
    if (digits == 0 || (end != 0 && (digits == text->size || text->data[digits] != end))) {
        return false;
    }
    size_t taken = digits + (end != 0 ? 1U : 0U);
    text->data += taken;
    text->size -= taken;
    *out = value;
    return true;
}

/* Content-Range (RFC 9110 §14.4): bytes FIRST-LAST/WHOLE; of a 416 with a star for the first two. */
static bool parse_range(struct whorl_http_parse *parse, struct whorl_bytes value)
{
    static const char unit[] = "bytes ";
    size_t size = sizeof unit - 1;
    if (parse->has_range || value.size < size + 2 || !whorl_equal(value.data, unit, size)) {
        return false;
    }
    value.data += size;
    value.size -= size;
    if (value.data[0] == '*' && value.data[1] == '/') {
        value.data += 2;
        value.size -= 2;
    } else if (!take_number(&value, '-', &parse->range_first) ||
               !take_number(&value, '/', &parse->range_last)) {
        return false;
    }
    parse->has_range = true;
    return take_number(&value, 0, &parse->range_whole) && value.size == 0;
}

static bool parse_field(struct whorl_http_parse *parse, struct whorl_bytes line)
{
    size_t colon = 0;
    while (colon < line.size && line.data[colon] != ':') {
        colon++;
    }
    if (colon == 0 || colon == line.size) {
        return false;
    }
    struct whorl_bytes name = {line.data, colon};
    struct whorl_bytes value = {line.data + colon + 1, line.size - colon - 1};
    while (value.size != 0 && (value.data[0] == ' ' || value.data[0] == '\t')) {
        value.data++;
        value.size--;
    }
    while (value.size != 0 && (value.data[value.size - 1] == ' ' || value.data[value.size - 1] == '\t')) {
        value.size--;
    }
    if (is_word(name, "content-length")) {
        bool is_first = !parse->has_length;
        parse->has_length = true;
        return is_first && parse_size(value, 10, &parse->body_length);
    }
    if (is_word(name, "transfer-encoding")) {
        parse->is_chunked = true;
        return is_word(value, "chunked");
    }
    if (is_word(name, "content-range")) {
        return parse_range(parse, value);
    }
    if (is_word(name, "connection") && is_word(value, "close")) {
        parse->is_kept = false;
    }
    parse_hint(parse, name, value);
    return true;
}

static enum whorl_http_progress parse_head(struct whorl_http_parse *parse, const uint8_t *data, size_t used)
{
    size_t at = 0;
    struct whorl_bytes line;
    struct whorl_http_parse head = *parse;
    if (!take_line(data, used, &at, &line)) {
        return WHORL_HTTP_NEEDS_MORE;
    }
    bool is_sound = parse_status_line(&head, line);
    while (is_sound && take_line(data, used, &at, &line)) {
        if (line.size == 0) {
            head.has_head = true;
            head.body_at = at;
            head.at = at;
            *parse = head;
            return WHORL_HTTP_COMPLETE;
        }
        is_sound = parse_field(&head, line);
    }
    return is_sound ? WHORL_HTTP_NEEDS_MORE : WHORL_HTTP_BROKEN;
}

/* Joins every whole chunk to the body, which ends at body_at + body_size; the rest moves down behind it. */
static enum whorl_http_progress join_chunks(struct whorl_http_parse *parse, uint8_t *data, size_t *used)
{
    for (;;) {
        size_t at = parse->at;
        size_t size = 0;
        struct whorl_bytes line;
        if (!take_line(data, *used, &at, &line)) {
            return WHORL_HTTP_NEEDS_MORE;
        }
        for (size_t i = 0; i < line.size; i++) { /* chunk extensions mean nothing here */
            line.size = line.data[i] == ';' ? i : line.size;
        }
        if (!parse_size(line, 16, &size)) {
            return WHORL_HTTP_BROKEN;
        }
        if (*used - at < size + 2) {
            return WHORL_HTTP_NEEDS_MORE;
        }
        if (data[at + size] != '\r' || data[at + size + 1] != '\n') {
            return WHORL_HTTP_BROKEN; /* trailers, which nothing asked for, end here too */
        }
        size_t body_end = parse->body_at + parse->body_size;
        for (size_t i = at; i < *used; i++) {
            data[body_end + i - at] = data[i];
        }
        *used = body_end + *used - at;
        parse->body_size += size;
        parse->at = body_end + size + 2;
        if (size == 0) {
            return parse->at == *used ? WHORL_HTTP_COMPLETE : WHORL_HTTP_BROKEN;
        }
    }
}

enum whorl_http_progress whorl_http_parse_more(struct whorl_http_parse *parse, uint8_t *data, size_t *used)
{
    while (!parse->has_head) {
        enum whorl_http_progress progress = parse_head(parse, data, *used);
        if (progress != WHORL_HTTP_COMPLETE) {
            return progress;
        }
        if (parse->status < 200) { /* an interim answer: the final one follows it */
            for (size_t i = parse->at; i < *used; i++) {
                data[i - parse->at] = data[i];
            }
            *used -= parse->at;
            whorl_http_parse_begin(parse);
        }
    }
    if (parse->is_chunked) {
        return parse->has_length ? WHORL_HTTP_BROKEN : join_chunks(parse, data, used);
    }
    if (parse->status == 204) {
        parse->has_length = true;
        parse->body_length = 0;
    }
    size_t there = *used - parse->body_at;
    if (!parse->has_length || there > parse->body_length) {
        return WHORL_HTTP_BROKEN;
    }
    parse->body_size = there;
    return there == parse->body_length ? WHORL_HTTP_COMPLETE : WHORL_HTTP_NEEDS_MORE;
}
