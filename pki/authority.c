/* An authority: a CA certificate that was read and checked once, and the key that belongs to it. Immutable
 * afterwards. Making and signing are in authority_make.c, authority_issue.c and crl.c. */
#include "pki/authority.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "pki/authority_internal.h"
#include "pki/certificate.h"
#include "pki/remote_key.h"

void authority_free(struct authority *authority)
{
    if (authority != NULL && atomic_fetch_sub(&authority->holders, 1) == 1) {
        buf_clear(&authority->der);
        buf_clear(&authority->subject);
        buf_clear(&authority->ski);
        buf_clear(&authority->permitted_dns);
        buf_clear(&authority->excluded_dns);
        EVP_PKEY_free(authority->public_key);
        private_key_free(authority->key);
        free(authority);
    }
}

static err_t check_is_ca(X509 *x509, struct authority *authority)
{
    static const uint32_t needed = KU_KEY_CERT_SIGN | KU_CRL_SIGN;
    ENSURE(X509_check_ca(x509) == 1, ERR_CRYPTO, "the certificate of authority %s is not a CA certificate",
           authority->id);
    ENSURE((X509_get_key_usage(x509) & needed) == needed, ERR_CRYPTO,
           "the certificate of authority %s may not sign certificates and CRLs", authority->id);
    const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(x509);
    ENSURE(ski != NULL, ERR_CRYPTO, "the certificate of authority %s has no subjectKeyIdentifier",
           authority->id);
    return buf_append(&authority->ski, ASN1_STRING_get0_data(ski), (size_t)ASN1_STRING_length(ski));
}

static err_t read_certificate(struct bytes der, struct authority *authority)
{
    AUTO(X509) *x509 = NULL;
    AUTO_VAL(certificate_facts) facts = {0};
    AUTO_VAL(buf) spki = {0};
    TRY(certificate_decode(der, &x509));
    TRY(certificate_facts_read(x509, &facts));
    TRY(check_is_ca(x509, authority));
    TRY(authority_limits_read(x509, authority));
    TRY(certificate_spki(x509, &spki));
    ENSURE(facts.key.alg != KEY_ALG_NONE, ERR_CRYPTO, "authority %s has a kind of key that is not used",
           authority->id);
    TRY(key_open(buf_view(&spki), facts.key.alg, &authority->public_key));
    authority->spki_sha256 = facts.key.spki_sha256;
    authority->validity = (struct validity){facts.not_before_ms, facts.not_after_ms};
    TRY(buf_append_bytes(&authority->subject, buf_view(&facts.subject)));
    if (authority->key != NULL) {
        ENSURE(bytes_equal(buf_view(&spki), buf_view(&authority->key->spki)), ERR_CRYPTO,
               "the key of authority %s does not belong to its certificate", authority->id);
    }
    return buf_append_bytes(&authority->der, der);
}

err_t authority_load(const char *id, enum authority_role role, struct bytes der, struct private_key *key,
                     struct authority **out)
{
    *out = NULL;
    AUTO_PTR(authority) *authority = calloc(1, sizeof *authority);
    if (authority == NULL) {
        private_key_free(key);
        return ERR(ERR_NO_MEMORY, "no memory for an authority");
    }
    atomic_init(&authority->holders, 1);
    authority->key = key;
    authority->role = role;
    ENSURE(strlen(id) < sizeof authority->id, ERR_UNPROCESSABLE,
           "an authority's id has at most %d characters", AUTHORITY_ID_SIZE - 1);
    (void)snprintf(authority->id, sizeof authority->id, "%s", id);
    TRY(read_certificate(der, authority));
    if (key != NULL && key->remote != NULL) {
        TRY(remote_key_bind(key->remote, der));
    }
    *out = TAKE(authority);
    return OK;
}

struct authority *authority_ref(const struct authority *authority)
{
    struct authority *held = (struct authority *)(uintptr_t)authority; /* the count is all that changes */
    atomic_fetch_add(&held->holders, 1);
    return held;
}

bool authority_has_key(const struct authority *authority)
{
    return authority->key != NULL;
}

const char *authority_id(const struct authority *authority)
{
    return authority->id;
}

enum authority_role authority_role(const struct authority *authority)
{
    return authority->role;
}

struct bytes authority_borrow_der(const struct authority *authority)
{
    return buf_view(&authority->der);
}

struct bytes authority_borrow_subject(const struct authority *authority)
{
    return buf_view(&authority->subject);
}

int64_t authority_not_before_ms(const struct authority *authority)
{
    return authority->validity.not_before_ms;
}

int64_t authority_not_after_ms(const struct authority *authority)
{
    return authority->validity.not_after_ms;
}

const struct sha256 *authority_spki_sha256(const struct authority *authority)
{
    return &authority->spki_sha256;
}
