/* The last step of verifying an Ed25519 signature over a message that does not fit into memory: OpenSSL takes
 * such a message whole only. Public values, no secrets, no constant time. For the files of pki/. */
#ifndef WHORL_PKI_EDWARDS_H
#define WHORL_PKI_EDWARDS_H

#include "base/bytes.h"

/** Whether [S]B = R + [k]A (RFC 8032 §5.1.7), without the cofactor, as OpenSSL judges it.
 *  @param point A, 32 bytes @param signature R and S, 64 bytes @param challenge SHA-512(R, A, message)
 *  @errors ERR_CRYPTO, ERR_NO_MEMORY @thread any */
err_t edwards_verify(struct bytes point, struct bytes signature, const uint8_t challenge[64], bool *out);

#endif
