/* Reads CA certificates of others through OpenSSL, and asks of each what an authority's must have. Paths are
 * ca_path.c's. */
#include "pki/ca_certificate.h"

#include <stdio.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "pki/ca_internal.h"

DEFINE_AUTO(BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free);
DEFINE_AUTO(EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free);

void ca_certificate_clear(struct ca_certificate *certificate)
{
    buf_clear(&certificate->der);
    buf_clear(&certificate->spki);
    buf_clear(&certificate->issuer);
    buf_clear(&certificate->ski);
    buf_clear(&certificate->aki);
    certificate_facts_clear(&certificate->facts);
}

/* --- reading ------------------------------------------------------------------------------------------ */

static const struct purpose {
    const char *oid;
    uint32_t bit;
} purposes[] = {
    {"1.3.6.1.5.5.7.3.2", PURPOSE_CLIENT_AUTH},
    {"1.3.6.1.5.5.7.3.1", PURPOSE_SERVER_AUTH},
    {"1.3.6.1.5.5.7.3.3", PURPOSE_CODE_SIGNING},
    {"1.3.6.1.5.5.7.3.41", PURPOSE_CONFIG_SIGNING},
    {"1.3.6.1.5.5.7.3.42", PURPOSE_TRUST_ANCHOR_CONFIG},
    {"1.3.6.1.5.5.7.3.43", PURPOSE_UPDATE_PACKAGE_SIGNING},
    {"1.3.6.1.5.5.7.3.44", PURPOSE_SAFETY_COMMUNICATION},
};

static void read_purpose(const ASN1_OBJECT *object, struct ca_certificate *out)
{
    char oid[64] = "";
    (void)OBJ_obj2txt(oid, sizeof oid, object, 1);
    out->has_any_purpose = out->has_any_purpose || strcmp(oid, "2.5.29.37.0") == 0;
    out->has_ocsp_signing = out->has_ocsp_signing || strcmp(oid, "1.3.6.1.5.5.7.3.9") == 0;
    for (size_t i = 0; i < sizeof purposes / sizeof purposes[0]; i++) {
        out->key_purposes |= strcmp(oid, purposes[i].oid) == 0 ? purposes[i].bit : 0;
    }
}

static void read_constraints(X509 *x509, struct ca_certificate *out)
{
    AUTO(BASIC_CONSTRAINTS) *constraints = X509_get_ext_d2i(x509, NID_basic_constraints, NULL, NULL);
    AUTO(EXTENDED_KEY_USAGE) *usages = X509_get_ext_d2i(x509, NID_ext_key_usage, NULL, NULL);
    bool is_marked = X509_get_ext_by_NID(x509, NID_ext_key_usage, -1) >= 0;
    out->is_ca = constraints != NULL && constraints->ca != 0;
    out->path_length =
        out->is_ca && constraints->pathlen != NULL ? (int)ASN1_INTEGER_get(constraints->pathlen) : -1;
    out->has_key_purposes = is_marked;
    for (int i = 0; i < sk_ASN1_OBJECT_num(usages); i++) {
        read_purpose(sk_ASN1_OBJECT_value(usages, i), out);
    }
    openssl_forget_errors();
}

/* A critical extension that OpenSSL would not check either, or one that does not parse. */
static bool is_understood(X509 *x509)
{
    uint32_t flags = X509_get_extension_flags(x509);
    openssl_forget_errors();
    return (flags & (EXFLAG_CRITICAL | EXFLAG_INVALID)) == 0;
}

static err_t append_octets(const ASN1_OCTET_STRING *octets, struct buf *out)
{
    return octets == NULL
               ? OK
               : buf_append(out, ASN1_STRING_get0_data(octets), (size_t)ASN1_STRING_length(octets));
}

static err_t read_names(X509 *x509, struct ca_certificate *out)
{
    const unsigned char *der = NULL;
    size_t size = 0;
    if (X509_NAME_get0_der(X509_get_issuer_name(x509), &der, &size) != 1) {
        return ERR_OPENSSL("encoding a certificate's issuer failed");
    }
    TRY(buf_append(&out->issuer, der, size));
    TRY(append_octets(X509_get0_subject_key_id(x509), &out->ski));
    err_t error = append_octets(X509_get0_authority_key_id(x509), &out->aki);
    openssl_forget_errors();
    return error;
}

