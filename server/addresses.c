/* A counting table of two choices, by a hash that nobody outside knows. */
#include "server/addresses.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"

struct addresses {
    struct siphash_secret secret;
    int per_address_max;
    uint32_t mask;
    atomic_int counts[];
};

err_t addresses_new(int connections_max, int per_address_max, const struct random *random,
                    struct addresses **out)
{
    *out = NULL;
    uint32_t size = 1024;
    while (size < (uint32_t)connections_max && size < (1U << 24)) {
        size *= 2;
    }
    size *= 8;
    AUTO_PTR(addresses) *a = calloc(1, sizeof *a + size * sizeof a->counts[0]);
    ENSURE(a != NULL, ERR_NO_MEMORY, "the table of addresses");
    TRY(random_fill(random, (uint8_t *)&a->secret, sizeof a->secret));
    a->mask = size - 1;
    a->per_address_max = per_address_max;
    *out = TAKE(a);
    return OK;
}

void addresses_free(struct addresses *addresses)
{
    free(addresses);
}

static bool is_mapped(const struct in6_addr *address)
{
    return IN6_IS_ADDR_V4MAPPED(address);
}

/* The network as 64 bits: the /64 of IPv6; IPv4 in a range that no /64 of the Internet has. */
static uint64_t network_of(const struct sockaddr *from)
{
    uint32_t v4 = 0;
    uint64_t v6 = 0;
    if (from->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, from, sizeof in6);
        if (!is_mapped(&in6.sin6_addr)) {
            memcpy(&v6, in6.sin6_addr.s6_addr, sizeof v6);
            return v6;
        }
        memcpy(&v4, in6.sin6_addr.s6_addr + 12, sizeof v4);
        return v4;
    }
    struct sockaddr_in in4;
    memcpy(&in4, from, sizeof in4);
    return in4.sin_addr.s_addr;
}

/* Both choices come from one hash. */
static struct address_slots slots_of(const struct addresses *a, uint64_t network, enum admission_lane lane)
{
    const uint64_t key[] = {network, (uint64_t)lane};
    uint64_t hash = siphash(&a->secret, (struct bytes){(const uint8_t *)key, sizeof key});
    return (struct address_slots){(uint32_t)hash & a->mask, (uint32_t)(hash >> 32) & a->mask};
}

bool addresses_enter(struct addresses *a, const struct sockaddr *from, enum admission_lane lane,
                     struct address_slots *out)
{
    uint64_t network = network_of(from);
    *out = slots_of(a, network, lane);
    int first = atomic_fetch_add_explicit(&a->counts[out->first], 1, memory_order_relaxed);
    int second = atomic_fetch_add_explicit(&a->counts[out->second], 1, memory_order_relaxed);
    if (first < a->per_address_max || second < a->per_address_max) {
        return true;
    }
    addresses_leave(a, *out);
    return false;
}

void addresses_leave(struct addresses *a, struct address_slots slots)
{
    atomic_fetch_sub_explicit(&a->counts[slots.first], 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&a->counts[slots.second], 1, memory_order_relaxed);
}

void address_format(const struct sockaddr *from, char *out, size_t size)
{
    out[0] = '\0';
    if (from->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, from, sizeof in6);
        if (is_mapped(&in6.sin6_addr)) {
            (void)inet_ntop(AF_INET, in6.sin6_addr.s6_addr + 12, out, (socklen_t)size);
        } else {
            (void)inet_ntop(AF_INET6, &in6.sin6_addr, out, (socklen_t)size);
        }
        return;
    }
    struct sockaddr_in in4;
    memcpy(&in4, from, sizeof in4);
    (void)inet_ntop(AF_INET, &in4.sin_addr, out, (socklen_t)size);
}
