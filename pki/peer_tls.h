/* The part of pki/ that meets OpenSSL's TLS: included by server/tls*.c only. */
#ifndef WHORL_PKI_PEER_TLS_H
#define WHORL_PKI_PEER_TLS_H

#include <openssl/ssl.h>

#include "base/ports.h"
#include "pki/peer.h"

/** For SSL_CTX_set_cert_verify_callback: the cheap refusals first (chain at most 4 certificates and 8 KiB,
 * key type and size, named curve, uncompressed point, no SHA-1), then the self-signature or the chain.
 * Accepts self-signed and foreign certificates (the handshake proves their key) and expired ones of ours;
 * refuses what is malformed or weak. An issued certificate within its validity leaves X509_V_OK in the
 * context, every other accepted one leaves another code (CERT_HAS_EXPIRED, CERT_NOT_YET_VALID,
 * DEPTH_ZERO_SELF_SIGNED_CERT, UNABLE_TO_GET_ISSUER_CERT_LOCALLY): the caller gives session tickets to the
 * former only, and peer_identity_read() believes no kind that this code does not back.
 *  @return 1, or 0 with the X509_V_ERR_ code set @thread loop */
int peer_verify_chain(X509_STORE_CTX *context, const struct peer_trust *trust);

/** Names the anchors of peer_trust_new_anchors() in the certificate request, so that a client with several
 * certificates shows the right one (RFC 8446 §4.2.4); nothing for other trusts. @errors ERR_CRYPTO @thread
 * init
 */
err_t peer_trust_name_anchors(const struct peer_trust *trust, SSL_CTX *context);

/** Fills the identity from the connection, after the handshake, full or resumed. PEER_NONE without a
 * certificate. Verifies nothing again: the connection's context must have asked for certificates with
 * peer_verify_chain() as its only judge.
 *  @param now_ms for is_expired @thread loop */
err_t peer_identity_read(const SSL *ssl, const struct peer_trust *trust, int64_t now_ms,
                         struct peer_identity *out);

/** Reads what pki/peer.h describes. @thread loop */
void channel_binding_read(SSL *ssl, struct channel_binding *out);

/** A private key of the keystore and its chain into an SSL_CTX. @errors ERR_CRYPTO @thread init */
struct private_key;
err_t private_key_use(const struct private_key *key, struct bytes certificate_der, const struct bytes *chain,
                      size_t chain_count, SSL_CTX *context);

#endif
