/* The tables of special addresses, and CIDR lists. Everything is 128 bits wide: IPv4 networks are written as
 * what they are and widened by 96. */
#include "outbound/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { V4_BITS = 96 /* before the IPv4 address in its mapped form */, ALL_BITS = 128 };

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

bool ip_is_v4(const struct ip *address)
{
    return memcmp(address->b, mapped, sizeof mapped) == 0;
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

static void set_v4(const void *four, struct ip *out)
{
    memcpy(out->b, mapped, sizeof mapped);
    memcpy(out->b + sizeof mapped, four, 4);
}

bool ip_read(const char *text, struct ip *out)
{
    uint8_t four[4];
    if (inet_pton(AF_INET, text, four) == 1) {
        set_v4(four, out);
        return true;
    }
    return inet_pton(AF_INET6, text, out->b) == 1;
}

bool ip_of(const struct sockaddr *from, struct ip *out)
{
    if (from->sa_family == AF_INET) {
        struct sockaddr_in in4;
        memcpy(&in4, from, sizeof in4);
        set_v4(&in4.sin_addr, out);
        return true;
    }
    if (from->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, from, sizeof in6);
        memcpy(out->b, &in6.sin6_addr, sizeof out->b);
        return true;
    }
    return false;
}

void ip_format(const struct ip *address, char out[IP_TEXT_SIZE])
{
    bool is_v4 = ip_is_v4(address);
    if (inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? address->b + sizeof mapped : address->b, out,
                  IP_TEXT_SIZE) == NULL) {
        out[0] = '\0'; /* cannot be: the longest text fits */
    }
}

static bool is_in(const struct ip *address, const uint8_t *first, int bits)
{
    size_t whole = (size_t)bits / 8;
    int rest = bits % 8;
    uint8_t mask = (uint8_t)(0xff00U >> rest);
    return memcmp(address->b, first, whole) == 0 &&
           (rest == 0 || ((address->b[whole] ^ first[whole]) & mask) == 0);
}

/* --- what is special */

struct special {
    uint8_t first[16];
    int bits;
    const char *what;
};
#define V4(a, b, c, d, bits_, what_)                                                                         \
    {                                                                                                        \
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, (a), (b), (c), (d)}, V4_BITS + (bits_), (what_)           \
    }

/* IANA IPv4 and IPv6 Special-Purpose Address Registries, multicast, and what came out of use. The order is
 * that of the numbers; the first row that fits speaks. */
static const struct special specials[] = {
    V4(0, 0, 0, 0, 8, "\"this network\" (RFC 791)"),
    V4(10, 0, 0, 0, 8, "private network (RFC 1918)"),
    V4(100, 64, 0, 0, 10, "shared address space (RFC 6598)"),
    V4(127, 0, 0, 0, 8, "loopback"),
    V4(168, 63, 129, 16, 32, "the host of a cloud"),
    V4(169, 254, 0, 0, 16, "link-local (RFC 3927)"),
    V4(172, 16, 0, 0, 12, "private network (RFC 1918)"),
    V4(192, 0, 0, 0, 24, "IETF protocol assignments (RFC 6890)"),
    V4(192, 0, 2, 0, 24, "documentation (RFC 5737)"),
    V4(192, 31, 196, 0, 24, "AS112 (RFC 7535)"),
    V4(192, 52, 193, 0, 24, "AMT (RFC 7450)"),
    V4(192, 88, 99, 0, 24, "6to4 relay anycast (RFC 7526)"),
    V4(192, 168, 0, 0, 16, "private network (RFC 1918)"),
    V4(192, 175, 48, 0, 24, "AS112 (RFC 7534)"),
    V4(198, 18, 0, 0, 15, "benchmarking (RFC 2544)"),
    V4(198, 51, 100, 0, 24, "documentation (RFC 5737)"),
    V4(203, 0, 113, 0, 24, "documentation (RFC 5737)"),
    V4(224, 0, 0, 0, 4, "multicast (RFC 5771)"),
    V4(240, 0, 0, 0, 4, "reserved or broadcast (RFC 1112)"),
    {{0}, 128, "the unspecified address"},
    {{[15] = 1}, 128, "loopback"},
    {{0}, 96, "IPv4-compatible, out of use (RFC 4291)"},
    {{[8] = 0xff, [9] = 0xff}, 96, "IPv4-translated (RFC 2765)"},
    {{0, 0x64, 0xff, 0x9b, 0, 1}, 48, "local-use translation (RFC 8215)"},
    {{0x01}, 64, "discard only (RFC 6666)"},
    {{0x01, [7] = 1}, 64, "dummy prefix (RFC 9780)"},
    {{0x20, 0x01}, 23, "IETF protocol assignments, Teredo (RFC 2928, RFC 4380)"},
    {{0x20, 0x01, 0x0d, 0xb8}, 32, "documentation (RFC 3849)"},
    {{0x20, 0x02}, 16, "6to4 (RFC 3056)"},
    {{0x26, 0x20, 0, 0x4f, 0x80}, 48, "AS112 (RFC 7534)"},
    {{0x3f, 0xff}, 20, "documentation (RFC 9637)"},
    {{0x5f}, 16, "segment routing (RFC 9602)"},
    {{0xfc}, 7, "private network (unique local, RFC 4193)"},
    {{0xfe, 0x80}, 10, "link-local (RFC 4291)"},
    {{0xfe, 0xc0}, 10, "site-local, out of use (RFC 3879)"},
    {{0xff}, 8, "multicast (RFC 4291)"},
};

