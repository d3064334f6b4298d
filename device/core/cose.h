/* COSE_Sign1 (RFC 9052 §4.2) as firmware is signed: tagged, ESP256 (RFC 9864), a key named by SHA-256 of its
 * DER SubjectPublicKeyInfo, nothing in the unprotected header. Decides nothing about what the payload means.
 */
#ifndef WHORL_DEVICE_CORE_COSE_H
#define WHORL_DEVICE_CORE_COSE_H

#include "device/core/cbor.h"
#include "device/core/ports.h"

/* Views into the message. */
struct whorl_cose {
    struct whorl_bytes header; /* the protected header, as it is signed */
    struct whorl_bytes kid;    /* 32 bytes */
    struct whorl_bytes payload;
    bool is_detached; /* the payload is elsewhere */
    struct whorl_bytes signature;
};

/** Reads a message that takes the whole of `message`. False: it is not exactly of this form. */
bool whorl_cose_read(struct whorl_bytes message, struct whorl_cose *out);

/** The name of a P-256 key in a header.
 *  @param point uncompressed: 0x04 || x || y */
enum whorl_result whorl_cose_kid(const struct whorl_crypto *crypto, const uint8_t point[WHORL_POINT_BYTES],
                                 uint8_t out[WHORL_HASH_BYTES]);

/** Whether this key signed this payload. WHORL_OK; WHORL_ERROR_ANSWER: it did not; WHORL_ERROR_CRYPTO: the
 *  port failed. */
enum whorl_result whorl_cose_verify(const struct whorl_crypto *crypto, const struct whorl_cose *cose,
                                    struct whorl_bytes payload, const uint8_t point[WHORL_POINT_BYTES]);

#endif
