/* Growing buffers: doubling, always followed by an uncounted NUL. A buffer may hold a secret, so memory that
 * it grows out of is wiped before it is freed (realloc would leave a copy behind). */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum { BUF_LEAST = 64 };

void buf_clear(struct buf *b)
{
    free(b->p);
    *b = (struct buf){0};
}

void buf_wipe(struct buf *b)
{
    bytes_wipe(b->p, b->capacity);
    buf_clear(b);
}

static size_t grown_capacity(size_t present, size_t needed)
{
    size_t capacity = present < BUF_LEAST ? BUF_LEAST : present;
    while (capacity < needed) {
        if (capacity > SIZE_MAX / 2) {
            return needed;
        }
        capacity *= 2;
    }
    return capacity;
}

err_t buf_reserve(struct buf *b, size_t more)
{
    ENSURE(more < SIZE_MAX - b->n, ERR_NO_MEMORY, "a buffer of %zu and %zu bytes", b->n, more);
    size_t needed = b->n + more + 1;
    if (needed <= b->capacity) {
        return OK;
    }
    size_t capacity = grown_capacity(b->capacity, needed);
    uint8_t *p = malloc(capacity);
    ENSURE(p != NULL, ERR_NO_MEMORY, "a buffer of %zu bytes", capacity);
    if (b->n > 0) {
        memcpy(p, b->p, b->n);
    }
    p[b->n] = '\0';
    bytes_wipe(b->p, b->n);
    free(b->p);
    b->p = p;
    b->capacity = capacity;
    return OK;
}

/* Whether p points into the buffer itself, which a growth would free. */
static bool is_inside(const struct buf *b, const uint8_t *p)
{
    return b->p != NULL && (uintptr_t)p >= (uintptr_t)b->p && (uintptr_t)p < (uintptr_t)b->p + b->capacity;
}

err_t buf_append(struct buf *b, const void *p, size_t n)
{
    const uint8_t *source = p;
    bool inside = n > 0 && is_inside(b, source);
    size_t offset = inside ? (size_t)(source - b->p) : 0;
    TRY(buf_reserve(b, n));
    if (n > 0) {
        memmove(b->p + b->n, inside ? b->p + offset : source, n);
    }
    b->n += n;
    b->p[b->n] = '\0';
    return OK;
}

err_t buf_append_bytes(struct buf *b, struct bytes s)
{
    return buf_append(b, s.p, s.n);
}

err_t buf_append_str(struct buf *b, const char *text)
{
    return buf_append(b, text, strlen(text));
}

err_t buf_printf(struct buf *b, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    ENSURE(n >= 0, ERR_INTERNAL, "a format that cannot be printed");
    TRY(buf_reserve(b, (size_t)n));
    va_start(arguments, format);
    (void)vsnprintf((char *)b->p + b->n, (size_t)n + 1, format, arguments);
    va_end(arguments);
    b->n += (size_t)n;
    return OK;
}

struct bytes buf_view(const struct buf *b)
{
    return (struct bytes){b->p, b->n};
}

const char *buf_str(const struct buf *b)
{
    return b->p == NULL ? "" : (const char *)b->p;
}

void secret_clear(struct secret *s)
{
    buf_wipe(&s->bytes);
}
