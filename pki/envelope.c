/* Envelopes with OpenSSL's CMS, whose defaults (PKCS#1 v1.5, SHA-1 in the KDF) are set to better ones. */
#include "pki/envelope.h"

#include <limits.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "pki/certificate.h"
#include "pki/openssl.h"

DEFINE_AUTO(CMS_ContentInfo, CMS_ContentInfo_free);

enum { RSA_BITS_MIN = 2048, CONTENT_MAX = 4096 };

/* --- sealing */

static err_t read_recipient(struct bytes pem, X509 **out)
{
    AUTO_VAL(buf) der = {0};
    *out = NULL;
    err_t error = certificate_from_pem(pem, &der);
    if (error.code == ERR_OK) {
        error = certificate_decode(buf_view(&der), out);
    }
    openssl_forget_errors();
    ENSURE(error.code == ERR_OK, ERR_UNPROCESSABLE, "there is no PEM certificate");
    return OK;
}

err_t recipient_name(struct bytes pem, char *out, size_t size)
{
    AUTO(X509) *certificate = NULL;
    AUTO_VAL(certificate_facts) facts = {.serial_size = 0};
    TRY(read_recipient(pem, &certificate));
    TRY(certificate_facts_read(certificate, &facts));
    size_t n = strnlen(facts.subject_text, size - 1);
    memcpy(out, facts.subject_text, n);
    out[n] = '\0';
    return OK;
}

static err_t check_key(const EVP_PKEY *key)
{
    int kind = key == NULL ? NID_undef : EVP_PKEY_get_base_id(key);
    ENSURE(kind == EVP_PKEY_RSA || kind == EVP_PKEY_EC, ERR_UNPROCESSABLE,
           "nothing can be sealed for the key of this certificate: it takes RSA, or a NIST curve");
    ENSURE(kind != EVP_PKEY_RSA || EVP_PKEY_get_bits(key) >= RSA_BITS_MIN, ERR_UNPROCESSABLE,
           "an RSA key of %d bits is too short: %d at least", EVP_PKEY_get_bits(key), RSA_BITS_MIN);
    return OK;
}

static bool set_algorithms(CMS_RecipientInfo *info, bool is_rsa)
{
    EVP_PKEY_CTX *context = CMS_RecipientInfo_get0_pkey_ctx(info);
    if (context == NULL) {
        return false;
    }
    if (is_rsa) {
        return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) == 1 &&
               EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1;
    }
    return EVP_PKEY_CTX_set_ecdh_kdf_md(context, EVP_sha256()) == 1;
}

static err_t add_recipient(CMS_ContentInfo *cms, struct bytes pem)
{
    AUTO(X509) *certificate = NULL;
    TRY(read_recipient(pem, &certificate));
    const EVP_PKEY *key = X509_get0_pubkey(certificate);
    TRY(check_key(key));
    CMS_RecipientInfo *info = CMS_add1_recipient_cert(cms, certificate, CMS_KEY_PARAM);
    if (info == NULL || !set_algorithms(info, EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)) {
        return ERR_OPENSSL("sealing for a certificate failed");
    }
    return OK;
}

err_t envelope_seal(struct bytes content, const struct recipients *recipients, struct buf *der)
{
    ENSURE(recipients->count >= 1 && recipients->count <= ENVELOPE_RECIPIENTS_MAX && content.n <= CONTENT_MAX,
           ERR_INTERNAL, "an envelope for %zu certificates", recipients->count);
    AUTO(BIO) *in = BIO_new_mem_buf(content.p, (int)content.n);
    AUTO(CMS_ContentInfo) *cms = CMS_encrypt(NULL, NULL, EVP_aes_256_cbc(), CMS_BINARY | CMS_PARTIAL);
    if (in == NULL || cms == NULL) {
        return ERR_OPENSSL("preparing an envelope failed");
    }
    for (size_t i = 0; i < recipients->count; i++) {
        TRY(add_recipient(cms, recipients->pem[i]));
    }
    if (CMS_final(cms, in, NULL, CMS_BINARY) != 1) {
        return ERR_OPENSSL("closing an envelope failed");
    }
    unsigned char *encoded = NULL;
    int size = i2d_CMS_ContentInfo(cms, &encoded);
    if (size <= 0) {
        return ERR_OPENSSL("encoding an envelope failed");
    }
    err_t error = buf_append(der, encoded, (size_t)size);
    OPENSSL_free(encoded);
    return error;
}

/* --- opening */

/* Never asks at a terminal. */
static int give_passphrase(char *out, int size, int is_writing, void *arg)
{
    const struct bytes *passphrase = arg;
    (void)is_writing;
    if (passphrase->n == 0 || size < 0 || passphrase->n > (size_t)size) {
        return -1;
    }
    memcpy(out, passphrase->p, passphrase->n);
    return (int)passphrase->n;
}

static err_t read_key(const struct operator_key *operator_key, EVP_PKEY **out)
{
    struct bytes passphrase = operator_key->passphrase;
    AUTO(BIO) *in = operator_key->key.n <= INT_MAX
                        ? BIO_new_mem_buf(operator_key->key.p, (int)operator_key->key.n)
                        : NULL;
    *out = in == NULL ? NULL : PEM_read_bio_PrivateKey(in, NULL, give_passphrase, &passphrase);
    openssl_forget_errors();
    ENSURE(*out != NULL, ERR_UNPROCESSABLE,
           "the operator's key cannot be read: no PEM private key, or its passphrase is missing or wrong");
    return OK;
}

static err_t decode(struct bytes der, CMS_ContentInfo **out)
{
    const unsigned char *at = der.p;
    *out = der.n <= LONG_MAX ? d2i_CMS_ContentInfo(NULL, &at, (long)der.n) : NULL;
    bool is_whole =
        *out != NULL && at == der.p + der.n && OBJ_obj2nid(CMS_get0_type(*out)) == NID_pkcs7_enveloped;
    openssl_forget_errors();
    ENSURE(is_whole, ERR_BAD_ENCODING, "not an envelope (CMS EnvelopedData)");
    return OK;
}

static err_t take_content(CMS_ContentInfo *cms, EVP_PKEY *key, X509 *certificate, struct secret *out)
{
    AUTO(BIO) *plain = BIO_new(BIO_s_secmem());
    char *p = NULL;
    ENSURE(plain != NULL, ERR_NO_MEMORY, "no memory for an envelope");
    bool is_open = CMS_decrypt(cms, key, certificate, NULL, plain, CMS_BINARY) == 1;
    openssl_forget_errors();
    ENSURE(is_open, ERR_FORBIDDEN, "the envelope does not open with this key: it is sealed for others");
    long n = BIO_get_mem_data(plain, &p);
    return buf_append(&out->bytes, p, n > 0 ? (size_t)n : 0);
}

err_t envelope_open(struct bytes der, const struct operator_key *operator_key, struct secret *out)
{
    AUTO(CMS_ContentInfo) *cms = NULL;
    AUTO(EVP_PKEY) *key = NULL;
    AUTO(X509) *certificate = NULL;
    err_t error = read_recipient(operator_key->certificate, &certificate);
    ENSURE(error.code == ERR_OK, ERR_UNPROCESSABLE, "the operator's certificate: %s", error.detail);
    TRY(read_key(operator_key, &key));
    bool is_pair = X509_check_private_key(certificate, key) == 1;
    openssl_forget_errors();
    ENSURE(is_pair, ERR_UNPROCESSABLE, "the operator's key is not that of the certificate");
    TRY(decode(der, &cms));
    return take_content(cms, key, certificate, out);
}
