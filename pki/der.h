/* DER, read and written by hand where OpenSSL's way costs too much: OpenSSL 3.0 decodes every public key it
 * meets (0.25 ms) and re-encodes it for each new certificate. The reader accepts DER only, never BER; the
 * writer keeps the first error until the end, so that a structure reads like its ASN.1. Used by the files of
 * pki/ only. */
#ifndef WHORL_PKI_DER_H
#define WHORL_PKI_DER_H

#include "base/bytes.h"

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_ENUMERATED = 0x0a,
    DER_UTF8_STRING = 0x0c,
    DER_PRINTABLE_STRING = 0x13,
    DER_TELETEX_STRING = 0x14,
    DER_IA5_STRING = 0x16,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_CONTEXT = 0x80,            /* [n] IMPLICIT of a primitive type: | n */
    DER_CONTEXT_CONSTRUCTED = 0xa0 /* [n] constructed: | n */
};

struct der_item {
    uint8_t tag;
    struct bytes value;
    struct bytes whole; /* with tag and length */
};

/** Refuses what is not exactly one DER value: indefinite or padded lengths, constructed strings, integers and
 * booleans not in their one form, tags of several bytes, nesting beyond 16, anything behind the end. The
 * order inside a SET OF is not checked (small clients get it wrong and signatures cover the bytes as sent).
 * @errors ERR_BAD_ENCODING @thread any */
err_t der_check(struct bytes der);

/** Takes the next value off `in`. @return false at the end or when the header is malformed; `in` is then
 * unchanged */
bool der_next(struct bytes *in, struct der_item *out);
/** Takes the next value when it has this tag. */
bool der_take(struct bytes *in, uint8_t tag, struct der_item *out);

struct der_writer {
    struct buf *out;
    err_t error; /* the first one */
};

struct der_writer der_writer(struct buf *out);
/** The first error of all calls. */
err_t der_finish(const struct der_writer *w);
/** Starts a constructed value (or a primitive one that is composed). @return a mark for der_close() */
size_t der_open(struct der_writer *w, uint8_t tag);
void der_close(struct der_writer *w, size_t mark);
void der_put(struct der_writer *w, uint8_t tag, struct bytes value);
/** Bytes that are DER already. */
void der_put_raw(struct der_writer *w, struct bytes der);
/** A BIT STRING of whole bytes. */
void der_put_bits(struct der_writer *w, struct bytes bits);
/** A non-negative INTEGER or ENUMERATED from big-endian bytes, in its shortest form. */
void der_put_unsigned(struct der_writer *w, uint8_t tag, struct bytes big_endian);
void der_put_int64(struct der_writer *w, uint8_t tag, int64_t value);
/** Time as RFC 5280 §4.1.2.5 wants it: UTCTime up to 2049, GeneralizedTime from 2050; whole seconds. */
void der_put_time(struct der_writer *w, int64_t at_ms);

#endif
