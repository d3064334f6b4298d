/* How many connections each source network holds (IPv4 address, IPv6 /64), shared by all loops without a
 * lock: two keyed counters a network in a fixed table. A network is over its limit only when both are, so
 * that a collision refuses nobody in practice; the key keeps an attacker from choosing whom to collide with.
 */
#ifndef WHORL_SERVER_ADDRESSES_H
#define WHORL_SERVER_ADDRESSES_H

#include <sys/socket.h>

#include "base/ports.h"
#include "server/admission.h"

struct addresses;

/* The two counters of one network. */
struct address_slots {
    uint32_t first, second;
};

/** @param connections_max sizes the table @thread init */
err_t addresses_new(int connections_max, int per_address_max, const struct random *random,
                    struct addresses **out);
void addresses_free(struct addresses *addresses);
/** Counts one connection in; false, and nothing counted, over the limit. Each lane counts by itself: a plant
 * of devices behind one address does not keep its operator out. @thread loop */
bool addresses_enter(struct addresses *addresses, const struct sockaddr *from, enum admission_lane lane,
                     struct address_slots *out);
void addresses_leave(struct addresses *addresses, struct address_slots slots);
/** The address as text, an IPv4-mapped one as IPv4. @param out `size` bytes, at least 46 */
void address_format(const struct sockaddr *from, char *out, size_t size);

DEFINE_AUTO_PTR(addresses, addresses_free);

#endif
