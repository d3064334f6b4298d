/* Lines first, then fields, then events; each as the specification says it. */
#include "cmd/whorl/sse.h"

#include <string.h>

enum { RETRY_DIGITS = 9 };

void cli_sse_clear(struct cli_sse *sse)
{
    buf_clear(&sse->line);
    buf_clear(&sse->data);
    buf_clear(&sse->type);
}

static void drop_event(struct cli_sse *sse)
{
    sse->data.n = 0;
    sse->type.n = 0;
    sse->has_data = false;
}

void cli_sse_restart(struct cli_sse *sse)
{
    drop_event(sse);
    sse->line.n = 0;
    sse->has_begun = false;
    sse->was_cr = false;
}

static err_t dispatch(struct cli_sse *sse)
{
    if (!sse->has_data) {
        drop_event(sse);
        return OK;
    }
    const struct cli_sse_event event = {.type = sse->type.n == 0 ? "message" : buf_str(&sse->type),
                                        .id = sse->id,
                                        .data = {sse->data.p, sse->data.n - 1}}; /* its last line feed */
    err_t error = sse->fn(sse->context, &event);
    drop_event(sse);
    return error;
}

/* An id with a NUL, or one that cannot be sent back, is none. */
static void take_id(struct cli_sse *sse, struct bytes value)
{
    if (value.n < sizeof sse->id && memchr(value.p, '\0', value.n) == NULL) {
        memcpy(sse->id, value.p, value.n);
        sse->id[value.n] = '\0';
    }
}

static void take_retry(struct cli_sse *sse, struct bytes value)
{
    int64_t number = 0;
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] < '0' || value.p[i] > '9' || value.n > RETRY_DIGITS) {
            return;
        }
        number = 10 * number + (value.p[i] - '0');
    }
    sse->retry_ms = value.n > 0 ? number : sse->retry_ms;
}

static err_t take_field(struct cli_sse *sse, struct bytes name, struct bytes value)
{
    if (bytes_is(name, "data")) {
        ENSURE(sse->data.n + value.n < CLI_SSE_LIMIT, ERR_TOO_LARGE, "an event has more than %d bytes",
               CLI_SSE_LIMIT);
        TRY(buf_append_bytes(&sse->data, value));
        sse->has_data = true;
        return buf_append_str(&sse->data, "\n");
    }
    if (bytes_is(name, "event")) {
        sse->type.n = 0;
        return buf_append_bytes(&sse->type, value);
    }
    if (bytes_is(name, "id")) {
        take_id(sse, value);
    } else if (bytes_is(name, "retry")) {
        take_retry(sse, value);
    }
    return OK;
}

static err_t take_line(struct cli_sse *sse)
{
    struct bytes line = buf_view(&sse->line);
    static const char mark[] = "\xef\xbb\xbf"; /* U+FEFF, once at the start */
    if (!sse->has_begun && line.n >= 3 && memcmp(line.p, mark, 3) == 0) {
        line = (struct bytes){line.p + 3, line.n - 3};
    }
    sse->has_begun = true;
    if (line.n == 0) {
        return dispatch(sse);
    }
    const uint8_t *colon = memchr(line.p, ':', line.n);
    size_t size = colon == NULL ? line.n : (size_t)(colon - line.p);
    size_t from = size + (colon == NULL ? 0 : 1);
    from += from < line.n && line.p[from] == ' ' ? 1 : 0;
    /* a comment has a name of no characters, which no field has */
    return take_field(sse, (struct bytes){line.p, size}, (struct bytes){line.p + from, line.n - from});
}

static err_t end_line(struct cli_sse *sse)
{
    err_t error = take_line(sse);
    sse->line.n = 0;
    return error;
}

err_t cli_sse_feed(struct cli_sse *sse, struct bytes piece)
{
    for (size_t i = 0; i < piece.n; i++) {
        char c = (char)piece.p[i];
        bool is_second = sse->was_cr && c == '\n'; /* of CR LF */
        sse->was_cr = c == '\r';
        if (is_second) {
            continue;
        }
        if (c == '\r' || c == '\n') {
            TRY(end_line(sse));
            continue;
        }
        ENSURE(sse->line.n < CLI_SSE_LIMIT, ERR_TOO_LARGE, "a line of the stream has more than %d bytes",
               CLI_SSE_LIMIT);
        TRY(buf_append(&sse->line, &c, 1));
    }
    return OK;
}
