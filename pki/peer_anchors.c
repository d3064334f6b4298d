/* Back ends that show a certificate of their own CA. OpenSSL builds and judges the chain: the CA is somebody
 * else's, with whatever profile it has. That a chain holds makes nobody a caller: the key must be known too
 * (fleet/client_certificates.h). */
#include <stdlib.h>
#include <time.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "pki/peer_internal.h"
#include "pki/peer_tls.h"
#include "pki/trust_anchors.h"

enum { ANCHORED_DEPTH_MAX = 4, AUTH_LEVEL = 2 /* 112 bits: no SHA-1, RSA from 2048 */ };

DEFINE_AUTO(X509_STORE_CTX, X509_STORE_CTX_free);

static err_t add_anchors(struct bytes pem, X509_STORE *store)
{
    AUTO(BIO) *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
    ENSURE(bio != NULL, ERR_NO_MEMORY, "no memory for trust anchors");
    for (;;) {
        AUTO(X509) *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (x509 == NULL) {
            openssl_forget_errors(); /* the end: trust_anchors_read() has read it all */
            return OK;
        }
        if (X509_STORE_add_cert(store, x509) != 1) {
            return ERR_OPENSSL("a trust anchor cannot be used");
        }
    }
}

err_t peer_trust_new_anchors(struct bytes pem, const struct key_policy *policy, struct peer_trust **out)
{
    *out = NULL;
    AUTO_VAL(buf) clean = {0};
    TRY(trust_anchors_read(pem, &clean));
    AUTO_PTR(peer_trust) *trust = calloc(1, sizeof *trust);
    ENSURE(trust != NULL, ERR_NO_MEMORY, "no memory for trust anchors");
    trust->policy = *policy;
    trust->anchors = X509_STORE_new();
    ENSURE(trust->anchors != NULL, ERR_NO_MEMORY, "no memory for trust anchors");
    /* an issuing CA alone may be the anchor: nobody needs to trust all of a company's root */
    ENSURE(X509_STORE_set_flags(trust->anchors, X509_V_FLAG_PARTIAL_CHAIN) == 1, ERR_CRYPTO, "store flags");
    TRY(add_anchors(buf_view(&clean), trust->anchors));
    *out = TAKE(trust);
    return OK;
}

/* Time and purpose; the tests set the time of the handshake's context. */
static void set_parameters(X509_STORE_CTX *from, X509_STORE_CTX *to)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(to);
    X509_VERIFY_PARAM *outer = X509_STORE_CTX_get0_param(from);
    X509_VERIFY_PARAM_set_depth(param, ANCHORED_DEPTH_MAX);
    X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
    if ((X509_VERIFY_PARAM_get_flags(outer) & X509_V_FLAG_USE_CHECK_TIME) != 0) {
        X509_VERIFY_PARAM_set_time(param, X509_VERIFY_PARAM_get_time(outer));
    }
}

int peer_verify_anchored(X509_STORE_CTX *context, const struct peer_trust *trust)
{
    AUTO(X509_STORE_CTX) *inner = X509_STORE_CTX_new();
    bool is_ready = inner != NULL &&
                    X509_STORE_CTX_init(inner, trust->anchors, X509_STORE_CTX_get0_cert(context),
                                        X509_STORE_CTX_get0_untrusted(context)) == 1 &&
                    X509_STORE_CTX_set_default(inner, "ssl_client") == 1;
    if (!is_ready) {
        openssl_forget_errors();
        return X509_V_ERR_OUT_OF_MEM;
    }
    set_parameters(context, inner);
    bool holds = X509_verify_cert(inner) == 1;
    int error = X509_STORE_CTX_get_error(inner);
    openssl_forget_errors();
    if (holds) {
        return X509_V_OK;
    }
    return error == X509_V_OK ? X509_V_ERR_UNSPECIFIED : error;
}

err_t peer_trust_name_anchors(const struct peer_trust *trust, SSL_CTX *context)
{
    STACK_OF(X509_OBJECT) *objects = trust->anchors == NULL ? NULL : X509_STORE_get0_objects(trust->anchors);
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509 *x509 = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        if (x509 != NULL && SSL_CTX_add_client_CA(context, x509) != 1) {
            return ERR_OPENSSL("naming a trust anchor failed");
        }
    }
    return OK;
}
