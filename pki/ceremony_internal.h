/* Shared by ceremony_sign.c and ceremony_text.c. */
#ifndef WHORL_PKI_CEREMONY_INTERNAL_H
#define WHORL_PKI_CEREMONY_INTERNAL_H

#include "pki/ceremony.h"
#include "pki/name_constraints_read.h"
#include "pki/profile.h"

#define CEREMONY_DAY_MS ((int64_t)86400000)

/** The life of what is signed now for so many days. @thread any, like all functions here */
void ceremony_dates(const struct ceremony_signer *signer, int64_t days, struct validity *out);
/** The request of an issuing CA, its own signature verified. @errors ERR_UNPROCESSABLE */
err_t ceremony_request(const struct ceremony_certificate *wish, struct csr **out);
/** The DNS names of the request of an edge CA, which has some; of others nothing. @param[out] out {0} before;
 * cleared by the caller on failure too @errors ERR_UNPROCESSABLE */
err_t ceremony_names(const struct ceremony_certificate *wish, struct held_constraints *out);
/** "X509 CRL", appended. */
err_t ceremony_crl_to_pem(struct bytes der, struct buf *out);

#endif
