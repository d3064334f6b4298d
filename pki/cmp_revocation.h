/* What an rr asks to be revoked (RFC 9810 §5.3.9, RFC 9483 §4.2): one certificate by issuer and serial
 * number, and why. Strict DER without OpenSSL, whose server tells nothing of the reason. */
#ifndef WHORL_PKI_CMP_REVOCATION_H
#define WHORL_PKI_CMP_REVOCATION_H

#include "pki/cmp_header.h"

/* Borrows from the message. */
struct cmp_revocation {
    struct bytes issuer; /* DER Name */
    struct bytes serial; /* what stands in the INTEGER: never empty, in its shortest form */
    int reason; /* RFC 5280 §5.3.1, any of 0 … 127: whether it is taken is asked elsewhere; 0 where
                   none is given */
};

/** Reads the body of an rr whose header was read. What else the template says, and entry extensions that are
 * not critical, are well-formed and passed over.
 *  @param[out] failure on an error: what a CMP error says of it
 *  @errors ERR_BAD_ENCODING the form, ERR_BAD_REQUEST none or several, without issuer or serial number, an
 * extension that is critical and not known @thread any, on the loop too */
err_t cmp_revocation_read(const struct cmp_header *message, struct cmp_revocation *out,
                          enum cmp_failure *failure);

#endif
