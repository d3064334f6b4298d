/* Operators for the tests of envelopes and backups: key pairs with self-signed certificates, made by OpenSSL.
 */
#ifndef WHORL_TESTS_OPERATOR_FIXTURE_H
#define WHORL_TESTS_OPERATOR_FIXTURE_H

#include <openssl/pem.h>

#include "tests/unit/pki/pki_fixture.h"

#include "pki/envelope.h"

struct test_operator {
    struct buf key, certificate; /* PEM */
};

static inline void test_operator_clear(struct test_operator *of)
{
    buf_clear(&of->key);
    buf_clear(&of->certificate);
}
DEFINE_AUTO_VAL(test_operator, test_operator_clear);

static inline void pem_of_bio(BIO *bio, struct buf *out)
{
    char *p = NULL;
    long n = BIO_get_mem_data(bio, &p);
    assert_true(n > 0);
    assert_ok(buf_append(out, p, (size_t)n));
}

/** @param passphrase of the key's PEM, or NULL */
static inline void test_operator_make(EVP_PKEY *key, const char *name, const char *passphrase,
                                      struct test_operator *out)
{
    AUTO(X509) *certificate = X509_new();
    AUTO(BIO) *text = BIO_new(BIO_s_mem());
    AUTO(BIO) *secret = BIO_new(BIO_s_mem());
    const EVP_MD *digest = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();
    assert_int_equal(X509_set_version(certificate, 2), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1 + name[0]), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), 86400));
    assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                                                (const unsigned char *)name, -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(certificate, X509_get_subject_name(certificate)), 1);
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    assert_true(X509_sign(certificate, key, digest) > 0);
    assert_int_equal(PEM_write_bio_X509(text, certificate), 1);
    assert_int_equal(
        PEM_write_bio_PKCS8PrivateKey(secret, key, passphrase == NULL ? NULL : EVP_aes_256_cbc(), passphrase,
                                      passphrase == NULL ? 0 : (int)strlen(passphrase), NULL, NULL),
        1);
    pem_of_bio(text, &out->certificate);
    pem_of_bio(secret, &out->key);
}

static inline void test_operator_ec(const char *name, struct test_operator *out)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    test_operator_make(key, name, NULL, out);
}

static inline void test_operator_rsa(const char *name, unsigned bits, struct test_operator *out)
{
    AUTO(EVP_PKEY) *key = EVP_RSA_gen(bits);
    assert_non_null(key);
    test_operator_make(key, name, NULL, out);
}

static inline struct operator_key key_of(const struct test_operator *of)
{
    return (struct operator_key){.key = buf_view(&of->key), .certificate = buf_view(&of->certificate)};
}

#endif
