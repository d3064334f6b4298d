/* Bytes that are read piece by piece at any place, wherever they lie: a file, an object store, memory. What
 * parses or verifies something large takes one of these, and holds a piece of it at a time. */
#ifndef WHORL_BASE_BYTE_SOURCE_H
#define WHORL_BASE_BYTE_SOURCE_H

#include "base/bytes.h"

struct byte_source {
    /** Exactly `n` bytes at `at`, which were found to lie within. */
    err_t (*read)(void *context, int64_t at, uint8_t *out, size_t n);
    void *context; /* borrowed */
    int64_t size;
};

/* A stretch of one. */
struct byte_region {
    const struct byte_source *bytes;
    int64_t from, size;
};

/** Whether [at, at + n) lies within. @thread any */
bool byte_source_has(const struct byte_source *source, int64_t at, int64_t n);
/** Exactly `n` bytes at `at`. @errors ERR_UNPROCESSABLE past the end, of the source @thread that of the
 * source */
err_t byte_source_read(const struct byte_source *source, int64_t at, uint8_t *out, size_t n);
/** Hands [from, from + size) to `fn`, piece by piece. @errors as byte_source_read, of fn */
err_t byte_source_each(const struct byte_source *source, int64_t from, int64_t size,
                       err_t (*fn)(void *arg, struct bytes piece), void *arg);
/** Over memory. @param memory borrowed as long as the source is used */
struct byte_source byte_source_of(struct bytes *memory);

#endif
