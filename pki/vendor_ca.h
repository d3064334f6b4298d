/* Certificate authorities of chip makers, pinned by an operator, and chips' certificates under them. Whom a
 * certificate lets in is not decided here. */
#ifndef WHORL_PKI_VENDOR_CA_H
#define WHORL_PKI_VENDOR_CA_H

#include "base/bytes.h"
#include "base/hash.h"

enum { VENDOR_SUBJECT_SIZE = 256, VENDOR_NAME_SIZE = 65, VENDOR_CHAIN_MAX = 4 };

/* One CA, root or intermediate, as it is pinned. */
struct vendor_ca {
    struct buf der;
    uint32_t
        name_hash; /* of its subject, as a certificate under it names its issuer: for finding, no proof */
    struct sha256 spki_sha256;
    char subject[VENDOR_SUBJECT_SIZE]; /* RFC 2253, for people */
    int64_t not_before_ms, not_after_ms;
};
void vendor_ca_clear(struct vendor_ca *ca);
DEFINE_AUTO_VAL(vendor_ca, vendor_ca_clear);

/** The one certificate of a PEM text. It must be an authority's (basic constraints, and keyCertSign where it
 *  has a key usage), over P-256, P-384, Ed25519 or RSA of 2048 bits and more. Its dates may have passed: what
 *  it signed before may be good.
 *  @param[out] out {0} before; cleared by the caller on failure too @errors ERR_UNPROCESSABLE @thread any */
err_t vendor_ca_read(struct bytes pem, struct vendor_ca *out);

/* What a chip presented. Immutable. */
struct vendor_chain;
/** @param leaf DER @param others DER certificates, one behind the other, at most three, in any order
 *  @errors ERR_UNPROCESSABLE malformed, weak, or no chip's certificate; ERR_NO_MEMORY @thread any */
err_t vendor_chain_new(struct bytes leaf, struct bytes others, struct vendor_chain **out);
void vendor_chain_free(struct vendor_chain *chain);
DEFINE_AUTO_PTR(vendor_chain, vendor_chain_free);

/** The issuers that it names, nearest to the chip first, each once. @return how many */
size_t vendor_chain_issuers(const struct vendor_chain *chain, uint32_t name_hashes[VENDOR_CHAIN_MAX]);
/** What the chip is called: the serialNumber of its subject, or else the common name; "" when neither fits.
 */
void vendor_chain_name(const struct vendor_chain *chain, char out[VENDOR_NAME_SIZE]);

/** Whether the chip's certificate is good under this CA: every signature with SHA-256 or better; the chip's
 *  certificate valid now (chips have no clock and their makers round: it may begin a day ahead); each CA,
 *  the pinned one too, valid when the chip's certificate was made, since chips outlive their makers' CAs.
 *  @param[out] depth CAs between the two, for the nearest of several
 *  @errors ERR_UNPROCESSABLE with the reason, ERR_NO_MEMORY @thread any */
err_t vendor_chain_verify(const struct vendor_chain *chain, struct bytes ca_der, int64_t now_ms,
                          unsigned *depth);

#endif
