/* The transport port on sockets and OpenSSL: one connection at a time per transport, blocking with a time
 * limit. */
#ifndef WHORL_DEVICE_HOST_TLS_TRANSPORT_H
#define WHORL_DEVICE_HOST_TLS_TRANSPORT_H

#include "device/core/ports.h"
#include "device/host/trust.h"

/* Plain data: host_transport_init makes it ready, the port's close() empties it. */
struct host_transport {
    struct whorl_transport port;
    const struct host_trust *trust;
    struct ssl_st *tls;
    int socket;
    char problem[160]; /* why the last open, send or recv failed; for people */
};

/** @param transport must not move while its port is in use @param trust borrowed */
void host_transport_init(struct host_transport *transport, const struct host_trust *trust);

#endif
