/* One immutable, counted TLS configuration: SSL_CTX, trust, ticket keys. SIGHUP makes a new one; sessions
 * made under the former one still resume (its ticket keys are carried over and dropped after their lifetime).
 */
#ifndef WHORL_SERVER_TLS_H
#define WHORL_SERVER_TLS_H

#include "base/ports.h"
#include "pki/keystore.h"
#include "pki/peer.h"

struct tls_snapshot;

struct tls_options {
    const struct private_key *key;
    struct bytes certificate_der;
    const struct bytes *chain; /* DER, without the root */
    size_t chain_count;
    struct peer_trust *trust; /* consumed, always; NULL: no client certificate is requested */
    bool tickets;
    int ticket_lifetime_s; /* at most 7200 */
    const struct clock *clock;
    const struct random *random;
    struct tls_snapshot *former; /* or NULL: its ticket keys stay valid for their lifetime */
};

/** TLS 1.3 and 1.2 only; 1.2 with ECDHE + AEAD suites and without tickets; no renegotiation, no compression,
 * no early data; groups X25519MLKEM768 where OpenSSL has it, X25519, P-256, P-384. @errors ERR_CRYPTO @thread
 * any */
err_t tls_snapshot_new(const struct tls_options *options, struct tls_snapshot **out);
struct tls_snapshot *tls_snapshot_ref(struct tls_snapshot *snapshot);
void tls_snapshot_unref(struct tls_snapshot *snapshot);
DEFINE_AUTO_PTR(tls_snapshot, tls_snapshot_unref);

#endif
