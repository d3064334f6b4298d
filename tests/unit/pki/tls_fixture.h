/* TLS over memory for the tests of peers and channel bindings: a server with our verify callback, clients
 * with any certificate. The library's own security level is 0 on both sides, so that every refusal seen is
 * ours. */
#ifndef WHORL_TESTS_TLS_FIXTURE_H
#define WHORL_TESTS_TLS_FIXTURE_H

#include "tests/unit/pki/pki_fixture.h"

#include "pki/peer_tls.h"

struct tls_server {
    SSL_CTX *context;
    const struct peer_trust *trust;
    int verified;    /* calls of the verify callback */
    int extra_links; /* certificates that clients add behind their own */
    uint64_t client_options;
};

static inline int tls_verify(X509_STORE_CTX *context, void *argument)
{
    struct tls_server *server = argument;
    server->verified++;
    return peer_verify_chain(context, server->trust);
}

static inline void tls_server_init(struct tls_server *server, struct test_house *house,
                                   const struct peer_trust *trust)
{
    static const char *const hosts[] = {"localhost"};
    AUTO_PTR(private_key) *key = NULL;
    AUTO_VAL(buf) spki = {0};
    AUTO_VAL(issued) issued = {0};
    const struct certificate_spec spec = {.serial = {1},
                                          .not_before_ms = house_from_ms,
                                          .not_after_ms = house_from_ms + year_ms,
                                          .publication = test_publication};
    *server = (struct tls_server){.context = SSL_CTX_new(TLS_server_method()), .trust = trust};
    assert_ok(keystore_generate(house->keystore, "server", KEY_ALG_P256, &key));
    assert_ok(private_key_spki(key, &spki));
    assert_ok(authority_issue_server(house->infrastructure, buf_view(&spki), hosts, 1, &spec, &issued));
    const struct bytes chain[] = {authority_borrow_der(house->infrastructure)};
    assert_ok(private_key_use(key, buf_view(&issued.der), chain, 1, server->context));
    SSL_CTX_set_security_level(server->context, 0);
    X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(server->context), house_from_ms / 1000 + 90 * 86400);
    SSL_CTX_set_verify(server->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(server->context, tls_verify, server);
    assert_int_equal(SSL_CTX_set_session_id_context(server->context, (const unsigned char *)"test", 4), 1);
}

static inline void tls_server_clear(struct tls_server *server)
{
    SSL_CTX_free(server->context);
}

struct tls_pair {
    SSL *client, *server;
};

static inline void tls_pair_clear(struct tls_pair *pair)
{
    SSL_free(pair->client);
    SSL_free(pair->server);
}

/* Both handshakes by turns. @return whether both ended well */
static inline bool tls_pair_run(struct tls_pair *pair)
{
    for (int i = 0; i < 20; i++) {
        int client = SSL_do_handshake(pair->client);
        int server = SSL_do_handshake(pair->server);
        bool client_failed = client != 1 && SSL_get_error(pair->client, client) != SSL_ERROR_WANT_READ;
        bool server_failed = server != 1 && SSL_get_error(pair->server, server) != SSL_ERROR_WANT_READ;
        if (client_failed || server_failed || (client == 1 && server == 1)) {
            openssl_forget_errors();
            return client == 1 && server == 1;
        }
    }
    return false;
}

static inline bool tls_pair_start(struct tls_pair *pair, const struct tls_server *server, SSL_CTX *client,
                                  SSL_SESSION *session)
{
    BIO *client_end = NULL;
    BIO *server_end = NULL;
    *pair = (struct tls_pair){SSL_new(client), SSL_new(server->context)};
    assert_int_equal(BIO_new_bio_pair(&client_end, 65536, &server_end, 65536), 1);
    SSL_set_bio(pair->client, client_end, client_end);
    SSL_set_bio(pair->server, server_end, server_end);
    SSL_set_connect_state(pair->client);
    SSL_set_accept_state(pair->server);
    if (session != NULL) {
        assert_int_equal(SSL_set_session(pair->client, session), 1);
    }
    SSL_CTX_free(client);
    return tls_pair_run(pair);
}

static inline SSL_CTX *tls_client(const struct tls_server *server, int version)
{
    SSL_CTX *client = SSL_CTX_new(TLS_client_method());
    assert_non_null(client);
    SSL_CTX_set_security_level(client, 0);
    assert_int_equal(SSL_CTX_set_min_proto_version(client, version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(client, version), 1);
    SSL_CTX_set_options(client, server->client_options);
    return client;
}

/** A full handshake; without a client certificate when `x509` is NULL. */
static inline bool tls_pair_init(struct tls_pair *pair, const struct tls_server *server, X509 *x509,
                                 EVP_PKEY *key, int version)
{
    SSL_CTX *client = tls_client(server, version);
    if (x509 != NULL) {
        assert_int_equal(SSL_CTX_use_certificate(client, x509), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(client, key), 1);
        for (int i = 0; i < server->extra_links; i++) {
            assert_int_equal(SSL_CTX_add1_chain_cert(client, x509), 1);
        }
    }
    return tls_pair_start(pair, server, client, NULL);
}

/** The client's session, after tickets came (1.3 sends them behind the handshake). Caller owns. */
static inline SSL_SESSION *tls_pair_session(struct tls_pair *pair)
{
    char byte = 0;
    assert_int_equal(SSL_write(pair->server, "x", 1), 1);
    assert_int_equal(SSL_read(pair->client, &byte, 1), 1);
    SSL_SESSION *session = SSL_get1_session(pair->client);
    assert_non_null(session);
    SSL_shutdown(pair->client);
    return session;
}

static inline bool tls_pair_resume(struct tls_pair *pair, const struct tls_server *server,
                                   SSL_SESSION *session, int version)
{
    return tls_pair_start(pair, server, tls_client(server, version), session);
}

/* --- certificates that are not ours */

struct foreign {
    EVP_PKEY *key;      /* its own */
    EVP_PKEY *signer;   /* NULL: its own */
    const char *issuer; /* CN; NULL: its own */
    const char *digest;
    long version;      /* 0: v1, 2: v3 */
    const char *usage; /* NULL, or the value of an extKeyUsage */
};

static inline X509 *make_certificate(const struct foreign *f)
{
    X509 *x509 = X509_new();
    assert_non_null(x509);
    X509_NAME *subject = X509_get_subject_name(x509);
    assert_int_equal(X509_set_version(x509, f->version), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x509), 7), 1);
    assert_int_equal(
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"self", -1, -1, 0), 1);
    X509_NAME *issuer = X509_get_issuer_name(x509);
    assert_int_equal(X509_NAME_add_entry_by_txt(
                         issuer, "CN", MBSTRING_ASC,
                         (const unsigned char *)(f->issuer == NULL ? "self" : f->issuer), -1, -1, 0),
                     1);
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(x509), 0));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(x509), 86400));
    assert_int_equal(X509_set_pubkey(x509, f->key), 1);
    if (f->usage != NULL) {
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_ext_key_usage, f->usage);
        assert_int_equal(X509_add_ext(x509, extension, -1), 1);
        X509_EXTENSION_free(extension);
    }
    const EVP_MD *digest = f->digest == NULL ? NULL : EVP_get_digestbyname(f->digest);
    assert_true(X509_sign(x509, f->signer == NULL ? f->key : f->signer, digest) > 0);
    return x509;
}

static inline X509 *self_signed(EVP_PKEY *key, const char *digest)
{
    const struct foreign f = {.key = key, .digest = digest, .version = 2};
    return make_certificate(&f);
}

#endif
