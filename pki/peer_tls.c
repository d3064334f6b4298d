/* The peer of a TLS connection: the verify callback refuses what is malformed or weak before
 * CertificateVerify costs anything (identity.md's order: sizes, key form, algorithm, then one signature), and
 * afterwards the certificate becomes a plain value. Whether a peer may do something is never decided here. */
#include "pki/peer_tls.h"

#include <stdio.h>
#include <time.h>

#include <openssl/x509v3.h>

#include "pki/der.h"
#include "pki/peer_internal.h"

enum { CHAIN_LENGTH_MAX = 4, CHAIN_SIZE_MAX = 8 * 1024 };

static int check_chain_size(X509_STORE_CTX *context)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_untrusted(context);
    int total = 0;
    if (sk_X509_num(chain) > CHAIN_LENGTH_MAX) {
        return X509_V_ERR_CERT_CHAIN_TOO_LONG;
    }
    for (int i = 0; i < sk_X509_num(chain); i++) {
        int size = i2d_X509(sk_X509_value(chain, i), NULL);
        if (size <= 0 || size > CHAIN_SIZE_MAX - total) {
            return X509_V_ERR_CERT_CHAIN_TOO_LONG;
        }
        total += size;
    }
    return X509_V_OK;
}

/* Form of the certificate and of its key: what OpenSSL would let through with a callback that just says yes.
 */
static int check_form(X509 *x509, const struct peer_trust *trust, struct key_info *key)
{
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(buf) spki = {0};
    err_t error = certificate_encode(x509, &der);
    if (error.code == ERR_OK) {
        error = der_check(buf_view(&der));
    }
    if (error.code == ERR_OK) {
        error = certificate_spki(x509, &spki);
    }
    if (error.code != ERR_OK || (X509_get_extension_flags(x509) & EXFLAG_INVALID) != 0) {
        return X509_V_ERR_INVALID_EXTENSION;
    }
    error = key_check_form(buf_view(&spki), &trust->policy, key);
    if (error.code != ERR_OK) {
        return X509_V_ERR_EE_KEY_TOO_SMALL;
    }
    return X509_get0_pubkey(x509) == NULL ? X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY : X509_V_OK;
}

/* Keys of ours sign with what we chose; others' signatures count only for self-signed certificates, but
 * nobody's may be weak. */
static int check_algorithm(const X509 *x509, enum peer_kind kind, enum key_alg alg)
{
    AUTO_VAL(buf) algorithm = {0};
    err_t error = certificate_algorithm(x509, &algorithm);
    if (error.code != ERR_OK || signature_weakness(buf_view(&algorithm)) != NULL) {
        return X509_V_ERR_CA_MD_TOO_WEAK;
    }
    bool is_refused = kind == PEER_SELF_SIGNED && signature_refusal(buf_view(&algorithm), alg) != NULL;
    return is_refused ? X509_V_ERR_CA_MD_TOO_WEAK : X509_V_OK;
}

static int check_issued(X509 *x509, const struct trusted_authority *issuer)
{
    if ((X509_get_key_usage(x509) & KU_DIGITAL_SIGNATURE) == 0 ||
        X509_get_extended_key_usage(x509) == UINT32_MAX ||
        (X509_get_extended_key_usage(x509) & XKU_SSL_CLIENT) == 0) {
        return X509_V_ERR_INVALID_PURPOSE;
    }
    return X509_verify(x509, issuer->key) == 1 ? X509_V_OK : X509_V_ERR_CERT_SIGNATURE_FAILURE;
}

/* X509_V_OK for a certificate of ours that is valid now; for other accepted ones a code that says what they
 * are. */
static int check_dates(X509_STORE_CTX *context, const X509 *x509)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
    bool has_time = (X509_VERIFY_PARAM_get_flags(param) & X509_V_FLAG_USE_CHECK_TIME) != 0;
    time_t now = has_time ? X509_VERIFY_PARAM_get_time(param) : time(NULL);
    /* not X509_cmp_time(), for which the last valid second has expired; -2 (malformed) counts as outside */
    int start = ASN1_TIME_cmp_time_t(X509_get0_notBefore(x509), now);
    if (start != -1 && start != 0) {
        return X509_V_ERR_CERT_NOT_YET_VALID;
    }
    return ASN1_TIME_cmp_time_t(X509_get0_notAfter(x509), now) < 0 ? X509_V_ERR_CERT_HAS_EXPIRED : X509_V_OK;
}

