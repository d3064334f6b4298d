/* Where a file's bytes belong in the stream of an HTTP library that does not know of them. Moves nothing. */
#include "server/file_body.h"

#include <inttypes.h>
#include <string.h>

void file_body_begin(struct file_body *body, struct response *response, uint64_t from)
{
    *body = (struct file_body){.file = TAKE(response->file),
                               .at = response->file_at,
                               .left = response->file_size,
                               .size = response->file_size,
                               .sent = response->sent,
                               .sent_state = response->sent_state,
                               .from = from};
    response->sent = NULL;
}

/* The empty line that ends a header section, RFC 9112 §2.1. What the library makes has CRLF throughout. */
static int step(int matched, uint8_t c)
{
    if (c == '\r') {
        return matched == 2 ? 3 : 1;
    }
    if (c == '\n') {
        return matched == 1 || matched == 3 ? matched + 1 : 0;
    }
    return 0;
}

struct file_body_parts file_body_split(struct file_body *body, struct bytes piece, uint64_t at)
{
    if (body->file == NULL || body->is_due || at + piece.n <= body->from) {
        return (struct file_body_parts){.before = piece};
    }
    size_t begin = body->from > at ? (size_t)(body->from - at) : 0;
    size_t end = begin;
    while (end < piece.n && !body->is_due) {
        body->matched = step(body->matched, piece.p[end++]);
        body->is_due = body->matched == 4;
    }
    return (struct file_body_parts){.before = {piece.p, begin},
                                    .head = {piece.p + begin, end - begin},
                                    .behind = {piece.p + end, piece.n - end}};
}

err_t file_body_take_head(struct file_body *body, struct bytes part, struct buf *out)
{
    static const char empty[] = "\r\nContent-Length: 0\r\n";
    TRY(buf_append_bytes(&body->head, part));
    if (!body->is_due) {
        return OK;
    }
    const uint8_t *found = memmem(body->head.p, body->head.n, empty, sizeof empty - 1);
    ENSURE(found != NULL, ERR_INTERNAL, "an answer with a file does not tell a length");
    const uint8_t *rest = found + sizeof empty - 1;
    TRY(buf_append(out, body->head.p, (size_t)(found - body->head.p)));
    TRY(buf_printf(out, "\r\nContent-Length: %" PRId64 "\r\n", body->size));
    return buf_append(out, rest, body->head.n - (size_t)(rest - body->head.p));
}

err_t file_body_read(struct file_body *body, uint8_t *out, size_t size, size_t *n)
{
    *n = body->left < (int64_t)size ? (size_t)body->left : size;
    TRY(shared_file_read(body->file, body->at, out, *n));
    body->at += (int64_t)*n;
    body->left -= (int64_t)*n;
    return OK;
}

void file_body_end(struct file_body *body, size_t unsent)
{
    int64_t sent = body->size - body->left - (int64_t)unsent;
    if (body->sent != NULL) {
        body->sent(body->sent_state, sent > 0 ? sent : 0);
    }
    shared_file_unref(body->file);
    buf_clear(&body->head);
    *body = (struct file_body){0};
}
