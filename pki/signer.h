/* Signs statements of this installation that others keep and check without it: CMS SignedData (RFC 5652) with
 * the statement and the certificates inside, as `openssl cms -verify` reads it. Each signer has a key of its
 * own that lives in memory only, and a certificate under the infrastructure authority for signing documents
 * (RFC 9336) and nothing else, so neither a server's key nor a device's can sign in its place. */
#ifndef WHORL_PKI_SIGNER_H
#define WHORL_PKI_SIGNER_H

#include "pki/authority.h"
#include "pki/certificate.h"

struct signer; /* immutable: shared by threads */

/** Makes the key and its certificate, which is good as long as the authority's.
 *  @errors ERR_UNAVAILABLE the authority's key is not here, ERR_CRYPTO @thread init */
struct signer_spec {
    const struct random *random;
    int64_t now_ms;
    struct publication publication;
};
err_t signer_new(const struct authority *infrastructure, const struct signer_spec *spec, struct signer **out);
void signer_free(struct signer *signer);
DEFINE_AUTO_PTR(signer, signer_free);

/** DER of its certificate, appended. @thread any */
err_t signer_certificate(const struct signer *signer, struct buf *der);
/** @param at_ms the signing time @param[out] der appended @thread worker */
err_t signer_sign(const struct signer *signer, struct bytes content, int64_t at_ms, struct buf *der);

struct signed_text {
    struct buf content;
    struct certificate_facts signer;
};
void signed_text_clear(struct signed_text *text);
DEFINE_AUTO_VAL(signed_text, signed_text_clear);

/** Opens what a signer made: exactly one signature, good over the content, by a certificate for signing
 *  documents that leads to one of the anchors. The time of today does not matter: evidence outlives
 *  certificates; compare the signing certificate's life with the time that the content tells.
 *  @param anchors PEM certificates; BYTES_NONE: the signature alone is checked, not who signed
 *  @param[out] out cleared by the caller
 *  @errors ERR_BAD_ENCODING not such a structure, ERR_FORBIDDEN the signature or the signer is not good,
 *  ERR_UNPROCESSABLE no anchor in the text @thread any */
err_t signed_text_open(struct bytes der, struct bytes anchors, struct signed_text *out);
/** SHA-256 of the SubjectPublicKeyInfo of the first certificate of a PEM text: the name of an installation.
 */
err_t anchor_spki_sha256(struct bytes anchors, struct sha256 *out);
/** Whether the first certificate of the text, or another one of its name, has this key: roots that follow
 * each other share their name.
 * @errors ERR_UNPROCESSABLE none at all */
err_t anchors_have_key(struct bytes anchors, const struct sha256 *key, bool *out);

#endif
