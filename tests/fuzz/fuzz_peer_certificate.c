/* The identity in a certificate: reading its facts, the check of its key, and the verdict of the TLS callback
 * on it, as an attacker reaches them with any client certificate. */
#include <stdlib.h>

#include "base/utf8.h"
#include "pki/certificate.h"
#include "pki/openssl.h"
#include "pki/peer_tls.h"
#include "tests/fuzz/fuzz.h"

DEFINE_AUTO(X509_STORE, X509_STORE_free);
DEFINE_AUTO(X509_STORE_CTX, X509_STORE_CTX_free);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* Whatever OpenSSL parses reaches the callback, also what certificate_read() refuses. */
static void verify(struct bytes der, const struct key_policy *policy)
{
    const unsigned char *p = der.p;
    AUTO(X509) *x509 = d2i_X509(NULL, &p, (long)der.n);
    AUTO(X509_STORE) *store = X509_STORE_new();
    AUTO(X509_STORE_CTX) *context = X509_STORE_CTX_new();
    AUTO_PTR(peer_trust) *trust = NULL;
    must(store != NULL && context != NULL && peer_trust_new(NULL, 0, policy, &trust).code == ERR_OK);
    if (x509 == NULL) {
        openssl_forget_errors();
        return;
    }
    must(X509_STORE_CTX_init(context, store, x509, NULL) == 1);
    int accepted = peer_verify_chain(context, trust);
    int remark = X509_STORE_CTX_get_error(context);
    must(accepted == (remark == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
                      remark == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct key_policy policy = {.allow_rsa = true, .allow_rsa_2048 = true};
    AUTO_VAL(certificate_facts) facts = {0};
    struct key_info key;
    struct bytes der = {data, size};
    err_t error = certificate_read(der, &facts);
    must(error.code == ERR_OK || (error.code == ERR_BAD_ENCODING && utf8_is_valid(bytes_str(error.detail))));
    must(error.code != ERR_OK || (facts.serial_size >= 1 && utf8_is_valid(bytes_str(facts.subject_text))));
    error = key_check_spki(der, &policy, &key);
    must(error.code == ERR_OK || utf8_is_valid(bytes_str(error.detail)));
    must(error.code != ERR_OK || key.alg != KEY_ALG_NONE);
    verify(der, &policy);
    return 0;
}
