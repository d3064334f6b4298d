/* What the host trusts: the root CA of one file, ready for TLS, and the server's name in proofs. Shared by
 * all connections. */
#ifndef WHORL_DEVICE_HOST_TRUST_H
#define WHORL_DEVICE_HOST_TRUST_H

#include "device/core/records.h"

struct host_trust;

/** Reads a PEM file of CA certificates; the self-signed one in it is the root. @param[out] out caller owns
 * (host_trust_free)
 *  @param[out] problem static text on failure */
bool host_trust_new(const char *ca_file, struct host_trust **out, const char **problem);
void host_trust_free(struct host_trust *trust);

/** The self-signed certificates of the file, for whorl_settings.roots; WHORL_ANCHORS_MAX at most. Borrowed:
 * valid until host_trust_free. @return how many */
size_t host_trust_borrow_roots(const struct host_trust *trust, const struct whorl_bytes **out);

/** SHA-256 of the root's SubjectPublicKeyInfo. */
void host_trust_server_id(const struct host_trust *trust, uint8_t out[32]);

/** The SSL_CTX, for tls_transport.c. Borrowed: valid until host_trust_free. */
struct ssl_ctx_st *host_trust_borrow_tls(const struct host_trust *trust);

#endif
