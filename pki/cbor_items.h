/* CBOR (RFC 8949) one item at a time, over libcbor: what COSE and SUIT are put together from. The writer
 * makes the shortest heads and definite lengths (§4.2.1) and keeps the first error until the end; the reader
 * takes one head after the other and builds nothing, so that nesting costs nothing. Used by the files of pki/
 * only. */
#ifndef WHORL_PKI_CBOR_ITEMS_H
#define WHORL_PKI_CBOR_ITEMS_H

#include "base/bytes.h"

struct cbor_writer {
    struct buf *out;
    err_t error; /* the first one */
};
/** Appends to `out`, which is borrowed. @thread any, like all functions here */
struct cbor_writer cbor_writer(struct buf *out);
/** The first error of all calls. */
err_t cbor_finish(const struct cbor_writer *w);
/** An integer of either sign. */
void cbor_put_int(struct cbor_writer *w, int64_t value);
void cbor_put_bytes(struct cbor_writer *w, struct bytes value);
void cbor_put_text(struct cbor_writer *w, const char *value);
/** The head of an array of `n` items, which follow. */
void cbor_put_array(struct cbor_writer *w, size_t n);
/** The head of a map of `n` pairs, which follow in the order of their keys' encodings. */
void cbor_put_map(struct cbor_writer *w, size_t n);
void cbor_put_tag(struct cbor_writer *w, uint64_t tag);
void cbor_put_null(struct cbor_writer *w);

enum cbor_kind { CBOR_INT, CBOR_BYTES, CBOR_TEXT, CBOR_ARRAY, CBOR_MAP, CBOR_TAG, CBOR_OTHER };
struct cbor_head {
    enum cbor_kind kind;
    int64_t number;     /* INT: its value; ARRAY: items; MAP: pairs; TAG: its number */
    struct bytes bytes; /* BYTES, TEXT: borrowed from what is read */
};
/** Takes the next head off `in`. @return false at the end, for what is malformed or of indefinite length, and
 *  for integers beyond int64_t */
bool cbor_take(struct bytes *in, struct cbor_head *out);
/* Takes one of a kind; false for everything else. */
bool cbor_take_int(struct bytes *in, int64_t *out);
/** Exactly this integer. */
bool cbor_take_key(struct bytes *in, int64_t expected);
bool cbor_take_bytes(struct bytes *in, struct bytes *out);
/** Text that fits with its NUL. @param[out] out of `size` bytes */
bool cbor_take_text(struct bytes *in, char *out, size_t size);
/** The head of an array of exactly `n`. */
bool cbor_take_array(struct bytes *in, size_t n);
bool cbor_take_map(struct bytes *in, size_t n);
bool cbor_take_tag(struct bytes *in, uint64_t tag);
bool cbor_take_null(struct bytes *in);

#endif
