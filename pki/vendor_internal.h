/* Shared by vendor_ca.c and vendor_chain.c. */
#ifndef WHORL_PKI_VENDOR_INTERNAL_H
#define WHORL_PKI_VENDOR_INTERNAL_H

#include "pki/openssl.h"
#include "pki/vendor_ca.h"

/** Whether it may sign certificates, with a key that is good enough. @errors ERR_UNPROCESSABLE @thread any */
err_t vendor_authority_check(X509 *x509);
/** The same for names that only differ in case, string type or spaces (RFC 5280 §7.1). 0 when it cannot be
 *  made: finds nothing then */
uint32_t vendor_name_hash(const X509_NAME *name);

#endif
