/* Images of tests/vectors/firmware/ in memory, read as they are, cut, and with a bit turned. */
#ifndef TESTS_IMAGE_VECTORS_H
#define TESTS_IMAGE_VECTORS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "firmware_store/image.h"

static inline void vector_load(const char *name, struct buf *out)
{
    char path[160];
    (void)snprintf(path, sizeof path, "tests/vectors/firmware/%s", name);
    out->n = 0;
    assert_int_equal(file_read(path, 1 << 20, out).code, ERR_OK);
}

static inline err_t vector_read(struct bytes bytes, enum image_format format, struct image *image,
                                struct image_fault *fault)
{
    const struct byte_source source = byte_source_of(&bytes);
    return image_read_source(&source, format, image, fault);
}

/** Refused, and the reason names something at a place within the file (or its end). */
static inline void vector_refused(struct bytes bytes, enum image_format format, struct image_fault *fault)
{
    AUTO_VAL(image) image = {.facts = NULL};
    err_t error = vector_read(bytes, format, &image, fault);
    assert_int_equal(error.code, ERR_UNPROCESSABLE);
    assert_true(fault->reason[0] != '\0');
    assert_true(fault->at >= 0 && fault->at <= (int64_t)bytes.n);
}

/** A file that ends anywhere before its end is no image. */
static inline void vector_cut_anywhere(const char *name, enum image_format format)
{
    AUTO_VAL(buf) bytes = {0};
    struct image_fault fault;
    vector_load(name, &bytes);
    for (size_t n = 0; n < bytes.n; n++) {
        vector_refused((struct bytes){bytes.p, n}, format, &fault);
    }
}

/** A bit that is turned anywhere in [from, to) is found by reading alone. */
static inline void vector_turn_bits(const char *name, enum image_format format, size_t from, size_t to)
{
    AUTO_VAL(buf) bytes = {0};
    struct image_fault fault;
    vector_load(name, &bytes);
    assert_true(to <= bytes.n);
    for (size_t at = from; at < to; at++) {
        bytes.p[at] ^= (uint8_t)(1U << at % 8);
        vector_refused(buf_view(&bytes), format, &fault);
        bytes.p[at] ^= (uint8_t)(1U << at % 8);
    }
}

static inline void assert_reason(const struct image_fault *fault, int64_t at, const char *words)
{
    if (strstr(fault->reason, words) == NULL || fault->at != at) {
        fail_msg("at %lld: %s; wanted at %lld: %s", (long long)fault->at, fault->reason, (long long)at,
                 words);
    }
}

static inline const char *fact(const struct image *image, const char *name)
{
    const char *text = json_string_value(json_object_get(image->facts, name));
    return text == NULL ? "" : text;
}

#endif
