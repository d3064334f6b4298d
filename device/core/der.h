/* DER, as much as a device needs: a writer that goes from the last byte to the first (so lengths are known
 * when they are written), and a reader that steps over elements. Knows no certificates; those are in x509.h.
 */
#ifndef WHORL_DEVICE_CORE_DER_H
#define WHORL_DEVICE_CORE_DER_H

#include "device/core/types.h"

enum {
    WHORL_DER_BOOLEAN = 0x01,
    WHORL_DER_INTEGER = 0x02,
    WHORL_DER_BIT_STRING = 0x03,
    WHORL_DER_OCTET_STRING = 0x04,
    WHORL_DER_OID = 0x06,
    WHORL_DER_UTF8_STRING = 0x0c,
    WHORL_DER_UTC_TIME = 0x17,
    WHORL_DER_GENERALIZED_TIME = 0x18,
    WHORL_DER_SEQUENCE = 0x30,
    WHORL_DER_SET = 0x31,
    WHORL_DER_CONTEXT_0 = 0xa0,
    WHORL_DER_CONTEXT_3 = 0xa3,
    WHORL_ECDSA_DER_MAX = 72
};

/* The written part is room.data[at … room.size). is_full stays true once something did not fit. */
struct whorl_der {
    struct whorl_space room;
    size_t at;
    bool is_full;
};

void whorl_der_begin(struct whorl_der *der, struct whorl_space room);

/** Puts bytes before what is written. */
void whorl_der_bytes(struct whorl_der *der, struct whorl_bytes bytes);

/** Puts tag and length before what was written since the writer stood at `end`. */
void whorl_der_wrap(struct whorl_der *der, uint8_t tag, size_t end);

/** Puts one element with this content. */
void whorl_der_element(struct whorl_der *der, uint8_t tag, struct whorl_bytes content);

/** Puts a non-negative INTEGER from big-endian bytes: leading zeros dropped, one added before a set top bit.
 */
void whorl_der_integer(struct whorl_der *der, struct whorl_bytes big_endian);

struct whorl_bytes whorl_der_view(const struct whorl_der *der);

/** ECDSA-Sig-Value (RFC 5480 appendix A) from r || s; returns its length. */
size_t whorl_der_signature(const uint8_t raw[64], uint8_t out[WHORL_ECDSA_DER_MAX]);

/** One element at the front of `in`: its tag, content and whole; `in` moves behind it. False at the end, for
 * indefinite lengths and for anything that runs over. */
struct whorl_der_item {
    uint8_t tag;
    struct whorl_bytes content;
    struct whorl_bytes whole;
};
bool whorl_der_next(struct whorl_bytes *in, struct whorl_der_item *out);

#endif
