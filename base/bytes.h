/* Slices and growing buffers. A slice borrows; a buffer owns. Lengths are always counted: text from outside
 * is no C string until it was checked. */
#ifndef WHORL_BASE_BYTES_H
#define WHORL_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"

/* A borrowed run of bytes; p may be NULL only when n is 0. */
struct bytes {
    const uint8_t *p;
    size_t n;
};

#define BYTES_NONE      ((struct bytes){NULL, 0})
#define BYTES_OF(array) ((struct bytes){(const uint8_t *)(array), sizeof(array)})

/** The bytes of a C string, without its NUL. @thread any */
struct bytes bytes_str(const char *text);
/** As above; BYTES_NONE for NULL. */
struct bytes bytes_or_none(const char *text);
bool bytes_equal(struct bytes a, struct bytes b);
/** In time that depends on the lengths only. */
bool bytes_equal_ct(struct bytes a, struct bytes b);
bool bytes_is(struct bytes a, const char *text);
int bytes_compare(struct bytes a, struct bytes b);
/** Wipes memory in a way that the compiler keeps. */
void bytes_wipe(void *p, size_t n);

/* An owned, growing run of bytes, always followed by a NUL that is not counted. {0} is an empty one. */
struct buf {
    uint8_t *p;
    size_t n;
    size_t capacity;
};

/** Frees and empties. @thread any */
void buf_clear(struct buf *b);
/** Wipes, then frees: for secrets. */
void buf_wipe(struct buf *b);
err_t buf_reserve(struct buf *b, size_t more);
err_t buf_append(struct buf *b, const void *p, size_t n);
err_t buf_append_bytes(struct buf *b, struct bytes s);
err_t buf_append_str(struct buf *b, const char *text);
err_t buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** A borrowed view, valid until the buffer changes. */
struct bytes buf_view(const struct buf *b);
/** The content as a C string ("" when empty), valid until the buffer changes. */
const char *buf_str(const struct buf *b);

DEFINE_AUTO_VAL(buf, buf_clear);

/* Secret bytes: wiped when cleared, never printed. */
struct secret {
    struct buf bytes;
};
void secret_clear(struct secret *s);
DEFINE_AUTO_VAL(secret, secret_clear);

/** malloc'd heap text, for AUTO(char) *s. */
void heap_free(void *p);
DEFINE_AUTO(char, heap_free);

#endif
