/* Where a file's bytes belong in the stream of an HTTP library that does not know of them. Moves nothing. */
#include "server/file_body.h"

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

size_t file_body_split(struct file_body *body, struct bytes piece, uint64_t at)
{
    if (body->file == NULL || body->is_due || at + piece.n <= body->from) {
        return piece.n;
    }
    for (size_t i = body->from > at ? (size_t)(body->from - at) : 0; i < piece.n; i++) {
        body->matched = step(body->matched, piece.p[i]);
        if (body->matched == 4) {
            body->is_due = true;
            return i + 1;
        }
    }
    return piece.n;
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
    *body = (struct file_body){0};
}
