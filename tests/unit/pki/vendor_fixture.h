/* A chip maker of the tests: root, intermediates and chips' certificates made with OpenSSL, as bad as asked
 * for. */
#ifndef WHORL_TESTS_VENDOR_FIXTURE_H
#define WHORL_TESTS_VENDOR_FIXTURE_H

#include "tests/unit/pki/pki_fixture.h"

#include <openssl/x509v3.h>

#include "pki/vendor_ca.h"

static const int64_t vendor_from_s = 1577836800; /* 2020-01-01 */
static const int64_t vendor_now_ms = 1780272000000;
static const int64_t vendor_year_s = 365LL * 86400;

struct vendor_spec {
    const char *cn;
    EVP_PKEY *key;
    const X509 *issuer; /* NULL: self-signed */
    EVP_PKEY *issuer_key;
    const char *constraints, *usage; /* extension texts, or NULL: none */
    const char *digest;              /* NULL: SHA256 */
    int64_t from_s, to_s;            /* 0: 2020, ten years later */
    bool is_illegal;                 /* a PrintableString in its name that is none */
};

static inline void vendor_extend(X509 *x509, int nid, const char *text)
{
    if (text == NULL) {
        return;
    }
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, text);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(x509, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static inline X509 *vendor_make(const struct vendor_spec *spec)
{
    static long serial = 100;
    X509 *x509 = X509_new();
    X509_NAME *name = X509_get_subject_name(x509);
    int64_t from_s = spec->from_s != 0 ? spec->from_s : vendor_from_s;
    int64_t to_s = spec->to_s != 0 ? spec->to_s : vendor_from_s + 10 * vendor_year_s;
    assert_int_equal(X509_set_version(x509, 2), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial), 1);
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)from_s));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)to_s));
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
                                                (const unsigned char *)"Example Chips", -1, -1, 0),
                     1);
    assert_int_equal(X509_NAME_add_entry_by_NID(name, NID_commonName,
                                                spec->is_illegal ? V_ASN1_PRINTABLESTRING : MBSTRING_ASC,
                                                (const unsigned char *)spec->cn, -1, -1, 0),
                     1);
    assert_int_equal(
        X509_set_issuer_name(x509, X509_get_subject_name(spec->issuer != NULL ? spec->issuer : x509)), 1);
    assert_int_equal(X509_set_pubkey(x509, spec->key), 1);
    vendor_extend(x509, NID_basic_constraints, spec->constraints);
    vendor_extend(x509, NID_key_usage, spec->usage);
    EVP_PKEY *signer = spec->issuer_key != NULL ? spec->issuer_key : spec->key;
    assert_true(
        X509_sign(x509, signer, EVP_get_digestbyname(spec->digest != NULL ? spec->digest : "SHA256")) > 0);
    return x509;
}

/** Root, intermediate and one chip, all well made. */
struct vendor {
    EVP_PKEY *root_key, *ca_key, *chip_key;
    X509 *root, *ca, *chip;
};

static inline void vendor_init(struct vendor *v)
{
    *v = (struct vendor){.root_key = ec_key("P-384"), .ca_key = ec_key("P-256"), .chip_key = ec_key("P-256")};
    const struct vendor_spec root = {.cn = "Chip Root",
                                     .key = v->root_key,
                                     .constraints = "critical,CA:TRUE",
                                     .usage = "critical,keyCertSign,cRLSign",
                                     .digest = "SHA384"};
    v->root = vendor_make(&root);
    const struct vendor_spec ca = {.cn = "Chip CA 1",
                                   .key = v->ca_key,
                                   .issuer = v->root,
                                   .issuer_key = v->root_key,
                                   .constraints = "critical,CA:TRUE,pathlen:0",
                                   .usage = "critical,keyCertSign",
                                   .digest = "SHA384"};
    v->ca = vendor_make(&ca);
    const struct vendor_spec chip = {.cn = "sn0123456789ABCDEF01",
                                     .key = v->chip_key,
                                     .issuer = v->ca,
                                     .issuer_key = v->ca_key,
                                     .constraints = "CA:FALSE",
                                     .usage = "critical,digitalSignature",
                                     .to_s = 253402300799}; /* 99991231235959Z */
    v->chip = vendor_make(&chip);
}

static inline void vendor_clear(struct vendor *v)
{
    X509_free(v->root);
    X509_free(v->ca);
    X509_free(v->chip);
    EVP_PKEY_free(v->root_key);
    EVP_PKEY_free(v->ca_key);
    EVP_PKEY_free(v->chip_key);
}
DEFINE_AUTO_VAL(vendor, vendor_clear);

static inline void der_of(const X509 *x509, struct buf *out)
{
    assert_ok(certificate_encode(x509, out));
}

static inline void pem_of(const X509 *x509, struct buf *out)
{
    AUTO_VAL(buf) der = {0};
    der_of(x509, &der);
    assert_ok(certificate_to_pem(buf_view(&der), out));
}

#endif
