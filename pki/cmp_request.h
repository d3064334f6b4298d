/* What a CMP message asks to be certified, read from its body: CertReqMessages of ir, cr and kur with one
 * request (RFC 4211 §3 to §6, RFC 9483 §4.1), or the PKCS#10 of a p10cr. Strict DER without OpenSSL; the
 * proof of possession is verified elsewhere (cmp_server.h). */
#ifndef WHORL_PKI_CMP_REQUEST_H
#define WHORL_PKI_CMP_REQUEST_H

#include "pki/cmp_header.h"
#include "pki/csr.h"

/* Everything borrows from the message; BYTES_NONE where a field is not there. */
struct cmp_request {
    bool is_pkcs10;
    struct bytes pkcs10;     /* DER of the request */
    struct bytes subject;    /* DER Name; of a template */
    struct bytes public_key; /* inside the SubjectPublicKeyInfo */
    struct bytes san;        /* DER GeneralNames */
    struct bytes pop_algorithm;
    bool has_old;                        /* control oldCertID */
    struct bytes old_issuer, old_serial; /* DER Name; what stands in the INTEGER */
};

/** Reads the request of a message whose header was read and whose body is ir, cr, kur or p10cr.
 *  @param[out] failure on an error: what a CMP error says of it
 *  @errors ERR_BAD_ENCODING the form, ERR_BAD_REQUEST none or several, without a key, with a proof of
 * possession that is not taken (raVerified, by key exchange) @thread any, on the loop too */
err_t cmp_request_read(const struct cmp_header *message, struct cmp_request *out, enum cmp_failure *failure);

/** As the request that enrolment knows. The signature of a PKCS#10 is verified here; of a template's proof of
 * possession the algorithm alone is looked at.
 *  @param subject DER Name, of a template that names none
 *  @param[out] failure as above @errors ERR_BAD_CSR, ERR_UNPROCESSABLE the key is not allowed @thread worker
 */
err_t cmp_request_csr(const struct cmp_request *request, const struct key_policy *policy,
                      struct bytes subject, struct csr **out, enum cmp_failure *failure);

/* CertConfirmContent of one transaction (RFC 9810 §5.3.18). */
struct cmp_confirmation {
    size_t count; /* 0: refuses the certificate without a word */
    /* with count 1 */
    bool is_accepted;
    int64_t id;        /* certReqId */
    struct bytes hash; /* borrows from the message */
};
/** @errors ERR_BAD_ENCODING the form, ERR_BAD_REQUEST several @thread any */
err_t cmp_confirmation_read(const struct cmp_header *message, struct cmp_confirmation *out);

#endif
