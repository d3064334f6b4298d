/* Networks that a credential may be used from: a short list of CIDRs (RFC 4632, RFC 4291 §2.3), as text in
 * its row. */
#ifndef WHORL_FLEET_SOURCES_H
#define WHORL_FLEET_SOURCES_H

#include "db/rows.h"

enum { SOURCES_MAX = 10 };

/** Appends one network, "192.0.2.0/24", "2001:db8::/32", or one address, to a list, in its canonical form:
 * bits of the host are cleared. @param list starts as "" @errors ERR_UNPROCESSABLE no network, or one too
 * many @thread any */
err_t sources_add(struct bytes text, char list[SOURCES_SIZE]);
/** Whether `address` (text) is in one of the networks; an empty list allows all. An IPv4-mapped IPv6 address
 * counts as IPv4; what is no address is in none. */
bool sources_allow(const char *list, const char *address);

#endif
