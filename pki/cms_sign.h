/* CMS SignedData (RFC 5652) as SWUpdate and RAUC verify it: one signer with signed attributes, no S/MIME
 * capabilities, the signer's certificate inside. The content comes piece by piece. Knows no image. */
#ifndef WHORL_PKI_CMS_SIGN_H
#define WHORL_PKI_CMS_SIGN_H

#include "pki/keystore.h"

struct cms_order {
    const struct private_key *key; /* borrowed until the end */
    struct bytes certificate;      /* DER, over the key; borrowed during the call */
    int64_t at_ms;                 /* the signing time */
    bool is_detached;              /* the content is elsewhere; else it is inside */
};
struct cms_signing; /* of one thread */

/** SHA-256, of a P-384 key SHA-384. @errors ERR_UNPROCESSABLE the certificate is over another key, ERR_CRYPTO
 *  @thread worker, like all functions here */
err_t cms_signing_new(const struct cms_order *order, struct cms_signing **out);
err_t cms_signing_add(struct cms_signing *signing, struct bytes piece);
/** @param[out] der appended */
err_t cms_signing_finish(struct cms_signing *signing, struct buf *der);
void cms_signing_free(struct cms_signing *signing);
DEFINE_AUTO_PTR(cms_signing, cms_signing_free);

#endif
