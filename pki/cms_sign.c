/* CMS with OpenSSL, fed piece by piece: what CMS_final() does with a BIO of its own is done here in steps. */
#include "pki/cms_sign.h"

#include <stdlib.h>

#include <openssl/cms.h>

#include "pki/openssl.h"

struct cms_signing {
    CMS_ContentInfo *cms;
    BIO *in; /* what is written to it goes through the digest */
    bool is_doubted;
};

void cms_signing_free(struct cms_signing *signing)
{
    if (signing != NULL) {
        BIO_free_all(signing->in);
        CMS_ContentInfo_free(signing->cms);
        free(signing);
    }
}

/* The signing time is that of our clock; OpenSSL would take the system's. */
static err_t add_signer(CMS_ContentInfo *cms, const struct cms_order *order)
{
    AUTO(X509) *certificate = NULL;
    AUTO_VAL(buf) spki = {0};
    TRY(certificate_decode(order->certificate, &certificate));
    TRY(certificate_spki(certificate, &spki));
    ENSURE(bytes_equal(buf_view(&spki), buf_view(&order->key->spki)), ERR_UNPROCESSABLE,
           "the certificate is over another key");
    const EVP_MD *digest = order->key->info.alg == KEY_ALG_P384 ? EVP_sha384() : EVP_sha256();
    AUTO(ASN1_TIME) *at = ASN1_TIME_set(NULL, (time_t)(order->at_ms / 1000));
    CMS_SignerInfo *info =
        CMS_add1_signer(cms, certificate, order->key->pkey, digest, CMS_NOSMIMECAP | CMS_PARTIAL);
    if (at == NULL || info == NULL ||
        CMS_signed_add1_attr_by_NID(info, NID_pkcs9_signingTime, ASN1_STRING_type(at), at, -1) != 1) {
        return ERR_OPENSSL("preparing a signature failed");
    }
    return OK;
}

err_t cms_signing_new(const struct cms_order *order, struct cms_signing **out)
{
    *out = NULL;
    AUTO_PTR(cms_signing) *signing = calloc(1, sizeof *signing);
    ENSURE(signing != NULL, ERR_NO_MEMORY, "no memory for a signature");
    unsigned flags = CMS_BINARY | CMS_PARTIAL | (order->is_detached ? CMS_DETACHED : 0U);
    signing->cms = CMS_sign(NULL, NULL, NULL, NULL, flags);
    if (signing->cms == NULL) {
        return ERR_OPENSSL("preparing a signature failed");
    }
    signing->is_doubted = order->key->proof != NULL;
    TRY(add_signer(signing->cms, order));
    signing->in = CMS_dataInit(signing->cms, NULL);
    if (signing->in == NULL) {
        return ERR_OPENSSL("preparing a signature failed");
    }
    *out = TAKE(signing);
    return OK;
}

err_t cms_signing_add(struct cms_signing *signing, struct bytes piece)
{
    size_t done = 0;
    if (piece.n == 0) {
        return OK;
    }
    return BIO_write_ex(signing->in, piece.p, piece.n, &done) == 1 && done == piece.n
               ? OK
               : ERR_OPENSSL("hashing for a signature failed");
}

/* OpenSSL asked the token itself, so nobody has seen yet what it answered. */
static err_t prove(const struct cms_signing *signing)
{
    STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(signing->cms);
    CMS_SignerInfo *signer = signers == NULL ? NULL : sk_CMS_SignerInfo_value(signers, 0);
    bool is_good = signer != NULL && CMS_SignerInfo_verify(signer) == 1;
    openssl_forget_errors();
    ENSURE(is_good, ERR_UNAVAILABLE, "the token answered with a signature that does not hold");
    return OK;
}

static err_t complete(const struct cms_signing *signing)
{
    if (BIO_flush(signing->in) == 1 && CMS_dataFinal(signing->cms, signing->in) == 1) {
        return signing->is_doubted ? prove(signing) : OK;
    }
    err_t error = ERR_OPENSSL("signing failed");
    return signing->is_doubted ? ERR(ERR_UNAVAILABLE, "%s", error.detail) : error;
}

err_t cms_signing_finish(struct cms_signing *signing, struct buf *der)
{
    unsigned char *encoded = NULL;
    TRY(complete(signing));
    int size = i2d_CMS_ContentInfo(signing->cms, &encoded);
    if (size <= 0) {
        return ERR_OPENSSL("encoding a signature failed");
    }
    err_t error = buf_append(der, encoded, (size_t)size);
    OPENSSL_free(encoded);
    return error;
}
