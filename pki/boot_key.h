/* Public keys that boot loaders and updaters trust: read from what people hand in, named as images name them,
 * and asked whether a signature holds. Knows no image: what is signed comes as a digest or as a source. */
#ifndef WHORL_PKI_BOOT_KEY_H
#define WHORL_PKI_BOOT_KEY_H

#include "base/byte_source.h"
#include "pki/key.h"

/** A public key in PEM or DER ("PUBLIC KEY", or PKCS#1 "RSA PUBLIC KEY"), or the key of a PEM or DER
 * certificate: P-256, P-384, Ed25519, RSA 2048 … 4096.
 *  @param[out] spki canonical DER, appended @errors ERR_UNPROCESSABLE with the reason @thread any */
err_t boot_key_read(struct bytes text, struct buf *spki, struct key_info *info);
/** One certificate in PEM or DER. @param[out] der appended @errors ERR_UNPROCESSABLE @thread any */
err_t boot_certificate_read(struct bytes text, struct buf *der);

/** As imgtool hashes it: RSA as PKCS#1 RSAPublicKey, the others as SubjectPublicKeyInfo.
 *  @param[out] out digest_size() bytes @errors ERR_BAD_ENCODING @thread any */
err_t boot_key_digest_mcuboot(struct bytes spki, enum digest_kind kind, uint8_t *out);
/** As it is burnt into an ESP32's eFuses: SHA-256 of the key as a Secure Boot v2 block holds it.
 *  @errors ERR_UNPROCESSABLE not RSA-3072, P-256 or P-384 @thread any */
err_t boot_key_digest_esp(struct bytes spki, struct sha256 *out);

enum bare_form {
    BARE_ECDSA,     /* DER */
    BARE_ECDSA_RAW, /* r || s, big-endian */
    BARE_RSA_PSS,   /* MGF1 and digest SHA-256, salt 32 */
    BARE_ED25519    /* the digest is the message */
};
/** Whether a signature over a digest holds. A key of another kind is no error: it does not hold.
 *  @param spki of boot_key_read() @errors ERR_CRYPTO, ERR_NO_MEMORY @thread any */
err_t boot_key_holds_digest(struct bytes spki, enum bare_form form, struct bytes digest,
                            struct bytes signature, bool *out);
/** Whether a signature over a region holds: ECDSA in DER with SHA-256 (P-256) or SHA-384 (P-384), RSA with
 * SHA-256 (PKCS #1 v1.5 or PSS with salt 32), Ed25519. Reads it piece by piece, for Ed25519 too.
 *  @errors of the source @thread that of the source */
err_t boot_key_holds_region(struct bytes spki, const struct byte_region *region, struct bytes signature,
                            bool *out);

#endif
