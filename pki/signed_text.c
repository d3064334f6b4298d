/* Opens signed statements: OpenSSL's CMS checks the signature and the chain, this file what it leaves open:
 * one signer, a certificate for this use, a digest that holds. Called by whoever verifies an audit log. */
#include "pki/signer.h"

#include <limits.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "pki/openssl.h"

DEFINE_AUTO(CMS_ContentInfo, CMS_ContentInfo_free);
DEFINE_AUTO(X509_STORE, X509_STORE_free);
DEFINE_AUTO(EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free);

enum { ANCHORS_MAX = 16 };

void signed_text_clear(struct signed_text *text)
{
    buf_clear(&text->content);
    certificate_facts_clear(&text->signer);
}

/* Evidence is checked when its certificates may be over; X509_PURPOSE_ANY, since the CA's own certificate
 * names the uses of servers only. */
static err_t make_store(struct bytes anchors, X509_STORE **out)
{
    AUTO(X509_STORE) *store = X509_STORE_new();
    AUTO(BIO) *bio = anchors.n <= INT_MAX ? BIO_new_mem_buf(anchors.p, (int)anchors.n) : NULL;
    int count = 0;
    *out = NULL;
    ENSURE(store != NULL && bio != NULL, ERR_NO_MEMORY, "no memory for trust anchors");
    while (count < ANCHORS_MAX) {
        AUTO(X509) *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (certificate == NULL) {
            break;
        }
        if (X509_STORE_add_cert(store, certificate) != 1) {
            return ERR_OPENSSL("taking a trust anchor failed");
        }
        count++;
    }
    openssl_forget_errors();
    ENSURE(count > 0, ERR_UNPROCESSABLE, "the file of trust anchors holds no PEM certificate");
    if (X509_STORE_set_purpose(store, X509_PURPOSE_ANY) != 1 ||
        X509_STORE_set_flags(store, X509_V_FLAG_NO_CHECK_TIME) != 1) {
        return ERR_OPENSSL("preparing trust anchors failed");
    }
    *out = TAKE(store);
    return OK;
}

static err_t check_use(X509 *certificate)
{
    AUTO(EXTENDED_KEY_USAGE) *uses = X509_get_ext_d2i(certificate, NID_ext_key_usage, NULL, NULL);
    char name[64] = "";
    if (uses != NULL && sk_ASN1_OBJECT_num(uses) == 1) {
        (void)OBJ_obj2txt(name, sizeof name, sk_ASN1_OBJECT_value(uses, 0), 1);
    }
    openssl_forget_errors();
    /* id-kp-documentSigning, RFC 9336 */
    ENSURE(strcmp(name, "1.3.6.1.5.5.7.3.36") == 0 && X509_check_ca(certificate) == 0, ERR_FORBIDDEN,
           "the signing certificate is not for signing documents");
    return OK;
}

static err_t check_digest(CMS_SignerInfo *info)
{
    X509_ALGOR *digest = NULL;
    const ASN1_OBJECT *object = NULL;
    CMS_SignerInfo_get0_algs(info, NULL, NULL, &digest, NULL);
    X509_ALGOR_get0(&object, NULL, NULL, digest);
    int nid = OBJ_obj2nid(object);
    ENSURE(nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512, ERR_FORBIDDEN,
           "the signature's digest is too weak");
    return OK;
}

static err_t check_signer(CMS_ContentInfo *cms, struct certificate_facts *out)
{
    STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(cms);
    X509 *certificate = NULL;
    ENSURE(infos != NULL && sk_CMS_SignerInfo_num(infos) == 1, ERR_FORBIDDEN,
           "there must be exactly one signature");
    CMS_SignerInfo_get0_algs(sk_CMS_SignerInfo_value(infos, 0), NULL, &certificate, NULL, NULL);
    ENSURE(certificate != NULL, ERR_FORBIDDEN, "the signing certificate is missing");
    TRY(check_digest(sk_CMS_SignerInfo_value(infos, 0)));
    TRY(check_use(certificate));
    return certificate_facts_read(certificate, out);
}

static err_t decode(struct bytes der, CMS_ContentInfo **out)
{
    const unsigned char *at = der.p;
    *out = der.n <= LONG_MAX ? d2i_CMS_ContentInfo(NULL, &at, (long)der.n) : NULL;
    bool is_whole = *out != NULL && at == der.p + der.n;
    bool is_signed = is_whole && OBJ_obj2nid(CMS_get0_type(*out)) == NID_pkcs7_signed &&
                     OBJ_obj2nid(CMS_get0_eContentType(*out)) == NID_pkcs7_data;
    openssl_forget_errors();
    ENSURE(is_signed, ERR_BAD_ENCODING, "not a signed CMS structure");
    return OK;
}

err_t signed_text_open(struct bytes der, struct bytes anchors, struct signed_text *out)
{
    AUTO(CMS_ContentInfo) *cms = NULL;
    AUTO(X509_STORE) *store = NULL;
    AUTO(BIO) *content = BIO_new(BIO_s_mem());
    ENSURE(content != NULL, ERR_NO_MEMORY, "no memory for a signed text");
    TRY(decode(der, &cms));
    TRY(anchors.n > 0 ? make_store(anchors, &store) : OK);
    unsigned flags = CMS_BINARY | (store == NULL ? CMS_NO_SIGNER_CERT_VERIFY : 0U);
    if (CMS_verify(cms, NULL, store, NULL, content, flags) != 1) {
        openssl_forget_errors();
        return ERR(ERR_FORBIDDEN, store == NULL ? "the signature is not good"
                                                : "the signature is not good, or not by this installation");
    }
    TRY(check_signer(cms, &out->signer));
    char *p = NULL;
    long n = BIO_get_mem_data(content, &p);
    return buf_append(&out->content, p, n > 0 ? (size_t)n : 0);
}

err_t anchor_spki_sha256(struct bytes anchors, struct sha256 *out)
{
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(buf) spki = {0};
    AUTO(X509) *certificate = NULL;
    err_t error = certificate_from_pem(anchors, &der);
    ENSURE(error.code == ERR_OK, ERR_UNPROCESSABLE, "the file of trust anchors holds no PEM certificate");
    TRY(certificate_decode(buf_view(&der), &certificate));
    TRY(certificate_spki(certificate, &spki));
    return sha256_of(buf_view(&spki), out);
}

err_t anchors_have_key(struct bytes anchors, const struct sha256 *key, bool *out)
{
    AUTO(BIO) *bio = BIO_new_mem_buf(anchors.p, (int)anchors.n);
    AUTO(X509) *first = NULL;
    *out = false;
    ENSURE(bio != NULL, ERR_NO_MEMORY, "no memory for trust anchors");
    for (;;) {
        AUTO_VAL(buf) spki = {0};
        struct sha256 hash;
        AUTO(X509) *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (certificate == NULL) {
            break;
        }
        TRY(certificate_spki(certificate, &spki));
        TRY(sha256_of(buf_view(&spki), &hash));
        first = first == NULL && X509_up_ref(certificate) == 1 ? certificate : first;
        bool is_of_line = first != NULL && X509_NAME_cmp(X509_get_subject_name(first),
                                                         X509_get_subject_name(certificate)) == 0;
        *out = *out || (is_of_line && bytes_equal(BYTES_OF(hash.b), BYTES_OF(key->b)));
    }
    openssl_forget_errors(); /* of the end */
    ENSURE(first != NULL, ERR_UNPROCESSABLE, "the file of trust anchors holds no PEM certificate");
    return OK;
}