/* @param[out] remark what an accepted certificate leaves in the context */
static int check_leaf(X509_STORE_CTX *context, X509 *x509, const struct peer_trust *trust, int *remark)
{
    const struct trusted_authority *issuer = NULL;
    struct key_info key;
    int verdict = check_form(x509, trust, &key);
    if (verdict != X509_V_OK) {
        return verdict;
    }
    enum peer_kind kind = trust->anchors != NULL ? PEER_FOREIGN : peer_classify(trust, x509, &issuer);
    verdict = check_algorithm(x509, kind, key.alg);
    if (verdict != X509_V_OK) {
        return verdict;
    }
    if (trust->anchors != NULL) {
        /* whoever is not verified is let in too: a bearer token may speak for them */
        *remark = peer_verify_anchored(context, trust);
        return X509_V_OK;
    }
    if (kind == PEER_ISSUED) {
        *remark = check_dates(context, x509);
        return check_issued(x509, issuer);
    }
    if (kind == PEER_SELF_SIGNED) {
        *remark = X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT;
        return X509_verify(x509, X509_get0_pubkey(x509)) == 1 ? X509_V_OK : X509_V_ERR_CERT_SIGNATURE_FAILURE;
    }
    /* foreign: the handshake proves its key, and nobody's word counts for more */
    *remark = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
    return X509_V_OK;
}

int peer_verify_chain(X509_STORE_CTX *context, const struct peer_trust *trust)
{
    X509 *leaf = X509_STORE_CTX_get0_cert(context);
    int remark = X509_V_OK;
    int verdict = leaf == NULL ? X509_V_ERR_UNSPECIFIED : check_chain_size(context);
    if (verdict == X509_V_OK) {
        verdict = check_leaf(context, leaf, trust, &remark);
    }
    X509_STORE_CTX_set_error(context, verdict == X509_V_OK ? remark : verdict);
    openssl_forget_errors();
    return verdict == X509_V_OK ? 1 : 0;
}

enum peer_kind peer_backed_kind(enum peer_kind claimed, long found)
{
    bool is_issued =
        found == X509_V_OK || found == X509_V_ERR_CERT_HAS_EXPIRED || found == X509_V_ERR_CERT_NOT_YET_VALID;
    bool is_self_signed = found == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT;
    bool is_backed = (claimed == PEER_ISSUED && is_issued) || (claimed == PEER_SELF_SIGNED && is_self_signed);
    return is_backed ? claimed : PEER_FOREIGN;
}

bool peer_is_outside_validity(const struct peer_identity *peer, int64_t now_ms)
{
    return peer->kind != PEER_SELF_SIGNED &&
           (now_ms < peer->certificate.not_before_ms || now_ms > peer->certificate.not_after_ms);
}

/* At most CHAIN_LENGTH_MAX and CHAIN_SIZE_MAX: the verify callback has seen to it. */
static err_t read_chain(const SSL *ssl, struct buf *out)
{
    STACK_OF(X509) *sent = SSL_get_peer_cert_chain(ssl); /* on a server without the peer's own certificate */
    for (int i = 0; i < sk_X509_num(sent); i++) {
        TRY(certificate_encode(sk_X509_value(sent, i), out));
    }
    return OK;
}

err_t peer_identity_read(const SSL *ssl, const struct peer_trust *trust, int64_t now_ms,
                         struct peer_identity *out)
{
    const struct trusted_authority *issuer = NULL;
    peer_identity_clear(out);
    X509 *x509 = SSL_get0_peer_certificate(ssl);
    if (x509 == NULL) {
        return OK;
    }
    TRY(certificate_facts_read(x509, &out->certificate));
    TRY(certificate_spki(x509, &out->spki));
    TRY(certificate_encode(x509, &out->der));
    if (trust->anchors != NULL) {
        out->kind = SSL_get_verify_result(ssl) == X509_V_OK ? PEER_CLIENT : PEER_FOREIGN;
    } else {
        out->kind = peer_backed_kind(peer_classify(trust, x509, &issuer), SSL_get_verify_result(ssl));
    }
    if (out->kind == PEER_ISSUED) {
        (void)snprintf(out->authority, sizeof out->authority, "%s", issuer->id);
    }
    out->is_expired = peer_is_outside_validity(out, now_ms);
    return out->kind == PEER_FOREIGN && SSL_session_reused(ssl) == 0 ? read_chain(ssl, &out->chain) : OK;
}

err_t private_key_use(const struct private_key *key, struct bytes certificate_der, const struct bytes *chain,
                      size_t chain_count, SSL_CTX *context)
{
    AUTO(X509) *leaf = NULL;
    TRY(certificate_decode(certificate_der, &leaf));
    if (SSL_CTX_use_cert_and_key(context, leaf, key->pkey, NULL, 1) != 1) {
        return ERR_OPENSSL("the certificate and its key cannot be used for TLS");
    }
    if (SSL_CTX_clear_chain_certs(context) != 1) {
        return ERR_OPENSSL("emptying a certificate chain failed");
    }
    for (size_t i = 0; i < chain_count; i++) {
        AUTO(X509) *link = NULL;
        TRY(certificate_decode(chain[i], &link));
        if (SSL_CTX_add1_chain_cert(context, link) != 1) {
            return ERR_OPENSSL("a certificate cannot be used in a TLS chain");
        }
    }
    return OK;
}
