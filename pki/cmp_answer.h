/* CMP messages of ours, built as DER and signed by the CMP signer: errors, and bodies that OpenSSL 3.0 has no
 * constructors for (RFC 9810 §5, RFC 9483 §3). Holds no rule of who gets what. */
#ifndef WHORL_PKI_CMP_ANSWER_H
#define WHORL_PKI_CMP_ANSWER_H

#include "pki/cmp_mac.h"
#include "pki/cmp_signer.h"

struct cmp_answer_spec {
    const struct cmp_signer *signer;
    const struct cmp_header *request; /* what was read of it: its names and numbers are repeated */
    const struct random *random;
    int64_t now_ms;
    const struct cmp_mac_spec
        *mac; /* instead of a signature: the sender proved that it has the code; or NULL */
};

/** A signed message, or one with a MAC, with the signer's certificates in extraCerts. @param content DER
 * inside the body's [n]
 *  @param[out] der appended @errors ERR_CRYPTO, ERR_NO_MEMORY @thread worker */
err_t cmp_answer_sign(const struct cmp_answer_spec *spec, enum cmp_body body, struct bytes content,
                      struct buf *der);

/** Such an error: status rejection, one failure, one sentence. */
err_t cmp_answer_error(const struct cmp_answer_spec *spec, enum cmp_failure failure, const char *text,
                       struct buf *der);

/** A PKIStatusInfo of a rejection, for bodies that carry one (RFC 9810 §5.2.3). @param[out] der appended */
err_t cmp_rejection_put(enum cmp_failure failure, const char *text, struct buf *der);

#endif
