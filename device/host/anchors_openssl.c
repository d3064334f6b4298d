/* The trust port on OpenSSL: roots for one transport, and whether one CA certificate signed another. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/auto.h"
#include "device/host/tls_transport.h"

enum { LEAST_SECURITY_BITS = 112 };

DEFINE_AUTO(X509, X509_free);
DEFINE_AUTO(X509_STORE, X509_STORE_free);

static X509 *decode(struct whorl_bytes der)
{
    const uint8_t *at = der.data;
    X509 *certificate = d2i_X509(NULL, &at, (long)der.size);
    if (certificate != NULL && at != der.data + der.size) {
        X509_free(certificate);
        certificate = NULL;
    }
    ERR_clear_error();
    return certificate;
}

static bool anchors_use(void *context, const struct whorl_bytes *roots, size_t count)
{
    struct host_transport *transport = context;
    AUTO(X509_STORE) *store = X509_STORE_new();
    for (size_t i = 0; i < count; i++) {
        AUTO(X509) *root = decode(roots[i]);
        if (store == NULL || root == NULL || X509_STORE_add_cert(store, root) != 1) {
            ERR_clear_error();
            return false;
        }
    }
    X509_STORE_free(transport->roots);
    transport->roots = TAKE(store);
    return transport->roots != NULL;
}

static bool anchors_stands_on(void *context, struct whorl_bytes root)
{
    const struct host_transport *transport = context;
    uint8_t hash[32];
    return EVP_Digest(root.data, root.size, hash, NULL, EVP_sha256(), NULL) == 1 &&
           memcmp(hash, transport->verified_root, sizeof hash) == 0;
}

static bool is_valid_at(const X509 *certificate, int64_t now_s)
{
    time_t now = (time_t)now_s;
    return now_s == 0 || (X509_cmp_time(X509_get0_notBefore(certificate), &now) < 0 &&
                          X509_cmp_time(X509_get0_notAfter(certificate), &now) > 0);
}

/* A digest that can be forged vouches for nothing. */
static bool is_strong(X509 *certificate)
{
    int bits = 0;
    return X509_get_signature_info(certificate, NULL, NULL, &bits, NULL) == 1 && bits >= LEAST_SECURITY_BITS;
}

static bool anchors_is_issued_by(void *context, struct whorl_bytes certificate, struct whorl_bytes issuer,
                                 int64_t now_s)
{
    (void)context;
    AUTO(X509) *child = decode(certificate);
    AUTO(X509) *parent = decode(issuer);
    bool is_issued = child != NULL && parent != NULL && X509_check_ca(parent) == 1 &&
                     X509_check_issued(parent, child) == X509_V_OK && is_strong(child) &&
                     is_valid_at(child, now_s) && X509_verify(child, X509_get0_pubkey(parent)) == 1;
    ERR_clear_error();
    return is_issued;
}

struct whorl_trust host_anchors_port(struct host_transport *transport)
{
    return (struct whorl_trust){.context = transport,
                                .use = anchors_use,
                                .stands_on = anchors_stands_on,
                                .is_issued_by = anchors_is_issued_by};
}
