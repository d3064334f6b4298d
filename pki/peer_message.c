/* The holder of a certificate that signs messages instead of opening connections (CMP): judged by the verify
 * callback of TLS, so that no rule exists twice. */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/x509v3.h>

#include "pki/peer_internal.h"
#include "pki/peer_tls.h"

DEFINE_AUTO(X509_STORE_CTX, X509_STORE_CTX_free);

static void free_stack(STACK_OF(X509) * *stack)
{
    sk_X509_pop_free(*stack, X509_free);
}

static err_t read_chain(const struct bytes *chain, size_t count, STACK_OF(X509) * stack)
{
    for (size_t i = 0; i < count; i++) {
        X509 *x509 = NULL;
        TRY(certificate_decode(chain[i], &x509));
        if (sk_X509_push(stack, x509) <= 0) {
            X509_free(x509);
            return ERR(ERR_NO_MEMORY, "a chain");
        }
    }
    return OK;
}

static err_t judge(const struct peer_trust *trust, X509 *x509, STACK_OF(X509) * chain, int64_t now_ms,
                   int *remark)
{
    AUTO(X509_STORE_CTX) *context = X509_STORE_CTX_new();
    if (context == NULL || X509_STORE_CTX_init(context, NULL, x509, chain) != 1) {
        return ERR_OPENSSL("judging a certificate failed");
    }
    X509_STORE_CTX_set_time(context, 0, (time_t)(now_ms / 1000));
    bool is_taken = peer_verify_chain(context, trust) == 1;
    *remark = X509_STORE_CTX_get_error(context);
    ENSURE(is_taken, ERR_FORBIDDEN, "the certificate is not taken: %s",
           X509_verify_cert_error_string(*remark));
    return OK;
}

err_t peer_identity_of(const struct peer_trust *trust, struct bytes der, const struct bytes *chain,
                       size_t chain_count, int64_t now_ms, struct peer_identity *out)
{
    AUTO(X509) *x509 = NULL;
    const struct trusted_authority *issuer = NULL;
    int remark = X509_V_OK;
    peer_identity_clear(out);
    TRY(certificate_decode(der, &x509));
    STACK_OF(X509) * sent __attribute__((cleanup(free_stack))) = sk_X509_new_null();
    ENSURE(sent != NULL, ERR_NO_MEMORY, "a chain");
    TRY(read_chain(chain, chain_count, sent));
    TRY(judge(trust, x509, sent, now_ms, &remark));
    out->parsed = calloc(1, sizeof *out->parsed);
    ENSURE(out->parsed != NULL && X509_up_ref(x509) == 1, ERR_NO_MEMORY, "a certificate");
    out->parsed->x509 = x509;
    TRY(certificate_facts_read(x509, &out->certificate));
    TRY(certificate_spki(x509, &out->spki));
    TRY(buf_append_bytes(&out->der, der));
    out->kind = peer_backed_kind(peer_classify(trust, x509, &issuer), remark);
    if (out->kind == PEER_ISSUED) {
        (void)snprintf(out->authority, sizeof out->authority, "%s", issuer->id);
    }
    out->is_expired = peer_is_outside_validity(out, now_ms);
    for (size_t i = 0; out->kind == PEER_FOREIGN && i < chain_count; i++) {
        TRY(buf_append_bytes(&out->chain, chain[i]));
    }
    return OK;
}
