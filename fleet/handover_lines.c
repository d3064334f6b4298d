/* Cuts a body into lines. */
#include <string.h>

#include "fleet/handover_internal.h"

static const uint8_t byte_order_mark[] = {0xef, 0xbb, 0xbf};

static err_t end_line(struct handover *handover, line_fn fn)
{
    struct line_splitter *lines = &handover->u.lines;
    struct bytes text = buf_view(&lines->line);
    if (!lines->is_started && text.n >= 3 && memcmp(text.p, byte_order_mark, 3) == 0) {
        text = (struct bytes){text.p + 3, text.n - 3};
    }
    if (text.n > 0 && text.p[text.n - 1] == '\r') {
        text.n--;
    }
    lines->is_started = true;
    lines->number++;
    err_t error = fn(handover, lines->number, text);
    lines->line.n = 0;
    return error;
}

err_t lines_write(struct handover *handover, struct bytes chunk, line_fn fn)
{
    struct line_splitter *lines = &handover->u.lines;
    while (chunk.n > 0) {
        const uint8_t *end = memchr(chunk.p, '\n', chunk.n);
        size_t size = end == NULL ? chunk.n : (size_t)(end - chunk.p);
        ENSURE(lines->line.n + size <= HANDOVER_PIECE_MAX, ERR_TOO_LARGE, "line %llu has more than %d bytes",
               (unsigned long long)lines->number + 1, HANDOVER_PIECE_MAX);
        TRY(buf_append(&lines->line, chunk.p, size));
        if (end == NULL) {
            return OK;
        }
        TRY(end_line(handover, fn));
        chunk = (struct bytes){end + 1, chunk.n - size - 1};
    }
    return OK;
}

err_t lines_finish(struct handover *handover, line_fn fn)
{
    return handover->u.lines.line.n == 0 ? OK : end_line(handover, fn);
}
