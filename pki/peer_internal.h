/* The authorities that peers are checked against, and to whom of them a certificate claims to belong. Private
 * to pki/peer*.c. */
#ifndef WHORL_PKI_PEER_INTERNAL_H
#define WHORL_PKI_PEER_INTERNAL_H

#include "pki/authority_internal.h"
#include "pki/peer.h"
#include "pki/peer_memory.h"

struct trusted_authority {
    char id[AUTHORITY_ID_SIZE];
    struct buf subject; /* DER Name */
    struct buf ski;
    EVP_PKEY *key;
};

struct peer_trust {
    struct key_policy policy;
    struct peer_memory *memory; /* of peer_identity_of(); NULL: none */
    X509_STORE *anchors;        /* of back ends (peer_anchors.c); NULL: the authorities below */
    size_t count;
    struct trusted_authority authorities[];
};

/* So that who verifies a message does not parse it again: on OpenSSL 3.0 that costs as much as two
 * signatures. */
struct peer_certificate {
    X509 *x509;
};

/** What the certificate says of its issuer, nothing verified yet. @param[out] issuer for PEER_ISSUED,
 * borrowed from `trust` */
enum peer_kind peer_classify(const struct peer_trust *trust, X509 *x509,
                             const struct trusted_authority **issuer);

/** What was found when the certificate was verified must back what it says of itself: the authorities may
 * have changed since.
 * @param found an X509_V_ code that peer_verify_chain() left */
enum peer_kind peer_backed_kind(enum peer_kind claimed, long found);
/** The dates of a self-signed certificate are the word of a device's clock before anybody set it: they mean
 * nothing. */
bool peer_is_outside_validity(const struct peer_identity *peer, int64_t now_ms);

/** Verifies the chain that the peer sent. @return X509_V_OK, or why not @thread loop */
int peer_verify_anchored(X509_STORE_CTX *context, const struct peer_trust *trust);

#endif
