/* The plain types of the device core: results, byte slices, and the few helpers that replace <string.h>.
 * Freestanding C99: nothing here or beside it needs a C library, a heap or a global. Included by every file
 * of device/core and its ports. */
#ifndef WHORL_DEVICE_CORE_TYPES_H
#define WHORL_DEVICE_CORE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Negative numbers up to -7 have the meaning that QuarkLink's client gives them, so that its callers port by
 * name. */
enum whorl_result {
    WHORL_OK = 0,
    WHORL_ERROR_INTERNAL = -1,
    WHORL_ERROR_PARAMETER = -2,
    WHORL_ERROR_COMMUNICATION = -4,
    WHORL_ERROR_NOT_AVAILABLE = -5,
    WHORL_ERROR_STORAGE = -6,
    WHORL_ERROR_SPACE = -20,  /* a buffer of the caller is too small */
    WHORL_ERROR_CRYPTO = -21, /* the crypto port failed, or a signature did not verify after it was made */
    WHORL_ERROR_RANDOM = -22, /* the random port failed or repeats itself */
    WHORL_ERROR_PUF_BIASED = -23, /* the chip's bits are not uniform enough to carry a key */
    WHORL_ERROR_PUF_NOISY = -24,  /* the chip is too unsteady at enrolment */
    WHORL_ERROR_HELPER = -25,     /* helper data damaged, tampered with, or of another chip */
    WHORL_ERROR_ANSWER = -26,     /* the server's answer is not what the protocol says */
    WHORL_ERROR_REFUSED = -27,    /* the server refused; its problem document says why */
    WHORL_ERROR_EXISTS = -28,     /* the chip was enrolled already; a second time would leak its bits */
    WHORL_ERROR_SIZE = -29        /* an image has another size than its manifest says */
};

enum { WHORL_HASH_BYTES = 32, WHORL_POINT_BYTES = 65, WHORL_SIGNATURE_BYTES = 64, WHORL_SCALAR_BYTES = 32 };

struct whorl_bytes {
    const uint8_t *data;
    size_t size;
};

/* Room that the caller lends. */
struct whorl_space {
    uint8_t *data;
    size_t size;
};

/* Return the result of `expression` to the caller unless it is WHORL_OK. */
#define WHORL_TRY(expression)                                                                                \
    do {                                                                                                     \
        enum whorl_result whorl_try_ = (expression);                                                         \
        if (whorl_try_ != WHORL_OK) {                                                                        \
            return whorl_try_;                                                                               \
        }                                                                                                    \
    } while (0)

static inline void whorl_copy(void *to, const void *from, size_t size)
{
    if (size != 0) {
        __builtin_memcpy(to, from, size);
    }
}

static inline void whorl_zero(void *at, size_t size)
{
    __builtin_memset(at, 0, size);
}

/** Compares without a data-dependent branch: tags and signatures go through here. */
static inline bool whorl_equal(const void *a, const void *b, size_t size)
{
    const uint8_t *x = (const uint8_t *)a;
    const uint8_t *y = (const uint8_t *)b;
    uint8_t difference = 0;
    for (size_t i = 0; i < size; i++) {
        difference = (uint8_t)(difference | (x[i] ^ y[i]));
    }
    return difference == 0;
}

static inline size_t whorl_length(const char *text)
{
    size_t n = 0;
    while (text[n] != '\0') {
        n++;
    }
    return n;
}

static inline struct whorl_bytes whorl_bytes_of(const char *text)
{
    struct whorl_bytes b = {(const uint8_t *)text, whorl_length(text)};
    return b;
}

static inline void whorl_put_u16(uint8_t out[2], uint16_t value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
}

static inline void whorl_put_u32(uint8_t out[4], uint32_t value)
{
    whorl_put_u16(out, (uint16_t)(value >> 16));
    whorl_put_u16(out + 2, (uint16_t)value);
}

static inline void whorl_put_u64(uint8_t out[8], uint64_t value)
{
    whorl_put_u32(out, (uint32_t)(value >> 32));
    whorl_put_u32(out + 4, (uint32_t)value);
}

static inline uint16_t whorl_get_u16(const uint8_t in[2])
{
    return (uint16_t)((uint32_t)in[0] << 8 | in[1]);
}

static inline uint32_t whorl_get_u32(const uint8_t in[4])
{
    return (uint32_t)whorl_get_u16(in) << 16 | whorl_get_u16(in + 2);
}

static inline uint64_t whorl_get_u64(const uint8_t in[8])
{
    return (uint64_t)whorl_get_u32(in) << 32 | whorl_get_u32(in + 4);
}

#endif
