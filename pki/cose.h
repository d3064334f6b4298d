/* COSE_Sign1 (RFC 9052 §4.2) in the one form that release manifests and statements about anchors have: tag
 * 18, protected {alg: ESP256 (-9, RFC 9864), kid: SHA-256 of the DER SubjectPublicKeyInfo}, nothing
 * unprotected, a signature r || s by P-256. Byte for byte: docs/suit-profile.md. */
#ifndef WHORL_PKI_COSE_H
#define WHORL_PKI_COSE_H

#include "base/bytes.h"
#include "base/hash.h"

enum { COSE_SIGNATURE_SIZE = 64 };

struct cose_sign1 {
    struct sha256 kid;
    bool is_detached;     /* the payload is elsewhere */
    struct bytes payload; /* borrowed; empty when detached */
    uint8_t signature[COSE_SIGNATURE_SIZE];
};

/** What a key signs: the Sig_structure (§4.4) over `payload`, wherever that stands. @param[out] out appended
 *  @errors ERR_NO_MEMORY @thread any, like all functions here */
err_t cose_to_be_signed(const struct sha256 *kid, struct bytes payload, struct buf *out);
/** @param[out] out appended */
err_t cose_sign1_write(const struct cose_sign1 *message, struct buf *out);
/** Exactly these bytes and no others: deterministic encoding is a rule here, not a habit.
 *  @param[out] out its payload borrows from `in` @errors ERR_BAD_ENCODING */
err_t cose_sign1_read(struct bytes in, struct cose_sign1 *out);
/** Whether the key signed this. @param payload that of the message, or the detached one
 *  @param spki DER, P-256 @errors ERR_FORBIDDEN another key, or the signature is not good; ERR_UNPROCESSABLE
 *  the key is none that can sign */
err_t cose_sign1_verify(const struct cose_sign1 *message, struct bytes payload, struct bytes spki);

#endif
