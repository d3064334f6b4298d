/* Signatures as boot loaders, updaters and devices want them: over a digest that was computed elsewhere,
 * piece by piece, and over whole texts. The key's kind decides the scheme. Knows no image format. */
#ifndef WHORL_PKI_DIGEST_SIGN_H
#define WHORL_PKI_DIGEST_SIGN_H

#include "base/hash.h"
#include "pki/keystore.h"

enum { ECDSA_P256_RAW_SIZE = 64 };

/** Over a SHA-256: P-256 by ECDSA in DER form; RSA by PSS (MGF1 and SHA-256, salt of 32 bytes); Ed25519 over
 *  the 32 bytes themselves, as MCUboot does. Proved by verifying before it is given out.
 *  @param[out] signature appended @errors ERR_UNPROCESSABLE another kind of key, ERR_CRYPTO @thread worker */
err_t digest_sign(const struct private_key *key, const struct sha256 *digest, struct buf *signature);
/** Ed25519 over all bytes of a text (RFC 8032, pure). @errors as above @thread worker */
err_t text_sign_ed25519(const struct private_key *key, struct bytes text, struct buf *signature);
/** ECDSA P-256 over SHA-256 as r || s (RFC 9053 §2.1). @errors as above @thread worker */
err_t text_sign_raw(const struct private_key *key, struct bytes text, uint8_t out[ECDSA_P256_RAW_SIZE]);
/** The same, verified. @param spki DER of a P-256 key @errors ERR_FORBIDDEN it does not hold,
 *  ERR_UNPROCESSABLE another kind of key, ERR_BAD_ENCODING @thread any */
err_t text_verify_raw(struct bytes spki, struct bytes text, const uint8_t signature[ECDSA_P256_RAW_SIZE]);

#endif
