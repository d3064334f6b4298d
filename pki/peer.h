/* Who is at the other end of a TLS connection: made once per connection by the verify callback
 * (pki/peer_tls.h), then a plain value. */
#ifndef WHORL_PKI_PEER_H
#define WHORL_PKI_PEER_H

#include "pki/certificate.h"

enum peer_kind {
    PEER_NONE,        /* no client certificate */
    PEER_SELF_SIGNED, /* over an identity key; the handshake proved possession */
    PEER_ISSUED,      /* the chain ends in one of our device authorities */
    PEER_CLIENT,      /* of a back end: the chain ends in an anchor of peer_trust_new_anchors() */
    PEER_FOREIGN      /* a well-formed certificate of somebody else's CA: proves its key, admits to nothing by
                         itself */
};

struct peer_certificate; /* parsed */

struct peer_identity {
    enum peer_kind kind;
    bool is_expired;    /* issued or foreign, and outside its validity at the handshake: good for nothing but
                           `status`.    Never set for self-signed ones: their dates come from a clock that nobody
                           has set yet */
    char authority[32]; /* id of the issuing authority (PEER_ISSUED) */
    struct certificate_facts certificate;
    struct buf spki;  /* canonical DER */
    struct buf der;   /* the certificate */
    struct buf chain; /* PEER_FOREIGN, at a full handshake: what was sent along, DER, one behind the other */
    struct peer_certificate *parsed; /* the certificate, of peer_identity_of(); NULL: of a handshake */
};
void peer_identity_clear(struct peer_identity *peer);
DEFINE_AUTO_VAL(peer_identity, peer_identity_clear);

/* Channel binding (RFC 7030 §3.5): tls-unique on 1.2 (full handshake with extended master secret only, RFC
 * 7627), tls-exporter on 1.3 (RFC 9266). Empty when there is none. */
struct channel_binding {
    uint8_t unique[64];
    size_t unique_size;
    uint8_t exporter[32];
    bool has_exporter;
};

/* The authorities that device certificates are checked against; immutable, shared by threads. */
struct peer_trust;
struct authority;
/** @param authorities borrowed during the call; their certificates are copied @thread init */
err_t peer_trust_new(const struct authority *const *authorities, size_t count,
                     const struct key_policy *policy, struct peer_trust **out);
/** The anchors of back ends, whose certificates somebody else issues: a whole chain is verified (RFC 5280)
 * for the purpose of a TLS client, ending in any certificate of the text. Peers are then PEER_CLIENT, or
 * PEER_FOREIGN when that does not hold. @param pem certificates @errors ERR_UNPROCESSABLE none, a broken one,
 * something else @thread any */
err_t peer_trust_new_anchors(struct bytes pem, const struct key_policy *policy, struct peer_trust **out);
/** Remembers from now on whom peer_identity_of() took, a few hundred certificates: who sends several messages
 * is parsed and judged once, as over one connection. Dates are asked anew. @thread init */
err_t peer_trust_remember(struct peer_trust *trust);
/** The peer that a certificate names outside TLS: who shows it must prove its key otherwise. The same checks
 * as in a handshake.
 * @param chain what was sent along @param[out] out cleared first
 * @errors ERR_FORBIDDEN a form, an algorithm or a signature that is not taken; ERR_BAD_ENCODING @thread
 * worker */
err_t peer_identity_of(const struct peer_trust *trust, struct bytes der, const struct bytes *chain,
                       size_t chain_count, int64_t now_ms, struct peer_identity *out);
void peer_trust_free(struct peer_trust *trust);
DEFINE_AUTO_PTR(peer_trust, peer_trust_free);

#endif
