/* Who answers CMP messages: a key of its own that lives in memory only, under a certificate of the
 * infrastructure authority for a registration authority of CMP (EKU cmcRA, RFC 6402 §2.10) and nothing else,
 * and the certificates that go along. Immutable and counted. */
#ifndef WHORL_PKI_CMP_SIGNER_H
#define WHORL_PKI_CMP_SIGNER_H

#include "pki/authority.h"

struct cmp_signer;

struct cmp_signer_spec {
    const struct random *random;
    int64_t now_ms, life_ms;
    struct publication publication;
    const struct bytes *path; /* behind its certificate in extraCerts: from the infrastructure authority up,
                                 root included; DER */
    size_t path_count;
    struct bytes root;           /* what caPubs says */
    const struct bytes *issuers; /* certificates that answers may carry besides: those above devices' */
    size_t issuer_count;
};

struct cmp_signer_facts {
    uint8_t serial[SERIAL_SIZE];
    int64_t not_before_ms, not_after_ms;
    struct bytes certificate; /* DER, of the signer */
};

/** Makes the key and its certificate. @errors ERR_UNAVAILABLE the authority's key is not here, ERR_CRYPTO,
 * ERR_UNPROCESSABLE none of its time is left @thread worker */
err_t cmp_signer_new(const struct authority *infrastructure, const struct cmp_signer_spec *spec,
                     struct cmp_signer **out);
struct cmp_signer *cmp_signer_ref(struct cmp_signer *signer);
void cmp_signer_unref(struct cmp_signer *signer);
DEFINE_AUTO_PTR(cmp_signer, cmp_signer_unref);
/** Lent as long as the signer. @thread any */
const struct cmp_signer_facts *cmp_signer_facts(const struct cmp_signer *signer);

#endif
