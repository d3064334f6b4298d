/* Name constraints of issuing CAs for TLS servers at the edge (RFC 5280 §4.2.1.10): below which DNS names
 * such a CA certifies, and that it never certifies an address or one of this server's own names. Clients
 * hold to them, so even its stolen key makes nobody pass for this server. */
#ifndef WHORL_PKI_NAME_CONSTRAINTS_H
#define WHORL_PKI_NAME_CONSTRAINTS_H

#include "base/faults.h"
#include "pki/authority.h"

enum { CONSTRAINTS_MAX = 16 };

/* Borrowed texts. */
struct name_constraints {
    const char *const *permitted; /* DNS subtrees, at least one */
    size_t permitted_count;
    const char *const *excluded; /* this server's own DNS names; what is none is passed over */
    size_t excluded_count;
};

/** What is wrong with them, each at "<pointer>/<index>": not one, too many, no DNS name of two labels at
 * least, one that lies within the server's own names and so permits nothing. @errors of memory only @thread
 * any */
err_t name_constraints_check(const struct name_constraints *constraints, const char *pointer,
                             struct faults *faults);

#endif
