/* Certificates and CRLs of a company's CA, made by OpenSSL with whatever extensions a test wants: right ones,
 * and each wrong one. */
#ifndef WHORL_TESTS_COMPANY_FIXTURE_H
#define WHORL_TESTS_COMPANY_FIXTURE_H

#include <openssl/x509v3.h>

#include "tests/unit/pki/pki_fixture.h"

DEFINE_AUTO(X509_CRL, X509_CRL_free);

/* One CA of the company. */
struct company_ca {
    EVP_PKEY *key;
    X509 *x509;
    struct buf der;
};

struct company_spec {
    const char *name;               /* CN */
    const struct company_ca *under; /* NULL: self-signed */
    EVP_PKEY *key;                  /* NULL: a new one, P-256 */
    int64_t from_ms, to_ms;
    const char *constraints, *usage, *purposes; /* as openssl's extfile writes them; NULL: left out */
    const char *digest;                         /* NULL: SHA256 */
    const char *extra;                          /* an extension more: "OID=critical,DER:…"; NULL: none */
    int serial;
};

static inline void company_clear(struct company_ca *ca)
{
    EVP_PKEY_free(ca->key);
    X509_free(ca->x509);
    buf_clear(&ca->der);
    *ca = (struct company_ca){.key = NULL};
}

static inline void add_named_extension(X509 *x509, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    if (value == NULL) {
        return;
    }
    X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(x509, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* "1.2.3=critical,DER:0500" as one that nobody understands. */
static inline void add_extra(X509 *x509, const char *text)
{
    char oid[64];
    const char *value = text == NULL ? NULL : strchr(text, '=');
    if (value == NULL) {
        return;
    }
    (void)snprintf(oid, sizeof oid, "%.*s", (int)(value - text), text);
    X509_EXTENSION *extension = X509V3_EXT_conf(NULL, NULL, oid, value + 1);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(x509, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static inline void set_time(ASN1_TIME *time, int64_t at_ms)
{
    assert_non_null(ASN1_TIME_adj(time, (time_t)(at_ms / 1000), 0, 0));
}

static inline void company_make(const struct company_spec *spec, struct company_ca *out)
{
    X509 *x509 = X509_new();
    X509 *issuer = spec->under != NULL ? spec->under->x509 : x509;
    unsigned char *der = NULL;
    *out = (struct company_ca){.key = NULL};
    out->x509 = x509;
    out->key = spec->key != NULL ? spec->key : ec_key("P-256");
    if (spec->key != NULL) {
        EVP_PKEY_up_ref(spec->key);
    }
    assert_int_equal(X509_set_version(x509, 2), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x509), spec->serial != 0 ? spec->serial : 77), 1);
    assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_UTF8,
                                                (const unsigned char *)spec->name, -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(x509, X509_get_subject_name(issuer)), 1);
    assert_int_equal(X509_set_pubkey(x509, out->key), 1);
    set_time(X509_getm_notBefore(x509), spec->from_ms != 0 ? spec->from_ms : house_from_ms);
    set_time(X509_getm_notAfter(x509), spec->to_ms != 0 ? spec->to_ms : house_from_ms + 20 * year_ms);
    add_named_extension(x509, issuer, NID_basic_constraints, spec->constraints);
    add_named_extension(x509, issuer, NID_key_usage, spec->usage);
    add_named_extension(x509, issuer, NID_ext_key_usage, spec->purposes);
    add_named_extension(x509, issuer, NID_subject_key_identifier, "hash");
    add_named_extension(x509, issuer, NID_authority_key_identifier, "keyid");
    add_extra(x509, spec->extra);
    const EVP_MD *digest = EVP_get_digestbyname(spec->digest != NULL ? spec->digest : "SHA256");
    assert_true(X509_sign(x509, spec->under != NULL ? spec->under->key : out->key, digest) > 0);
    int size = i2d_X509(x509, &der);
    bytes_of_i2d(size, der, &out->der);
}

static inline void company_root(struct company_ca *out)
{
    const struct company_spec spec = {.name = "Company Root",
                                      .constraints = "critical,CA:TRUE",
                                      .usage = "critical,keyCertSign,cRLSign",
                                      .to_ms = house_from_ms + 40 * year_ms};
    company_make(&spec, out);
}

static inline void company_policy(const struct company_ca *root, struct company_ca *out)
{
    const struct company_spec spec = {.name = "Company Policy CA",
                                      .under = root,
                                      .constraints = "critical,CA:TRUE,pathlen:1",
                                      .usage = "critical,keyCertSign,cRLSign",
                                      .to_ms = house_from_ms + 30 * year_ms};
    company_make(&spec, out);
}

/* What a device CA under `under` should look like; tests change one thing. */
static inline struct company_spec good_device_ca(const struct company_ca *under)
{
    return (struct company_spec){.name = "Device CA",
                                 .under = under,
                                 .constraints = "critical,CA:TRUE,pathlen:0",
                                 .usage = "critical,keyCertSign,cRLSign",
                                 .purposes = "clientAuth"};
}

struct company_list {
    const struct company_ca *by;
    int64_t number; /* < 0: none */
    int64_t from_ms, to_ms;
    const char *extra; /* "OID=critical,DER:…"; NULL: none */
    const int *serials;
    size_t count;
    const char *digest;
    bool is_version_1;
};

static inline void list_numbers(const struct company_list *spec, X509_CRL *crl)
{
    for (size_t i = 0; i < spec->count; i++) {
        X509_REVOKED *revoked = X509_REVOKED_new();
        ASN1_INTEGER *serial = ASN1_INTEGER_new();
        ASN1_TIME *at = ASN1_TIME_adj(NULL, (time_t)(spec->from_ms / 1000), 0, 0);
        assert_int_equal(ASN1_INTEGER_set(serial, spec->serials[i]), 1);
        assert_int_equal(X509_REVOKED_set_serialNumber(revoked, serial), 1);
        assert_int_equal(X509_REVOKED_set_revocationDate(revoked, at), 1);
        assert_int_equal(X509_CRL_add0_revoked(crl, revoked), 1);
        ASN1_INTEGER_free(serial);
        ASN1_TIME_free(at);
    }
}

static inline void list_extensions(const struct company_list *spec, X509_CRL *crl)
{
    X509V3_CTX context;
    char oid[64];
    X509V3_set_ctx(&context, spec->by->x509, NULL, NULL, crl, 0);
    X509_EXTENSION *aki = X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid");
    assert_int_equal(X509_CRL_add_ext(crl, aki, -1), 1);
    X509_EXTENSION_free(aki);
    if (spec->number >= 0) {
        ASN1_INTEGER *number = ASN1_INTEGER_new();
        assert_int_equal(ASN1_INTEGER_set_int64(number, spec->number), 1);
        assert_int_equal(X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0), 1);
        ASN1_INTEGER_free(number);
    }
    const char *value = spec->extra == NULL ? NULL : strchr(spec->extra, '=');
    if (value != NULL) {
        (void)snprintf(oid, sizeof oid, "%.*s", (int)(value - spec->extra), spec->extra);
        X509_EXTENSION *extension = X509V3_EXT_conf(NULL, NULL, oid, value + 1);
        assert_non_null(extension);
        assert_int_equal(X509_CRL_add_ext(crl, extension, -1), 1);
        X509_EXTENSION_free(extension);
    }
}

