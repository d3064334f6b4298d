/* Certificates for an answer: what leads from the one that is granted up, and the root. */
#include <openssl/x509.h>

#include "pki/cmp_server.h"
#include "pki/cmp_signer_internal.h"

static bool is_same_certificate(const X509 *x509, struct bytes der)
{
    AUTO_VAL(buf) own = {0};
    err_t error = certificate_encode(x509, &own);
    return error.code == ERR_OK && bytes_equal(buf_view(&own), der);
}

/* Those of the signer are parsed already. */
static X509 *certificate_of(const struct cmp_signer *signer, struct bytes der)
{
    for (int i = 0; i < sk_X509_num(signer->issuers); i++) {
        X509 *known = sk_X509_value(signer->issuers, i);
        if (is_same_certificate(known, der)) {
            return X509_up_ref(known) == 1 ? known : NULL;
        }
    }
    X509 *x509 = NULL;
    err_t error = certificate_decode(der, &x509);
    return error.code == ERR_OK ? x509 : NULL;
}

bool cmp_signer_carry(const struct cmp_signer *signer, struct bytes der, X509 **out)
{
    const uint8_t *p = der.p;
    ASN1_VALUE *value = (ASN1_VALUE *)X509_new_ex(signer->keyless, NULL);
    /* d2i_X509() would look into its extensions as well, and needs a hash for that */
    if (value == NULL || ASN1_item_d2i(&value, &p, (long)der.n, ASN1_ITEM_rptr(X509)) == NULL) {
        return false; /* freed when reading fails */
    }
    *out = (X509 *)value;
    return true;
}

static bool push(STACK_OF(X509) * *stack, X509 *x509)
{
    *stack = *stack != NULL ? *stack : sk_X509_new_null();
    if (x509 == NULL || *stack == NULL || sk_X509_push(*stack, x509) <= 0) {
        X509_free(x509);
        return false;
    }
    return true;
}

bool cmp_signer_put_chain(const struct cmp_signer *signer, const struct cmp_outcome *outcome,
                          STACK_OF(X509) * *chain, STACK_OF(X509) * *ca_pubs)
{
    for (size_t i = 0; i < outcome->chain_count; i++) {
        if (!push(chain, certificate_of(signer, outcome->chain[i]))) {
            return false;
        }
    }
    X509 *root = signer->root;
    return X509_up_ref(root) == 1 && push(ca_pubs, root);
}
