/* What is made when authorities follow each other: a root that takes its predecessor's name, the two cross
 * certificates between them (RFC 9810 §4.4), a further certificate of an issuing CA under another root, and
 * requests for CA certificates that somebody else will sign. Called by an operator's order, never by a
 * request of a device. */
#ifndef WHORL_PKI_AUTHORITY_SUCCESSION_H
#define WHORL_PKI_AUTHORITY_SUCCESSION_H

#include "pki/authority.h"

/** Makes the root that follows `predecessor`: self-signed, under the predecessor's DN, so that NewWithOld is
 * self-issued and what is under the new root is not a step too deep for who trusts only the old one (RFC 5280
 * §6.1.4 (l)). The subjectKeyIdentifier tells the two apart. @param spec its organisation is not looked at
 *  @errors ERR_INTERNAL no root, ERR_UNPROCESSABLE the predecessor's own key @thread worker, like all here */
err_t authority_make_successor(const struct authority_spec *spec, const struct private_key *key,
                               const struct authority *predecessor, const uint8_t serial[SERIAL_SIZE],
                               struct buf *der);

/* When it is good, and where the signer's CRL and certificate are. */
struct cross_spec {
    int64_t not_before_ms; /* cut to the subject's; of OldWithNew always the old root's own */
    int64_t not_after_ms;  /* cut to that of both */
    struct publication publication;
};
/** Certifies one root under another of the same name: NewWithOld where `signer` is the older, OldWithNew the
 * other way round. Devices tell the second by its beginning, which is before the signer's: it makes no root
 * of the old one again (docs/device-protocol.md, "Trust anchors"). So a successor has to begin after its
 * predecessor, wherever it was made. The pathlen of the subject, keyCertSign
 * and cRLSign, no EKU; the subject's SKI, the signer's AKI, CDP and AIA.
 *  @errors ERR_UNAVAILABLE the signer's key is not here; ERR_UNPROCESSABLE they are not two roots of one name
 * and two keys, or are never good at one time */
err_t authority_make_cross(const struct authority *signer, const struct authority *subject,
                           const struct cross_spec *spec, const uint8_t serial[SERIAL_SIZE], struct buf *der);
/** A further certificate of an issuing CA, for the same name and key, under another root: what the first one
 * says of the CA itself (EKU, name constraints) it says too.
 *  @errors ERR_UNAVAILABLE the root's key is not here; ERR_UNPROCESSABLE no issuing CA, or never good at one
 * time with the root */
err_t authority_make_again(const struct authority *root, const struct authority *subject,
                           const struct cross_spec *spec, const uint8_t serial[SERIAL_SIZE], struct buf *der);

/** A PKCS#10 request (RFC 2986) for the certificate of a CA key, which asks for basicConstraints, keyUsage,
 * subjectKeyIdentifier and, for an issuing CA, extKeyUsage. @param spec id, role, organisation and key
 * purposes are looked at
 *  @param predecessor whose name is asked for; NULL: a name of its own @param[out] der appended */
err_t authority_make_request(const struct authority_spec *spec, const struct private_key *key,
                             const struct authority *predecessor, struct buf *der);

enum { ORGANISATION_SIZE = 65 };
/** The organisation in an authority's name: what its successors are called. @errors ERR_UNPROCESSABLE it has
 * none
 */
err_t authority_organisation(const struct authority *authority, char out[ORGANISATION_SIZE]);

#endif