static inline void company_sign_list(const struct company_list *spec, struct buf *out)
{
    AUTO(X509_CRL) *crl = X509_CRL_new();
    unsigned char *der = NULL;
    ASN1_TIME *from = ASN1_TIME_adj(NULL, (time_t)(spec->from_ms / 1000), 0, 0);
    ASN1_TIME *to = ASN1_TIME_adj(NULL, (time_t)(spec->to_ms / 1000), 0, 0);
    assert_int_equal(X509_CRL_set_version(crl, spec->is_version_1 ? 0 : 1), 1);
    assert_int_equal(X509_CRL_set_issuer_name(crl, X509_get_subject_name(spec->by->x509)), 1);
    assert_int_equal(X509_CRL_set1_lastUpdate(crl, from), 1);
    if (spec->to_ms != 0) {
        assert_int_equal(X509_CRL_set1_nextUpdate(crl, to), 1);
    }
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    list_numbers(spec, crl);
    if (!spec->is_version_1) {
        list_extensions(spec, crl);
    }
    assert_int_equal(X509_CRL_sort(crl), 1);
    const char *digest = spec->digest != NULL ? spec->digest : "SHA256";
    assert_true(X509_CRL_sign(crl, spec->by->key, EVP_get_digestbyname(digest)) > 0);
    int size = i2d_X509_CRL(crl, &der);
    bytes_of_i2d(size, der, out);
}

#endif
