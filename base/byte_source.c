/* Bounds are judged here once, so that no source has to. */
#include "base/byte_source.h"

#include <string.h>

enum { PIECE = 16384 };

bool byte_source_has(const struct byte_source *source, int64_t at, int64_t n)
{
    return at >= 0 && n >= 0 && at <= source->size && n <= source->size - at;
}

err_t byte_source_read(const struct byte_source *source, int64_t at, uint8_t *out, size_t n)
{
    ENSURE(n <= INT64_MAX && byte_source_has(source, at, (int64_t)n), ERR_UNPROCESSABLE,
           "%zu bytes at %lld reach behind the end, which is at %lld", n, (long long)at,
           (long long)source->size);
    return n == 0 ? OK : source->read(source->context, at, out, n);
}

err_t byte_source_each(const struct byte_source *source, int64_t from, int64_t size,
                       err_t (*fn)(void *arg, struct bytes piece), void *arg)
{
    uint8_t piece[PIECE];
    ENSURE(byte_source_has(source, from, size), ERR_UNPROCESSABLE,
           "%lld bytes at %lld reach behind the end, which is at %lld", (long long)size, (long long)from,
           (long long)source->size);
    while (size > 0) {
        size_t n = size < PIECE ? (size_t)size : (size_t)PIECE;
        TRY(byte_source_read(source, from, piece, n));
        TRY(fn(arg, (struct bytes){piece, n}));
        from += (int64_t)n;
        size -= (int64_t)n;
    }
    return OK;
}

static err_t read_memory(void *context, int64_t at, uint8_t *out, size_t n)
{
    const struct bytes *memory = context;
    memcpy(out, memory->p + at, n);
    return OK;
}

struct byte_source byte_source_of(struct bytes *memory)
{
    return (struct byte_source){.read = read_memory, .context = memory, .size = (int64_t)memory->n};
}
