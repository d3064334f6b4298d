/* Certificates of keys that sign software: what SWUpdate and RAUC devices keep as the anchor, or what an
 * authority of the operator issues for a request that is made here. Knows no image. */
#ifndef WHORL_PKI_CODE_CERTIFICATE_H
#define WHORL_PKI_CODE_CERTIFICATE_H

#include "base/ports.h"
#include "pki/keystore.h"

/* Of a new certificate; all borrowed. */
struct code_subject {
    const char *common_name;
    int64_t not_before_ms, not_after_ms;
    const struct random *random; /* for the serial number */
};

/** Self-signed: no CA, digitalSignature, codeSigning and emailProtection (the purposes that updaters check).
 *  @param[out] der appended @errors ERR_CRYPTO @thread worker */
err_t code_certificate_make(const struct private_key *key, const struct code_subject *subject,
                            struct buf *der);
/** A PKCS#10 request for the key. @param[out] der appended @thread worker */
err_t code_request_make(const struct private_key *key, const char *common_name, struct buf *der);
/** PEM of such a request, and of a public key (RFC 7468), appended. @thread any */
err_t code_request_to_pem(struct bytes der, struct buf *out);
err_t public_key_to_pem(struct bytes spki, struct buf *out);

/** A certificate that somebody brings: over this key, for signing, good now.
 *  @param spki of the key @param[out] der appended @errors ERR_UNPROCESSABLE with the reason @thread any */
err_t code_certificate_take(struct bytes pem, struct bytes spki, int64_t now_ms, struct buf *der);

#endif