static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
static const uint8_t global_unicast[] = {0x20};

/* 64:ff9b::a.b.c.d reaches a.b.c.d (RFC 6052 §2.1). */
static struct ip unwrap(const struct ip *address)
{
    struct ip inner = *address;
    if (memcmp(address->b, nat64, sizeof nat64) == 0) {
        set_v4(address->b + sizeof nat64, &inner);
    }
    return inner;
}

const char *ip_special(const struct ip *address)
{
    struct ip inner = unwrap(address);
    for (size_t i = 0; i < sizeof specials / sizeof specials[0]; i++) {
        if (is_in(&inner, specials[i].first, specials[i].bits)) {
            return specials[i].what;
        }
    }
    /* what IANA has given to nobody yet may become anything */
    bool is_global = ip_is_v4(&inner) || is_in(&inner, global_unicast, 3);
    return is_global ? NULL : "reserved by the IETF (RFC 4291)";
}

/* --- lists */

static bool read_bits(const char *text, int most, int *out)
{
    char *end = NULL;
    long bits = text[0] >= '0' && text[0] <= '9' ? strtol(text, &end, 10) : -1;
    *out = (int)bits;
    return bits >= 0 && bits <= most && *end == '\0';
}

/* @param text changed here */
static bool read_network(char *text, struct ip *first, int *bits)
{
    char *slash = strchr(text, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    if (!ip_read(text, first)) {
        return false;
    }
    /* a prefix behind a mapped address written as IPv6 counts from its own start */
    bool is_v4 = strchr(text, ':') == NULL;
    *bits = ALL_BITS;
    if (slash == NULL) {
        return true;
    }
    if (!read_bits(slash + 1, is_v4 ? ALL_BITS - V4_BITS : ALL_BITS, bits)) {
        return false;
    }
    *bits += is_v4 ? V4_BITS : 0;
    return true;
}

err_t networks_read(const char *list, struct networks *out)
{
    out->count = 0;
    while (list[strspn(list, " ,")] != '\0') {
        char text[64];
        list += strspn(list, " ,");
        size_t n = strcspn(list, " ,");
        ENSURE(n < sizeof text, ERR_UNPROCESSABLE, "\"%.40s\" is no network", list);
        memcpy(text, list, n);
        text[n] = '\0';
        list += n;
        ENSURE(out->count < NETWORKS_MAX, ERR_UNPROCESSABLE, "more than %d networks", NETWORKS_MAX);
        char copy[sizeof text];
        memcpy(copy, text, sizeof copy);
        ENSURE(read_network(copy, &out->rows[out->count].first, &out->rows[out->count].bits),
               ERR_UNPROCESSABLE, "\"%.60s\" is no network like 192.0.2.0/24", text);
        out->count++;
    }
    return OK;
}

bool networks_hold(const struct networks *networks, const struct ip *address)
{
    for (size_t i = 0; i < networks->count; i++) {
        if (is_in(address, networks->rows[i].first.b, networks->rows[i].bits)) {
            return true;
        }
    }
    return false;
}
