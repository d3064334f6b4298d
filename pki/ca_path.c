/* Paths of CA certificates, from one up to the self-signed root: our own rules with their sentences first,
 * then OpenSSL's verification (RFC 5280 §6.1), which knows name constraints and policies. */
#include "pki/ca_internal.h"

#include <openssl/x509v3.h>

enum { AUTH_LEVEL = 2 /* 112 bits: no SHA-1, RSA from 2048 */ };

DEFINE_AUTO(X509_STORE, X509_STORE_free);
DEFINE_AUTO(X509_STORE_CTX, X509_STORE_CTX_free);

/* Above an issuing CA its issuer needs room for one CA, the next for two; those that carry their issuer's own
 * name do not count (RFC 5280 §6.1.4 (l)). */
static err_t check_room(const struct ca_certificate *const *path, size_t at)
{
    char subject[CA_SUBJECT_SHORT + 4];
    int below = 0;
    for (size_t i = 0; i < at; i++) {
        below += ca_certificate_is_self_issued(path[i]) ? 0 : 1;
    }
    ca_certificate_subject(path[at], subject);
    ENSURE(path[at]->path_length == -1 || path[at]->path_length >= below, ERR_UNPROCESSABLE,
           "the pathlen of %s is %d: there is no room for %d CA%s below it", subject, path[at]->path_length,
           below, below == 1 ? "" : "s");
    return OK;
}

static err_t check_link(const struct ca_certificate *const *path, size_t at)
{
    const struct ca_certificate *lower = path[at];
    const struct ca_certificate *issuer = path[at + 1];
    char subject[CA_SUBJECT_SHORT + 4];
    char until[32];
    ca_certificate_subject(lower, subject);
    ENSURE(ca_certificate_names_issuer(lower, issuer), ERR_UNPROCESSABLE,
           "the chain does not verify: %s was issued by another CA than the one given", subject);
    TRY(ca_certificate_verify(lower, issuer));
    time_format(issuer->facts.not_after_ms, until);
    ENSURE(lower->facts.not_after_ms <= issuer->facts.not_after_ms, ERR_UNPROCESSABLE,
           "the life of %s goes beyond its issuer's, which ends at %s", subject, until);
    uint32_t missing = lower->key_purposes & ~issuer->key_purposes;
    ENSURE(!issuer->has_key_purposes || issuer->has_any_purpose || missing == 0, ERR_UNPROCESSABLE,
           "the issuer of %s forbids a purpose that it names (extendedKeyUsage)", subject);
    return check_room(path, at + 1);
}

/* --- OpenSSL's opinion ------------------------------------------------------------------------------- */

static void free_certificates(STACK_OF(X509) * *stack)
{
    sk_X509_pop_free(*stack, X509_free);
}

static err_t push(STACK_OF(X509) * stack, struct bytes der)
{
    X509 *x509 = NULL;
    TRY(certificate_decode(der, &x509));
    if (sk_X509_push(stack, x509) <= 0) {
        X509_free(x509);
        return ERR(ERR_NO_MEMORY, "no memory for a chain");
    }
    return OK;
}

static err_t verify_by_openssl(const struct ca_certificate *const *path, size_t count, int64_t now_ms)
{
    __attribute__((cleanup(free_certificates))) STACK_OF(X509) *all = sk_X509_new_null();
    AUTO(X509_STORE) *store = X509_STORE_new();
    AUTO(X509_STORE_CTX) *context = X509_STORE_CTX_new();
    ENSURE(all != NULL && store != NULL && context != NULL, ERR_NO_MEMORY, "no memory for a chain");
    for (size_t i = 0; i < count; i++) {
        TRY(push(all, buf_view(&path[i]->der)));
    }
    int last = (int)count - 1;
    if (X509_STORE_add_cert(store, sk_X509_value(all, last)) != 1 ||
        X509_STORE_CTX_init(context, store, sk_X509_value(all, 0), all) != 1) {
        return ERR_OPENSSL("preparing the check of a chain failed");
    }
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_time(param, (time_t)(now_ms / 1000));
    X509_VERIFY_PARAM_set_depth(param, CA_PATH_MAX);
    X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
    int verified = X509_verify_cert(context);
    openssl_forget_errors();
    ENSURE(verified == 1, ERR_UNPROCESSABLE, "the chain does not verify: %s",
           X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
    return OK;
}

err_t ca_path_verify(const struct ca_certificate *const *path, size_t count, int64_t now_ms)
{
    ENSURE(count >= 1 && count <= CA_PATH_MAX, ERR_UNPROCESSABLE,
           "the chain is too long: at most %d certificates lead to its root", CA_PATH_MAX);
    for (size_t i = 1; i < count; i++) {
        TRY(ca_certificate_check_upper(path[i], now_ms));
    }
    for (size_t i = 0; i + 1 < count; i++) {
        TRY(check_link(path, i));
    }
    ENSURE(ca_certificate_is_self_issued(path[count - 1]), ERR_UNPROCESSABLE,
           "the chain does not end in a root: give the self-signed certificate too");
    TRY(ca_certificate_verify(path[count - 1], path[count - 1]));
    return verify_by_openssl(path, count, now_ms);
}