static err_t read_whole(struct bytes der, X509 *x509, struct ca_certificate *out)
{
    AUTO_VAL(buf) algorithm = {0};
    TRY(certificate_facts_read(x509, &out->facts));
    TRY(buf_append_bytes(&out->der, der));
    TRY(certificate_spki(x509, &out->spki));
    TRY(read_names(x509, out));
    read_constraints(x509, out);
    uint32_t usage = X509_get_key_usage(x509); /* all bits when it says nothing */
    out->may_sign_certificates = (usage & KU_KEY_CERT_SIGN) != 0;
    out->may_sign_crls = (usage & KU_CRL_SIGN) != 0;
    out->is_understood = is_understood(x509);
    TRY(certificate_algorithm(x509, &algorithm));
    out->weakness = signature_weakness(buf_view(&algorithm));
    return OK;
}

err_t ca_certificate_read(struct bytes der, struct ca_certificate *out)
{
    AUTO(X509) *x509 = NULL;
    err_t error = certificate_decode(der, &x509);
    if (error.code == ERR_OK) {
        error = read_whole(der, x509, out);
    }
    ENSURE(error.code != ERR_BAD_ENCODING, ERR_UNPROCESSABLE, "%.150s", error.detail);
    return error;
}

void ca_certificate_subject(const struct ca_certificate *certificate, char out[CA_SUBJECT_SHORT + 4])
{
    size_t n = strlen(certificate->facts.subject_text);
    size_t kept = n <= CA_SUBJECT_SHORT ? n : CA_SUBJECT_SHORT;
    while (kept < n && kept > 0 && ((uint8_t)certificate->facts.subject_text[kept] & 0xc0) == 0x80) {
        kept--; /* never a part of a character */
    }
    (void)snprintf(out, CA_SUBJECT_SHORT + 4, "%.*s%s", (int)kept, certificate->facts.subject_text,
                   kept < n ? "..." : "");
}

/* --- who signed --------------------------------------------------------------------------------------- */

bool ca_certificate_names_issuer(const struct ca_certificate *certificate,
                                 const struct ca_certificate *issuer)
{
    return name_is_same(buf_view(&certificate->issuer), buf_view(&issuer->facts.subject)) &&
           (certificate->aki.n == 0 || issuer->ski.n == 0 ||
            bytes_equal(buf_view(&certificate->aki), buf_view(&issuer->ski)));
}

bool ca_certificate_is_self_issued(const struct ca_certificate *certificate)
{
    return certificate->facts.is_self_issued;
}

/* The signature as it stands in the certificate: Certificate ::= SEQUENCE { tbs, algorithm, signature }. */
static bool split(struct bytes der, struct bytes *tbs, struct bytes *algorithm, struct bytes *signature)
{
    struct der_item outer;
    struct der_item item;
    if (!der_take(&der, DER_SEQUENCE, &outer) || !der_take(&outer.value, DER_SEQUENCE, &item)) {
        return false;
    }
    *tbs = item.whole;
    bool has_algorithm = der_take(&outer.value, DER_SEQUENCE, &item);
    *algorithm = item.whole;
    if (!has_algorithm || !der_take(&outer.value, DER_BIT_STRING, &item) || item.value.n < 2) {
        return false;
    }
    *signature = (struct bytes){item.value.p + 1, item.value.n - 1};
    return true;
}

err_t ca_certificate_verify(const struct ca_certificate *certificate, const struct ca_certificate *issuer)
{
    char subject[CA_SUBJECT_SHORT + 4];
    struct bytes tbs;
    struct bytes algorithm;
    struct bytes signature;
    AUTO(EVP_PKEY) *key = NULL;
    ca_certificate_subject(certificate, subject);
    ENSURE(split(buf_view(&certificate->der), &tbs, &algorithm, &signature), ERR_UNPROCESSABLE,
           "the certificate of %s is malformed", subject);
    ENSURE(issuer->facts.key.alg != KEY_ALG_NONE, ERR_UNPROCESSABLE,
           "the issuer of %s has a kind of key that is not used here", subject);
    const char *refusal = signature_refusal(algorithm, issuer->facts.key.alg);
    ENSURE(refusal == NULL, ERR_UNPROCESSABLE, "the signature of %s: %.80s", subject, refusal);
    TRY(key_open(buf_view(&issuer->spki), issuer->facts.key.alg, &key));
    return signature_verify(key, algorithm, tbs, signature,
                            ERR(ERR_UNPROCESSABLE,
                                "the signature of %s is not its issuer's: the chain does not verify",
                                subject));
}

/* --- what it must say --------------------------------------------------------------------------------- */

