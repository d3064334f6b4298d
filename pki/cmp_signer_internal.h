/* What a signer of CMP answers holds, for the files that answer with it (cmp_answer.c, cmp_server.c,
 * cmp_chain.c): certificates parsed once, since OpenSSL 3.0 decodes each key that it meets anew. */
#ifndef WHORL_PKI_CMP_SIGNER_INTERNAL_H
#define WHORL_PKI_CMP_SIGNER_INTERNAL_H

#include <stdatomic.h>

#include <openssl/provider.h>

#include "pki/authority_internal.h"
#include "pki/cmp_header.h"
#include "pki/cmp_signer.h"
#include "pki/openssl.h"
#include "pki/profile.h"

struct cmp_signer {
    atomic_size_t references;
    struct private_key *key;
    struct buf der;     /* its certificate */
    struct buf subject; /* DER Name: the sender of answers */
    uint8_t ski[SKI_SIZE];
    struct buf extra; /* the path, DER, one behind the other */
    X509 *certificate, *root;
    STACK_OF(X509) * path;    /* as in the specification */
    STACK_OF(X509) * issuers; /* likewise */
    OSSL_LIB_CTX *keyless;    /* in which no key can be decoded, */
    OSSL_PROVIDER *nobody;    /* since this one alone serves it */
    struct cmp_signer_facts facts;
};

/** Empties OpenSSL's error queue. @return why a message was not taken, in our words @param[out] failure its
 * bit */
const char *cmp_reason_take(enum cmp_failure *failure);

/** A certificate for an answer to carry, and for nothing else: its key is not decoded, which costs OpenSSL
 * 3.0 as much as two signatures. It must not outlive the signer. @param[out] out the caller's; NULL on
 * failure */
bool cmp_signer_carry(const struct cmp_signer *signer, struct bytes der, X509 **out);

struct cmp_outcome;
/** What goes along with a certificate that is granted: what is above it, and the root for caPubs.
 *  @param[in,out] chain made when it is NULL, as ca_pubs is; the caller's also when this fails */
bool cmp_signer_put_chain(const struct cmp_signer *signer, const struct cmp_outcome *outcome,
                          STACK_OF(X509) * *chain, STACK_OF(X509) * *ca_pubs);

#endif
