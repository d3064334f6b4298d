/* Which addresses may be called. An address is 16 bytes whatever its family (IPv4 as ::ffff:a.b.c.d), so that
 * one address has one form. The special ones are those of the IANA registries (RFC 6890, RFC 8190); an
 * operator's list of networks opens some of them. Resolves no names. */
#ifndef WHORL_OUTBOUND_IP_H
#define WHORL_OUTBOUND_IP_H

#include "base/bytes.h"

struct sockaddr;

enum { IP_TEXT_SIZE = 46, NETWORKS_MAX = 32 };

struct ip {
    uint8_t b[16];
};
/** An address as text, without a zone and without brackets; false when it is none. @thread any */
bool ip_read(const char *text, struct ip *out);
/** Of an AF_INET or AF_INET6 socket address; false for other families. */
bool ip_of(const struct sockaddr *from, struct ip *out);
/** IPv4 as dotted numbers, otherwise IPv6. */
void ip_format(const struct ip *address, char out[IP_TEXT_SIZE]);
bool ip_is_v4(const struct ip *address);
bool ip_equal(const struct ip *a, const struct ip *b);
/** What is special about it, for people ("loopback", "private network"); NULL when it is an ordinary address
 * of the Internet. An IPv4 address that is wrapped in IPv6 (mapped, NAT64) is judged as what it is. */
const char *ip_special(const struct ip *address);

/* A list of networks. */
struct networks {
    struct {
        struct ip first;
        int bits; /* of 128 */
    } rows[NETWORKS_MAX];
    size_t count;
};
/** "127.0.0.0/8, 2001:db8::/32, 192.0.2.7"; "" is the empty list. @errors ERR_UNPROCESSABLE naming the part
 */
err_t networks_read(const char *list, struct networks *out);
bool networks_hold(const struct networks *networks, const struct ip *address);

#endif
