/* Trust anchors from a file into one SSL_CTX: TLS 1.2 and 1.3, server certificate required, no session is
 * ever resumed (a resumed session proves no key). */
#include "device/host/trust.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"

struct host_trust {
    SSL_CTX *tls;
    uint8_t server_id[32];
    struct whorl_bytes roots[WHORL_ANCHORS_MAX]; /* owned */
    size_t root_count;
};

DEFINE_AUTO(BIO, BIO_free_all);
DEFINE_AUTO(X509, X509_free);
DEFINE_AUTO_PTR(host_trust, host_trust_free);

static bool name_server(struct host_trust *trust, X509 *root)
{
    uint8_t *spki = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(root), &spki);
    bool is_named =
        size > 0 && EVP_Digest(spki, (size_t)size, trust->server_id, NULL, EVP_sha256(), NULL) == 1;
    OPENSSL_free(spki);
    return is_named;
}

/* The first self-signed certificate names the server. */
static bool note_root(struct host_trust *trust, X509 *certificate)
{
    if (X509_self_signed(certificate, 1) != 1 || trust->root_count == WHORL_ANCHORS_MAX) {
        return true;
    }
    uint8_t *der = NULL;
    int size = i2d_X509(certificate, &der);
    if (size <= 0) {
        return false;
    }
    trust->roots[trust->root_count++] = (struct whorl_bytes){der, (size_t)size};
    return trust->root_count > 1 || name_server(trust, certificate);
}

static bool load(struct host_trust *trust, const char *ca_file)
{
    AUTO(BIO) *file = BIO_new_file(ca_file, "r");
    X509_STORE *store = SSL_CTX_get_cert_store(trust->tls);
    for (;;) {
        AUTO(X509) *certificate = file == NULL ? NULL : PEM_read_bio_X509(file, NULL, NULL, NULL);
        if (certificate == NULL) {
            return trust->root_count != 0;
        }
        if (X509_STORE_add_cert(store, certificate) != 1 || !note_root(trust, certificate)) {
            return false;
        }
    }
}

bool host_trust_new(const char *ca_file, struct host_trust **out, const char **problem)
{
    *out = NULL;
    *problem = "out of memory";
    AUTO_PTR(host_trust) *trust = calloc(1, sizeof *trust);
    if (trust == NULL) {
        return false;
    }
    trust->tls = SSL_CTX_new(TLS_client_method());
    if (trust->tls == NULL || SSL_CTX_set_min_proto_version(trust->tls, TLS1_2_VERSION) != 1) {
        return false;
    }
    SSL_CTX_set_verify(trust->tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(trust->tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(trust->tls, SSL_OP_NO_TICKET);
    if (!load(trust, ca_file)) {
        *problem = "the CA file cannot be read, or holds no self-signed root certificate";
        return false;
    }
    *out = TAKE(trust);
    return true;
}

void host_trust_free(struct host_trust *trust)
{
    if (trust != NULL) {
        for (size_t i = 0; i < trust->root_count; i++) {
            OPENSSL_free((void *)(uintptr_t)trust->roots[i].data); /* const for those who borrow it */
        }
        SSL_CTX_free(trust->tls);
        free(trust);
    }
}

size_t host_trust_borrow_roots(const struct host_trust *trust, const struct whorl_bytes **out)
{
    *out = trust->roots;
    return trust->root_count;
}

void host_trust_server_id(const struct host_trust *trust, uint8_t out[32])
{
    memcpy(out, trust->server_id, sizeof trust->server_id);
}

struct ssl_ctx_st *host_trust_borrow_tls(const struct host_trust *trust)
{
    return trust->tls;
}
