/* Deterministic CBOR (RFC 8949 §4.2) for the signed messages of firmware: a reader that steps over items at
 * the front of a slice, and the heads that a signature is made over. Anything but shortest, definite lengths
 * is refused, so that one meaning has one encoding. Knows no COSE and no SUIT; those are in cose.h, suit.h.
 */
#ifndef WHORL_DEVICE_CORE_CBOR_H
#define WHORL_DEVICE_CORE_CBOR_H

#include "device/core/types.h"

enum whorl_cbor_major {
    WHORL_CBOR_UINT = 0,
    WHORL_CBOR_NEGATIVE = 1,
    WHORL_CBOR_BYTES = 2,
    WHORL_CBOR_TEXT = 3,
    WHORL_CBOR_ARRAY = 4,
    WHORL_CBOR_MAP = 5,
    WHORL_CBOR_TAG = 6
};
enum { WHORL_CBOR_HEAD_MAX = 9 };

/* Each takes one item from the front of `in`, which moves behind it. False: another type, not the shortest
 * form, or cut; `in` is of no use then. */
bool whorl_cbor_uint(struct whorl_bytes *in, uint64_t *out);
bool whorl_cbor_bytes(struct whorl_bytes *in, struct whorl_bytes *out);
/** UTF-8 without control characters. */
bool whorl_cbor_text(struct whorl_bytes *in, struct whorl_bytes *out);

/** The head of an array, a map (pairs) or a tag; what is in it follows in `in`. */
bool whorl_cbor_head(struct whorl_bytes *in, enum whorl_cbor_major major, uint64_t *out);

/* The same for an item whose value the profile fixes. */
bool whorl_cbor_is_head(struct whorl_bytes *in, enum whorl_cbor_major major, uint64_t value);
bool whorl_cbor_is_int(struct whorl_bytes *in, int64_t value);
bool whorl_cbor_is_null(struct whorl_bytes *in);
/** A byte string of exactly `size` bytes. */
bool whorl_cbor_is_bytes(struct whorl_bytes *in, size_t size, struct whorl_bytes *out);

/** The next item is this integer: takes it. Otherwise `in` stays as it is. */
bool whorl_cbor_skip_int(struct whorl_bytes *in, int64_t value);

/** Writes the head of an item; returns its length. */
size_t whorl_cbor_put_head(uint8_t out[WHORL_CBOR_HEAD_MAX], enum whorl_cbor_major major, uint64_t value);

#endif
