/* Streams in memory for the tests of the sealed stream and of what is around it. */
#ifndef WHORL_TESTS_STREAM_FIXTURE_H
#define WHORL_TESTS_STREAM_FIXTURE_H

#include <string.h>

#include "base/bytes.h"
#include "pki/sealed_stream.h"

static inline err_t append_to_buf(void *context, struct bytes piece)
{
    return buf_append_bytes(context, piece);
}

/* Bytes that are read once. */
struct memory_source {
    struct bytes left;
};

static inline err_t read_memory(void *context, uint8_t *out, size_t room, size_t *n)
{
    struct memory_source *memory = context;
    *n = room < memory->left.n ? room : memory->left.n;
    if (*n > 0) {
        memcpy(out, memory->left.p, *n);
        memory->left = (struct bytes){memory->left.p + *n, memory->left.n - *n};
    }
    return OK;
}

#endif
