/* Public keys as the server knows them: canonical DER SubjectPublicKeyInfo and its SHA-256, which is the
 * device's name. OpenSSL stays behind this wall: no header of pki/ but pki/openssl.h and pki/peer_tls.h shows
 * its types. */
#ifndef WHORL_PKI_KEY_H
#define WHORL_PKI_KEY_H

#include "base/bytes.h"
#include "base/hash.h"

/* The numbers 1 … 6 are those of the key derivation (docs/device-protocol.md). */
enum key_alg { KEY_ALG_NONE = 0, KEY_ALG_P256 = 1, KEY_ALG_P384 = 2, KEY_ALG_ED25519 = 3, KEY_ALG_RSA = 16 };

struct key_info {
    enum key_alg alg;
    int bits;
    struct sha256 spki_sha256; /* of the canonical DER SubjectPublicKeyInfo */
};

struct key_policy {
    bool allow_rsa;      /* RSA 3072 … 4096, e odd, 3 … 2^32: identities of existing chips */
    bool allow_rsa_2048; /* per product, for chip makers' keys */
};

/** Reads and checks a SubjectPublicKeyInfo: DER (not BER), nothing behind it, named curve P-256 or P-384 (no
 * explicit parameters), point uncompressed and on the curve, Ed25519, or RSA as the policy says (RFC 5480,
 * 8410, 3279).
 *  @errors ERR_UNPROCESSABLE with the reason, ERR_BAD_ENCODING @thread any */
err_t key_check_spki(struct bytes spki, const struct key_policy *policy, struct key_info *out);

/** Verifies `signature` over `message` under a checked SPKI: ECDSA with SHA-256 (P-256) or SHA-384 (P-384) in
 * DER form, Ed25519, RSA PKCS#1 v1.5 with SHA-256. @errors ERR_POP_FAILED @thread any */
err_t key_verify(struct bytes spki, struct bytes message, struct bytes signature);

#endif
