/* Makes the SSL_CTX of a snapshot. Says what is spoken; who a peer is stands in pki/peer_tls.h, tickets in
 * tls_tickets.c. */
#include "server/tls.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "pki/peer_tls.h"
#include "server/tls_internal.h"

enum { TLS_1_3_WIRE = 0x0304, EXTENSION_SUPPORTED_VERSIONS = 43 };

static err_t crypto_error(const char *what)
{
    unsigned long code = ERR_peek_last_error();
    char text[120];
    ERR_error_string_n(code, text, sizeof text);
    ERR_clear_error();
    return ERR(ERR_CRYPTO, "%s: %s", what, text);
}

/* Runs before CertificateVerify, for every client certificate of a full handshake. */
static int on_verify(X509_STORE_CTX *store, void *context)
{
    const struct tls_snapshot *snapshot = context;
    if (peer_verify_chain(store, snapshot->trust) != 1) {
        return 0;
    }
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    if (ssl != NULL && X509_STORE_CTX_get_error(store) == X509_V_OK) {
        tls_tickets_grant(ssl);
    }
    return 1;
}

/* No tickets on 1.2, where they could not be withheld by peer: a client that does not offer 1.3 gets none.
 * RFC 8446 §4.2.1. */
static int on_client_hello(SSL *ssl, int *alert, // NOLINT(readability-non-const-parameter): of the callback
                           void *context)
{
    (void)alert;
    (void)context;
    const unsigned char *p = NULL;
    size_t n = 0;
    bool offers_1_3 = false;
    if (SSL_client_hello_get0_ext(ssl, EXTENSION_SUPPORTED_VERSIONS, &p, &n) == 1) {
        for (size_t i = 1; i + 1 < n; i += 2) {
            offers_1_3 = offers_1_3 || ((p[i] << 8) | p[i + 1]) == TLS_1_3_WIRE;
        }
    }
    if (!offers_1_3) {
        SSL_set_options(ssl, SSL_OP_NO_TICKET);
    }
    return SSL_CLIENT_HELLO_SUCCESS;
}

/* Only http/1.1 is spoken; a client without ALPN is fine, one that insists on something else is told so (RFC
 * 7301 §3.2). */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_size, const unsigned char *in,
                   unsigned int in_size, void *context)
{
    (void)ssl;
    (void)context;
    static const unsigned char name[] = "http/1.1";
    for (unsigned int at = 0; at < in_size && in[at] < in_size - at; at += in[at] + 1U) {
        if (in[at] == sizeof name - 1 && memcmp(in + at + 1, name, sizeof name - 1) == 0) {
            *out = in + at + 1;
            *out_size = in[at];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static err_t groups_set(SSL_CTX *context)
{
    /* the first where OpenSSL has ML-KEM (3.5), the second elsewhere */
    char with_ml_kem[] = "X25519MLKEM768:X25519:P-256:P-384", classic[] = "X25519:P-256:P-384";
    if (SSL_CTX_set1_groups_list(context, with_ml_kem) == 1 ||
        SSL_CTX_set1_groups_list(context, classic) == 1) {
        ERR_clear_error();
        return OK;
    }
    return crypto_error("key exchange groups");
}

static err_t protocol_set(SSL_CTX *context)
{
    SSL_CTX_set_security_level(context, 2);
    if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1) {
        return crypto_error("protocol and suites");
    }
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_max_early_data(context, 0);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0); /* granted by peer: tls_tickets_grant() */
    SSL_CTX_set_client_hello_cb(context, on_client_hello, NULL);
    SSL_CTX_set_alpn_select_cb(context, on_alpn, NULL);
    static const unsigned char name[] = "whorl";
    SSL_CTX_set_session_id_context(context, name, sizeof name - 1);
    return groups_set(context);
}

static err_t snapshot_fill(struct tls_snapshot *snapshot, const struct tls_options *options)
{
    snapshot->context = SSL_CTX_new(TLS_server_method());
    ENSURE(snapshot->context != NULL, ERR_CRYPTO, "SSL_CTX_new");
    SSL_CTX_set_app_data(snapshot->context, snapshot);
    TRY(protocol_set(snapshot->context));
    TRY(private_key_use(options->key, options->certificate_der, options->chain, options->chain_count,
                        snapshot->context));
    if (snapshot->trust != NULL) {
        SSL_CTX_set_verify(snapshot->context, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_cert_verify_callback(snapshot->context, on_verify, snapshot);
        TRY(peer_trust_name_anchors(snapshot->trust, snapshot->context));
    }
    if (!snapshot->has_tickets) {
        SSL_CTX_set_options(snapshot->context, SSL_OP_NO_TICKET);
        return OK;
    }
    ENSURE(options->ticket_lifetime_s > 0 && options->ticket_lifetime_s <= TICKET_LIFETIME_MAX_S, ERR_CRYPTO,
           "a ticket lifetime of %d s", options->ticket_lifetime_s);
    SSL_CTX_set_timeout(snapshot->context, options->ticket_lifetime_s);
    TRY(tls_tickets_init(snapshot, options->former));
    return tls_tickets_install(snapshot);
}

err_t tls_snapshot_new(const struct tls_options *options, struct tls_snapshot **out)
{
    *out = NULL;
    struct tls_snapshot *made = calloc(1, sizeof *made);
    if (made == NULL) {
        peer_trust_free(options->trust);
        return ERR(ERR_NO_MEMORY, "a TLS snapshot");
    }
    AUTO_PTR(tls_snapshot) *snapshot = made;
    atomic_init(&snapshot->references, 1);
    snapshot->trust = options->trust;
    snapshot->clock = options->clock;
    snapshot->random = options->random;
    snapshot->has_tickets = options->tickets;
    snapshot->ticket_lifetime_s = options->ticket_lifetime_s;
    TRY(snapshot_fill(snapshot, options));
    *out = TAKE(snapshot);
    return OK;
}

struct tls_snapshot *tls_snapshot_ref(struct tls_snapshot *snapshot)
{
    atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
    return snapshot;
}

void tls_snapshot_unref(struct tls_snapshot *snapshot)
{
    if (snapshot == NULL || atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    SSL_CTX_free(snapshot->context);
    peer_trust_free(snapshot->trust);
    bytes_wipe(snapshot->tickets, sizeof snapshot->tickets);
    free(snapshot);
}