static err_t check_dates(const struct ca_certificate *certificate, const char *subject, int64_t now_ms)
{
    char at[32];
    time_format(certificate->facts.not_before_ms, at);
    ENSURE(certificate->facts.not_before_ms <= now_ms, ERR_UNPROCESSABLE,
           "the certificate of %s is not valid before %s", subject, at);
    time_format(certificate->facts.not_after_ms, at);
    ENSURE(certificate->facts.not_after_ms > now_ms, ERR_UNPROCESSABLE, "the certificate of %s expired at %s",
           subject, at);
    return OK;
}

static err_t check_common(const struct ca_certificate *certificate, const char *subject, int64_t now_ms)
{
    ENSURE(certificate->is_ca, ERR_UNPROCESSABLE,
           "the certificate of %s is not a CA's: basicConstraints CA:TRUE is missing", subject);
    ENSURE(certificate->may_sign_certificates, ERR_UNPROCESSABLE,
           "the certificate of %s may not sign certificates: keyUsage lacks keyCertSign", subject);
    ENSURE(certificate->facts.key.alg != KEY_ALG_NONE, ERR_UNPROCESSABLE,
           "the certificate of %s has a kind of key that is not used here", subject);
    ENSURE(certificate->weakness == NULL, ERR_UNPROCESSABLE, "the signature of %s: %.80s", subject,
           certificate->weakness);
    ENSURE(certificate->is_understood, ERR_UNPROCESSABLE,
           "the certificate of %s has a critical extension that is not understood here", subject);
    return check_dates(certificate, subject, now_ms);
}

err_t ca_certificate_check_upper(const struct ca_certificate *certificate, int64_t now_ms)
{
    char subject[CA_SUBJECT_SHORT + 4];
    ca_certificate_subject(certificate, subject);
    return check_common(certificate, subject, now_ms);
}

uint32_t ca_purposes_needed(const struct ca_wish *wish)
{
    if (wish->key_purposes != 0) {
        return wish->key_purposes;
    }
    return wish->role == AUTHORITY_DEVICE           ? PURPOSE_CLIENT_AUTH
           : wish->role == AUTHORITY_INFRASTRUCTURE ? PURPOSE_SERVER_AUTH | PURPOSE_CLIENT_AUTH
                                                    : PURPOSE_SERVER_AUTH;
}

static err_t check_purposes(const struct ca_certificate *certificate, const struct ca_wish *wish,
                            const char *subject)
{
    uint32_t needed = ca_purposes_needed(wish);
    if (!certificate->has_key_purposes || certificate->has_any_purpose) {
        return OK;
    }
    uint32_t missing = needed & ~certificate->key_purposes;
    ENSURE((missing & PURPOSE_CLIENT_AUTH) == 0, ERR_UNPROCESSABLE,
           "the extendedKeyUsage of %s forbids clientAuth, which what it issues needs", subject);
    ENSURE((missing & PURPOSE_SERVER_AUTH) == 0, ERR_UNPROCESSABLE,
           "the extendedKeyUsage of %s forbids serverAuth, which what it issues needs", subject);
    ENSURE(missing == 0, ERR_UNPROCESSABLE,
           "the extendedKeyUsage of %s forbids a purpose that this authority is for", subject);
    ENSURE(wish->role != AUTHORITY_INFRASTRUCTURE || certificate->has_ocsp_signing, ERR_UNPROCESSABLE,
           "the extendedKeyUsage of %s forbids OCSPSigning, which what it issues needs", subject);
    return OK;
}

err_t ca_certificate_check_issuing(const struct ca_certificate *certificate, const struct ca_wish *wish,
                                   int64_t now_ms)
{
    char subject[CA_SUBJECT_SHORT + 4];
    ca_certificate_subject(certificate, subject);
    TRY(check_common(certificate, subject, now_ms));
    ENSURE(certificate->path_length != -1, ERR_UNPROCESSABLE,
           "the certificate of %s has no pathlen: an issuing CA needs pathlen 0", subject);
    ENSURE(certificate->path_length == 0, ERR_UNPROCESSABLE,
           "the certificate of %s has pathlen %d and could make further CAs: it needs pathlen 0", subject,
           certificate->path_length);
    ENSURE(certificate->may_sign_crls, ERR_UNPROCESSABLE,
           "the certificate of %s may not sign CRLs: keyUsage lacks cRLSign", subject);
    ENSURE(certificate->ski.n > 0, ERR_UNPROCESSABLE, "the certificate of %s has no subjectKeyIdentifier",
           subject);
    return check_purposes(certificate, wish, subject);
}
