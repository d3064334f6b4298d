/* What a signer of CMP answers holds, for the two files that answer with it (cmp_answer.c, cmp_server.c):
 * certificates parsed once, since OpenSSL 3.0 decodes each key
 * that it meets anew. */
#ifndef WHORL_PKI_CMP_SIGNER_INTERNAL_H
#define WHORL_PKI_CMP_SIGNER_INTERNAL_H

#include <stdatomic.h>

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
    struct cmp_signer_facts facts;
};

/** Empties OpenSSL's error queue. @return why a message was not taken, in our words @param[out] failure its
 * bit */
const char *cmp_reason_take(enum cmp_failure *failure);

#endif
