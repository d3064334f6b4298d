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

static err_t judge_anew(const struct peer_trust *trust, struct bytes der, const struct bytes *chain,
                        size_t chain_count, int64_t now_ms, struct peer_judged *out)
{
    STACK_OF(X509) * sent __attribute__((cleanup(free_stack))) = sk_X509_new_null();
    ENSURE(sent != NULL, ERR_NO_MEMORY, "a chain");
    TRY(certificate_decode(der, &out->x509));
    TRY(read_chain(chain, chain_count, sent));
    return judge(trust, out->x509, sent, now_ms, &out->remark);
}

static enum peer_kind kind_of(const struct peer_trust *trust, const struct peer_judged *judged,
                              const struct trusted_authority **issuer)
{
    return peer_backed_kind(peer_classify(trust, judged->x509, issuer), judged->remark);
}

/* What is remembered does not hang on what was sent along, nor on the time: an issued certificate, or one
 * that its own key signed. */
static err_t judge_or_recall(const struct peer_trust *trust, struct bytes der, const struct bytes *chain,
                             size_t chain_count, int64_t now_ms, struct peer_judged *out)
{
    struct sha256 name;
    const struct trusted_authority *issuer = NULL;
    if (trust->memory == NULL) {
        return judge_anew(trust, der, chain, chain_count, now_ms, out);
    }
    TRY(sha256_of(der, &name));
    if (peer_memory_find(trust->memory, &name, out)) {
        return OK;
    }
    TRY(judge_anew(trust, der, chain, chain_count, now_ms, out));
    if (kind_of(trust, out, &issuer) != PEER_FOREIGN) {
        peer_memory_keep(trust->memory, &name, out);
    }
    return OK;
}

/* The certificate moves into the peer. */
static err_t keep_parsed(struct peer_judged *judged, struct peer_identity *out)
{
    out->parsed = calloc(1, sizeof *out->parsed);
    ENSURE(out->parsed != NULL, ERR_NO_MEMORY, "a certificate");
    out->parsed->x509 = judged->x509;
    judged->x509 = NULL;
    return OK;
}

static void judged_clear(struct peer_judged *judged)
{
    X509_free(judged->x509);
}
DEFINE_AUTO_VAL(peer_judged, judged_clear);

err_t peer_identity_of(const struct peer_trust *trust, struct bytes der, const struct bytes *chain,
                       size_t chain_count, int64_t now_ms, struct peer_identity *out)
{
    AUTO_VAL(peer_judged) judged = {.remark = X509_V_OK};
    const struct trusted_authority *issuer = NULL;
    peer_identity_clear(out);
    TRY(judge_or_recall(trust, der, chain, chain_count, now_ms, &judged));
    TRY(certificate_facts_read(judged.x509, &out->certificate));
    TRY(certificate_spki(judged.x509, &out->spki));
    TRY(buf_append_bytes(&out->der, der));
    out->kind = kind_of(trust, &judged, &issuer);
    if (out->kind == PEER_ISSUED) {
        (void)snprintf(out->authority, sizeof out->authority, "%s", issuer->id);
    }
    out->is_expired = peer_is_outside_validity(out, now_ms);
    for (size_t i = 0; out->kind == PEER_FOREIGN && i < chain_count; i++) {
        TRY(buf_append_bytes(&out->chain, chain[i]));
    }
    return keep_parsed(&judged, out);
}
