/* DNS names as they stand in certificates (RFC 5280 §4.2.1.6, §4.2.1.10). */
#ifndef WHORL_PKI_DNS_NAME_H
#define WHORL_PKI_DNS_NAME_H

#include "base/bytes.h"

enum { DNS_NAME_SIZE = 254, DNS_LABEL_MAX = 63 };

/** Lower-case labels of [a-z0-9-], no hyphen at their ends, at most 63 characters each and 253 together; no
 * wildcard, no dot at either end, and no IPv4 address. @thread any */
bool dns_name_is_valid(struct bytes name);
/** The name itself or one below it; letters of either case. @thread any */
bool dns_name_is_within(struct bytes name, struct bytes subtree);

#endif
