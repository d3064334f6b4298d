/* PKCS#10 requests (RFC 2986): parsed once, signature verified, names kept as DER for comparison. A request
 * is a wish, not an order: only its key goes into a certificate. */
#ifndef WHORL_PKI_CSR_H
#define WHORL_PKI_CSR_H

#include "pki/key.h"

struct csr;

/** Parses DER (no BER, no trailing bytes, at most 16 KiB), checks the key by policy and the signature (no
 * SHA-1, no MD5) with the request's own key. @errors ERR_BAD_CSR (form, signature), ERR_UNPROCESSABLE (key
 * not allowed) @thread any */
err_t csr_parse(struct bytes der, const struct key_policy *policy, struct csr **out);
/* What a certificate template of CRMF says (RFC 4211 §5). */
struct csr_template {
    struct bytes subject;    /* DER Name; BYTES_NONE: an empty one */
    struct bytes public_key; /* inside the SubjectPublicKeyInfo */
    struct bytes san;        /* DER GeneralNames, or BYTES_NONE */
};
/** A request of such a template: names and key as in csr_parse(). Possession of the key was proved elsewhere.
 *  @errors ERR_BAD_CSR, ERR_UNPROCESSABLE @thread any */
err_t csr_of_template(const struct csr_template *template, const struct key_policy *policy, struct csr **out);
void csr_free(struct csr *csr);
DEFINE_AUTO_PTR(csr, csr_free);

const struct key_info *csr_borrow_key(const struct csr *csr);
/** All slices are valid as long as the csr. */
struct bytes csr_borrow_spki(const struct csr *csr);
/** DER Name. */
struct bytes csr_borrow_subject(const struct csr *csr);
/** Value (DER GeneralNames) of the subjectAltName in the extensionRequest; BYTES_NONE when there is none. */
struct bytes csr_borrow_san(const struct csr *csr);
/** Text of the challengePassword attribute (RFC 2985 §5.4.1); BYTES_NONE when there is none. */
struct bytes csr_borrow_challenge(const struct csr *csr);

#endif
