/* The signature of a JWS (RFC 7515) as chip makers use it: ES256 only. The algorithm is the caller's pin,
 * never the message's wish: who calls has checked that `alg` says ES256. Reads no JSON. */
#ifndef WHORL_PKI_JWS_H
#define WHORL_PKI_JWS_H

#include "base/encoding.h"

/** Verifies R‖S (64 bytes, RFC 7518 §3.4) over ASCII(protected '.' payload).
 *  @param spki of the pinned signer, P-256  @param protected_text base64url as sent, like the others
 *  @errors ERR_POP_FAILED the signature does not hold, ERR_BAD_ENCODING it has another form @thread any */
err_t jws_verify_es256(struct bytes spki, struct bytes protected_text, struct bytes payload_text,
                       struct bytes signature_text);

#endif
