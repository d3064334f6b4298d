/* Makes and checks certificates of keys that sign software, with OpenSSL's own objects: few are ever made. */
#include "pki/code_certificate.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "pki/certificate.h"
#include "pki/openssl.h"

DEFINE_AUTO(X509_REQ, X509_REQ_free);
DEFINE_AUTO(X509_EXTENSION, X509_EXTENSION_free);
DEFINE_AUTO(ASN1_INTEGER, ASN1_INTEGER_free);

enum { SERIAL_BYTES = 16 };

static const EVP_MD *digest_of(enum key_alg alg)
{
    return alg == KEY_ALG_ED25519 ? NULL : alg == KEY_ALG_P384 ? EVP_sha384() : EVP_sha256();
}

static bool add_extension(X509 *x509, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, x509, x509, NULL, NULL, 0);
    AUTO(X509_EXTENSION) *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    return extension != NULL && X509_add_ext(x509, extension, -1) == 1;
}

static bool put_name(X509_NAME *name, const char *common_name)
{
    return name != NULL && X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                                      (const unsigned char *)common_name, -1, -1, 0) == 1;
}

static bool put_validity(X509 *x509, const struct code_subject *subject)
{
    AUTO(ASN1_TIME) *from = ASN1_TIME_set(NULL, (time_t)(subject->not_before_ms / 1000));
    AUTO(ASN1_TIME) *to = ASN1_TIME_set(NULL, (time_t)(subject->not_after_ms / 1000));
    return from != NULL && to != NULL && X509_set1_notBefore(x509, from) == 1 &&
           X509_set1_notAfter(x509, to) == 1;
}

static err_t put_serial(X509 *x509, const struct random *random)
{
    uint8_t serial[SERIAL_BYTES];
    TRY(random_fill(random, serial, sizeof serial));
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40); /* positive, and of full length */
    AUTO(BIGNUM) *number = BN_bin2bn(serial, sizeof serial, NULL);
    AUTO(ASN1_INTEGER) *integer = number == NULL ? NULL : BN_to_ASN1_INTEGER(number, NULL);
    return integer != NULL && X509_set_serialNumber(x509, integer) == 1
               ? OK
               : ERR_OPENSSL("a serial number failed");
}

err_t code_certificate_make(const struct private_key *key, const struct code_subject *subject,
                            struct buf *der)
{
    AUTO(X509) *x509 = X509_new();
    if (x509 == NULL) {
        return ERR_OPENSSL("making a certificate failed");
    }
    TRY(put_serial(x509, subject->random));
    if (X509_set_version(x509, X509_VERSION_3) != 1 || !put_validity(x509, subject) ||
        !put_name(X509_get_subject_name(x509), subject->common_name) ||
        X509_set_issuer_name(x509, X509_get_subject_name(x509)) != 1 ||
        X509_set_pubkey(x509, key->pkey) != 1 ||
        !add_extension(x509, NID_basic_constraints, "critical,CA:FALSE") ||
        !add_extension(x509, NID_key_usage, "critical,digitalSignature") ||
        !add_extension(x509, NID_ext_key_usage, "codeSigning,emailProtection") ||
        !add_extension(x509, NID_subject_key_identifier, "hash") ||
        X509_sign(x509, key->pkey, digest_of(key->info.alg)) == 0) {
        return ERR_OPENSSL("making a certificate failed");
    }
    return certificate_encode(x509, der);
}

err_t code_request_make(const struct private_key *key, const char *common_name, struct buf *der)
{
    unsigned char *encoded = NULL;
    AUTO(X509_REQ) *request = X509_REQ_new();
    if (request == NULL || X509_REQ_set_version(request, X509_REQ_VERSION_1) != 1 ||
        !put_name(X509_REQ_get_subject_name(request), common_name) ||
        X509_REQ_set_pubkey(request, key->pkey) != 1 ||
        X509_REQ_sign(request, key->pkey, digest_of(key->info.alg)) == 0) {
        return ERR_OPENSSL("making a certificate request failed");
    }
    int size = i2d_X509_REQ(request, &encoded);
    if (size <= 0) {
        return ERR_OPENSSL("encoding a certificate request failed");
    }
    err_t error = buf_append(der, encoded, (size_t)size);
    OPENSSL_free(encoded);
    return error;
}

/* RFC 7468. */
static err_t to_pem(const char *label, struct bytes der, struct buf *out)
{
    char *text = NULL;
    AUTO(BIO) *bio = BIO_new(BIO_s_mem());
    if (bio == NULL || PEM_write_bio(bio, label, "", der.p, (long)der.n) <= 0) {
        return ERR_OPENSSL("writing PEM failed");
    }
    long size = BIO_get_mem_data(bio, &text);
    return buf_append(out, text, (size_t)size);
}

err_t code_request_to_pem(struct bytes der, struct buf *out)
{
    return to_pem("CERTIFICATE REQUEST", der, out);
}

err_t public_key_to_pem(struct bytes spki, struct buf *out)
{
    return to_pem("PUBLIC KEY", spki, out);
}

err_t code_certificate_take(struct bytes pem, struct bytes spki, int64_t now_ms, struct buf *der)
{
    AUTO(X509) *x509 = NULL;
    AUTO_VAL(buf) own = {0};
    AUTO_VAL(buf) taken = {0};
    AUTO_VAL(certificate_facts) facts = {.serial_size = 0};
    ENSURE(certificate_from_pem(pem, &taken).code == ERR_OK &&
               certificate_read(buf_view(&taken), &facts).code == ERR_OK,
           ERR_UNPROCESSABLE, "a certificate is needed, as PEM");
    TRY(certificate_decode(buf_view(&taken), &x509));
    TRY(certificate_spki(x509, &own));
    ENSURE(bytes_equal(buf_view(&own), spki), ERR_UNPROCESSABLE, "the certificate is over another key");
    ENSURE(facts.not_before_ms <= now_ms && now_ms < facts.not_after_ms, ERR_UNPROCESSABLE,
           "the certificate is not good at this time");
    ENSURE((X509_get_extension_flags(x509) & EXFLAG_CA) == 0 || facts.is_self_issued, ERR_UNPROCESSABLE,
           "the certificate is one of an authority");
    ENSURE((X509_get_key_usage(x509) & KU_DIGITAL_SIGNATURE) != 0, ERR_UNPROCESSABLE,
           "the certificate's key usage does not allow signing");
    uint32_t purposes = X509_get_extended_key_usage(x509);
    ENSURE(purposes == UINT32_MAX || (purposes & (XKU_CODE_SIGN | XKU_SMIME | XKU_ANYEKU)) != 0,
           ERR_UNPROCESSABLE, "the certificate is for other purposes than signing code");
    return buf_append_bytes(der, buf_view(&taken));
}
