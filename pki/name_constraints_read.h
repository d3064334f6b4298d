/* nameConstraints as they stand in a CA's certificate, or in a request for one: read back, and held against
 * each other. */
#ifndef WHORL_PKI_NAME_CONSTRAINTS_READ_H
#define WHORL_PKI_NAME_CONSTRAINTS_READ_H

#include "pki/name_constraints.h"

enum { CONSTRAINTS_EXCLUDED_MAX = 64 };

struct held_constraints {
    struct name_constraints names; /* points into the rest; no permitted ones: there is no such extension */
    const char *permitted[CONSTRAINTS_MAX], *excluded[CONSTRAINTS_EXCLUDED_MAX];
    struct buf text;
    bool excludes_addresses; /* all of IPv4 and of IPv6 */
};
void held_constraints_clear(struct held_constraints *held);
DEFINE_AUTO_VAL(held_constraints, held_constraints_clear);

/** @param[out] out {0} before; cleared by the caller on failure too
 *  @errors ERR_UNPROCESSABLE with a sentence: not readable, other forms of names permitted than DNS, no name
 * at all permitted, names that are none, too many
 *  @thread any, like all functions here */
err_t name_constraints_of_certificate(struct bytes der, struct held_constraints *out);
/** The same of the extensionRequest of a PKCS #10 request. */
err_t name_constraints_of_request(struct bytes der, struct held_constraints *out);

/** Whether a CA that is bound by `given` certifies nothing that `asked` would not let it: each permitted name
 *  within one that was asked for, no name of this server's, no address.
 *  @errors ERR_UNPROCESSABLE with a sentence */
err_t name_constraints_check_within(const struct held_constraints *given,
                                    const struct held_constraints *asked);

#endif
