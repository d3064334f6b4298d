/* Makes signed statements with OpenSSL's CMS. Opening them is in signed_text.c. Knows no statement. */
#include "pki/signer.h"

#include <stdlib.h>

#include <openssl/cms.h>
#include <openssl/ec.h>

#include "pki/authority_internal.h"

DEFINE_AUTO(CMS_ContentInfo, CMS_ContentInfo_free);

enum { MADE_BEFORE_MS = 300000 }; /* clocks that differ a little */

struct signer {
    struct private_key *key;
    X509 *certificate, *issuer;
};

void signer_free(struct signer *signer)
{
    if (signer == NULL) {
        return;
    }
    private_key_free(signer->key);
    X509_free(signer->certificate);
    X509_free(signer->issuer);
    free(signer);
}

err_t signer_new(const struct authority *infrastructure, const struct signer_spec *spec, struct signer **out)
{
    *out = NULL;
    AUTO_PTR(signer) *signer = calloc(1, sizeof *signer);
    AUTO_VAL(buf) spki = {0};
    AUTO_VAL(issued) issued = {.der = {0}};
    struct certificate_spec certificate = {.not_before_ms = spec->now_ms - MADE_BEFORE_MS,
                                           .not_after_ms = authority_not_after_ms(infrastructure),
                                           .publication = spec->publication};
    ENSURE(signer != NULL, ERR_NO_MEMORY, "no memory for a signer");
    TRY(random_fill(spec->random, certificate.serial, sizeof certificate.serial));
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    if (pair == NULL) {
        return ERR_OPENSSL("making a key failed");
    }
    TRY(private_key_take(pair, &signer->key));
    TRY(private_key_spki(signer->key, &spki));
    TRY(authority_issue_signer(infrastructure, buf_view(&spki), &certificate, &issued));
    TRY(certificate_decode(buf_view(&issued.der), &signer->certificate));
    TRY(certificate_decode(authority_borrow_der(infrastructure), &signer->issuer));
    *out = TAKE(signer);
    return OK;
}

err_t signer_certificate(const struct signer *signer, struct buf *der)
{
    return certificate_encode(signer->certificate, der);
}

/* The signing time is that of our clock; OpenSSL would take the system's. */
static err_t add_signer(CMS_ContentInfo *cms, const struct signer *signer, int64_t at_ms)
{
    AUTO(ASN1_TIME) *at = ASN1_TIME_set(NULL, (time_t)(at_ms / 1000));
    CMS_SignerInfo *info = CMS_add1_signer(cms, signer->certificate, signer->key->pkey, EVP_sha256(),
                                           CMS_NOSMIMECAP | CMS_PARTIAL);
    if (at == NULL || info == NULL ||
        CMS_signed_add1_attr_by_NID(info, NID_pkcs9_signingTime, ASN1_STRING_type(at), at, -1) != 1 ||
        CMS_add1_cert(cms, signer->issuer) != 1) {
        return ERR_OPENSSL("preparing a signature failed");
    }
    return OK;
}

err_t signer_sign(const struct signer *signer, struct bytes content, int64_t at_ms, struct buf *der)
{
    AUTO(BIO) *in = BIO_new_mem_buf(content.p, (int)content.n);
    AUTO(CMS_ContentInfo) *cms = CMS_sign(NULL, NULL, NULL, NULL, CMS_BINARY | CMS_PARTIAL);
    if (in == NULL || cms == NULL) {
        return ERR_OPENSSL("preparing a signature failed");
    }
    TRY(add_signer(cms, signer, at_ms));
    if (CMS_final(cms, in, NULL, CMS_BINARY) != 1) {
        return ERR_OPENSSL("signing failed");
    }
    unsigned char *encoded = NULL;
    int size = i2d_CMS_ContentInfo(cms, &encoded);
    if (size <= 0) {
        return ERR_OPENSSL("encoding a signature failed");
    }
    err_t error = buf_append(der, encoded, (size_t)size);
    OPENSSL_free(encoded);
    return error;
}
