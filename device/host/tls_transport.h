/* The transport port on sockets and OpenSSL: one connection at a time per transport, blocking with a time
 * limit. */
#ifndef WHORL_DEVICE_HOST_TLS_TRANSPORT_H
#define WHORL_DEVICE_HOST_TLS_TRANSPORT_H

#include "device/core/ports.h"
#include "device/host/trust.h"

/* Plain data: host_transport_init makes it ready, the port's close() ends the connection. */
struct host_transport {
    struct whorl_transport port;
    struct whorl_trust anchors; /* the trust port: whose roots this transport verifies by */
    const struct host_trust *trust;
    struct ssl_st *tls;
    struct x509_store_st *roots; /* those that the trust port set; NULL: those of `trust` */
    uint8_t verified_root[32];   /* SHA-256 of the root that the last server was verified by */
    int socket;
    char problem[160]; /* why the last open, send or recv failed; for people */
};

/** @param transport must not move while its ports are in use @param trust borrowed */
void host_transport_init(struct host_transport *transport, const struct host_trust *trust);

/** Drops the roots that the trust port set. The transport is closed by its port. */
void host_transport_clear(struct host_transport *transport);

/** The trust port of a transport, for tls_transport.c. */
struct whorl_trust host_anchors_port(struct host_transport *transport);

#endif
