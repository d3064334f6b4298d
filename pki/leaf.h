/* How a certificate for an end entity is put together, whoever it is for. Private to authority_issue*.c. */
#ifndef WHORL_PKI_LEAF_H
#define WHORL_PKI_LEAF_H

#include "pki/authority_internal.h"

/* What all profiles share, once subject and SAN stand in the outcome. */
struct leaf {
    const struct authority *authority;
    const struct certificate_spec *spec;
    struct bytes spki;
    struct bytes usage[2]; /* DER extensions of what the key is for */
    bool has_empty_subject;
    bool is_without_end;
    bool is_unrevocable; /* no CRL and no OCSP is named */
};
/** Writes the other extensions, dates and serial, and signs. @errors ERR_UNAVAILABLE the key is not here,
 * ERR_UNPROCESSABLE dates */
err_t leaf_issue(const struct leaf *leaf, struct issued *out);

#endif
