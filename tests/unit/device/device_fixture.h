/* Shared by the tests of device/: a reader of vector files, slices of literals, and a device without
 * a server. */
#ifndef WHORL_TESTS_UNIT_DEVICE_DEVICE_FIXTURE_H
#define WHORL_TESTS_UNIT_DEVICE_DEVICE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/core/device.h"
#include "device/host/crypto_openssl.h"
#include "device/host/host_system.h"
#include "device/sim/chip.h"
#include "device/sim/memory_storage.h"

enum { VECTOR_FIELDS = 16, VECTOR_LINE = 2048 };

/* One block of a vector file: `name value` lines. */
struct vector {
    size_t count;
    char name[VECTOR_FIELDS][32];
    char value[VECTOR_FIELDS][VECTOR_LINE];
};

/* False at the end of the file. */
static inline bool vector_next(FILE *file, struct vector *out)
{
    char line[VECTOR_LINE + 64];
    out->count = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (line[0] == '#') {
            continue;
        }
        if (line[0] == '\n') {
            if (out->count != 0) {
                return true;
            }
            continue;
        }
        assert_true(out->count < VECTOR_FIELDS);
        assert_int_equal(sscanf(line, "%31s %2047s", out->name[out->count], out->value[out->count]), 2);
        out->count++;
    }
    return out->count != 0;
}

static inline const char *vector_text(const struct vector *vector, const char *name)
{
    for (size_t i = 0; i < vector->count; i++) {
        if (strcmp(vector->name[i], name) == 0) {
            return vector->value[i];
        }
    }
    fail_msg("the vector has no %s", name);
    return "";
}

static inline uint64_t vector_number(const struct vector *vector, const char *name)
{
    return strtoull(vector_text(vector, name), NULL, 10);
}

/* Returns the number of bytes; `-` is none. */
static inline size_t vector_hex(const struct vector *vector, const char *name, uint8_t *out, size_t room)
{
    struct whorl_bytes text = whorl_bytes_of(vector_text(vector, name));
    if (whorl_is(text, "-")) {
        return 0;
    }
    assert_true(text.size / 2 <= room);
    assert_true(whorl_hex_decode(text, out, text.size / 2));
    return text.size / 2;
}

static inline void assert_bytes(struct whorl_bytes got, const char *wanted)
{
    if (!whorl_is(got, wanted)) {
        fail_msg("got \"%.*s\", wanted \"%s\"", (int)got.size, (const char *)got.data, wanted);
    }
}

/* A key of the crypto port out of a small number. */
static inline struct whorl_key key_of(uint8_t number)
{
    uint8_t scalar[WHORL_SCALAR_BYTES] = {0};
    struct whorl_key key;
    scalar[31] = number;
    assert_true(host_crypto.p256_import(host_crypto.context, scalar, &key));
    return key;
}

#endif
