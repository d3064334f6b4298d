/* Verification of CMS with OpenSSL. The signer's certificate is judged here rather than by CMS_verify(),
 * whose idea of purpose is that of mail. */
#include "pki/boot_cms.h"

#include <limits.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "pki/key.h"
#include "pki/openssl.h"

enum { CHAIN_MAX = 8 };

DEFINE_AUTO(CMS_ContentInfo, CMS_ContentInfo_free);
DEFINE_AUTO(X509_STORE, X509_STORE_free);
DEFINE_AUTO(X509_STORE_CTX, X509_STORE_CTX_free);
DEFINE_AUTO(BIO_METHOD, BIO_meth_free);

static void certificates_free(STACK_OF(X509) * list)
{
    sk_X509_pop_free(list, X509_free);
}
typedef STACK_OF(X509) certificate_list;
DEFINE_AUTO(certificate_list, certificates_free);
static void borrowed_free(STACK_OF(X509) * list)
{
    sk_X509_free(list);
}
typedef STACK_OF(X509) borrowed_list;
DEFINE_AUTO(borrowed_list, borrowed_free);

/* --- a source as a BIO ------------------------------------------------------------------------------ */

struct region {
    const struct byte_source *bytes;
    int64_t at, left;
    err_t error; /* of the source: OpenSSL can only say that reading failed */
};

static int region_read(BIO *bio, char *out, size_t n, size_t *done)
{
    struct region *region = BIO_get_data(bio);
    *done = region->left < (int64_t)n ? (size_t)region->left : n;
    if (*done == 0) {
        return 0;
    }
    region->error = byte_source_read(region->bytes, region->at, (uint8_t *)out, *done);
    if (region->error.code != ERR_OK) {
        *done = 0;
        return 0;
    }
    region->at += (int64_t)*done;
    region->left -= (int64_t)*done;
    return 1;
}

static long region_control(BIO *bio, int command, long number, void *pointer)
{
    (void)number;
    (void)pointer;
    const struct region *region = BIO_get_data(bio);
    return command == BIO_CTRL_EOF ? (region->left == 0 ? 1 : 0) : (command == BIO_CTRL_FLUSH ? 1 : 0);
}

static BIO *region_open(const BIO_METHOD *method, struct region *region)
{
    BIO *bio = BIO_new(method);
    if (bio != NULL) {
        BIO_set_data(bio, region);
        BIO_set_init(bio, 1);
    }
    return bio;
}

static BIO_METHOD *region_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "region");
    if (method != NULL &&
        (BIO_meth_set_read_ex(method, region_read) != 1 || BIO_meth_set_ctrl(method, region_control) != 1)) {
        BIO_meth_free(method);
        return NULL;
    }
    return method;
}

/* --- the message ------------------------------------------------------------------------------------ */

static err_t parse(struct bytes der, CMS_ContentInfo **out)
{
    const unsigned char *p = der.p;
    ENSURE(der.n > 0 && der.n <= INT_MAX, ERR_UNPROCESSABLE, "the CMS signature is empty");
    *out = d2i_CMS_ContentInfo(NULL, &p, (long)der.n);
    bool is_whole = *out != NULL && p == der.p + der.n;
    openssl_forget_errors();
    ENSURE(*out != NULL, ERR_UNPROCESSABLE, "the signature is no CMS message");
    ENSURE(is_whole, ERR_UNPROCESSABLE, "something stands behind the CMS signature");
    ENSURE(OBJ_obj2nid(CMS_get0_type(*out)) == NID_pkcs7_signed, ERR_UNPROCESSABLE,
           "the CMS message is no SignedData: it is %.40s", OBJ_nid2ln(OBJ_obj2nid(CMS_get0_type(*out))));
    return OK;
}

static err_t check_content(const struct boot_cms *order, CMS_ContentInfo *cms)
{
    ASN1_OCTET_STRING **content = CMS_get0_content(cms);
    bool is_inside = content != NULL && *content != NULL;
    struct sha256 digest;
    if (order->region.bytes != NULL) {
        ENSURE(!is_inside, ERR_UNPROCESSABLE,
               "the CMS signature holds content of its own: it must be detached");
        return OK;
    }
    ENSURE(is_inside, ERR_UNPROCESSABLE, "the CMS signature has no content inside");
    TRY(sha256_of((struct bytes){ASN1_STRING_get0_data(*content), (size_t)ASN1_STRING_length(*content)},
                  &digest));
    ENSURE(bytes_equal(order->content_digest, BYTES_OF(digest.b)), ERR_UNPROCESSABLE,
           "the content of the CMS signature is not what was read of it");
    return OK;
}

/* --- the signer ------------------------------------------------------------------------------------- */

static err_t check_use(X509 *signer)
{
    static const struct key_policy policy = {.allow_rsa = true, .allow_rsa_2048 = true};
    AUTO_VAL(buf) spki = {0};
    struct key_info info;
    uint32_t extended = X509_get_extended_key_usage(signer), usage = X509_get_key_usage(signer);
    ENSURE(extended == UINT32_MAX || (extended & (XKU_CODE_SIGN | XKU_SMIME | XKU_ANYEKU)) != 0,
           ERR_UNPROCESSABLE, "the signer's certificate is neither for codeSigning nor for emailProtection");
    ENSURE(usage == UINT32_MAX || (usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) != 0,
           ERR_UNPROCESSABLE, "the signer's certificate is not for signatures");
    TRY(certificate_spki(signer, &spki));
    err_t error = key_check_spki(buf_view(&spki), &policy, &info);
    ENSURE(error.code == ERR_OK, ERR_UNPROCESSABLE, "the signer's key: %.120s", error.detail);
    return OK;
}

static err_t check_chain(CMS_ContentInfo *cms, X509 *signer, X509 *trusted, int64_t now_ms)
{
    AUTO(X509_STORE) *store = X509_STORE_new();
    AUTO(X509_STORE_CTX) *context = X509_STORE_CTX_new();
    AUTO(certificate_list) *others = CMS_get1_certs(cms);
    if (store == NULL || context == NULL || X509_STORE_add_cert(store, trusted) != 1 ||
        X509_STORE_CTX_init(context, store, signer, others) != 1) {
        return ERR_OPENSSL("preparing a chain failed");
    }
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_depth(param, CHAIN_MAX);
    X509_VERIFY_PARAM_set_time(param, (time_t)(now_ms / 1000));
    if (X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN) != 1) {
        return ERR_OPENSSL("preparing a chain failed");
    }
    bool is_good = X509_verify_cert(context) == 1;
    int reason = X509_STORE_CTX_get_error(context);
    openssl_forget_errors();
    ENSURE(is_good, ERR_UNPROCESSABLE, "the signer's certificate does not lead to the registered one: %.80s",
           X509_verify_cert_error_string(reason));
    return OK;
}

static err_t find_signer(CMS_ContentInfo *cms, X509 *trusted, CMS_SignerInfo **info, X509 **signer)
{
    AUTO(borrowed_list) *known = sk_X509_new_null();
    STACK_OF(CMS_SignerInfo) *all = CMS_get0_SignerInfos(cms);
    int count = all == NULL ? 0 : sk_CMS_SignerInfo_num(all);
    ENSURE(count == 1, ERR_UNPROCESSABLE, "the CMS signature has %d signers; one is possible", count);
    ENSURE(known != NULL && sk_X509_push(known, trusted) > 0, ERR_NO_MEMORY, "a list of certificates");
    (void)CMS_set1_signers_certs(cms, known, 0);
    openssl_forget_errors();
    *info = sk_CMS_SignerInfo_value(all, 0);
    CMS_SignerInfo_get0_algs(*info, NULL, signer, NULL, NULL);
    ENSURE(*signer != NULL, ERR_UNPROCESSABLE,
           "the signer's certificate is neither the registered one nor within the signature");
    return OK;
}

/* --- what is signed along --------------------------------------------------------------------------- */

static err_t check_digest_algorithm(CMS_SignerInfo *info)
{
    X509_ALGOR *digest = NULL;
    const ASN1_OBJECT *name = NULL;
    CMS_SignerInfo_get0_algs(info, NULL, NULL, &digest, NULL);
    X509_ALGOR_get0(&name, NULL, NULL, digest);
    int id = OBJ_obj2nid(name);
    ENSURE(id == NID_sha256 || id == NID_sha384 || id == NID_sha512, ERR_UNPROCESSABLE,
           "the CMS signature is over %.30s; sign with SHA-256", OBJ_nid2sn(id));
    return OK;
}

/* RFC 5652 §11: each at most once, with one value. */
static err_t find_attribute(CMS_SignerInfo *info, int id, bool is_needed, ASN1_TYPE **out)
{
    int at = CMS_signed_get_attr_by_NID(info, id, -1);
    *out = NULL;
    ENSURE(at >= 0 || !is_needed, ERR_UNPROCESSABLE, "the signed attributes lack %s", OBJ_nid2sn(id));
    if (at < 0) {
        return OK;
    }
    ENSURE(CMS_signed_get_attr_by_NID(info, id, at) < 0, ERR_UNPROCESSABLE,
           "the signed attributes have %s twice", OBJ_nid2sn(id));
    X509_ATTRIBUTE *attribute = CMS_signed_get_attr(info, at);
    ENSURE(X509_ATTRIBUTE_count(attribute) == 1, ERR_UNPROCESSABLE, "the attribute %s has %d values",
           OBJ_nid2sn(id), X509_ATTRIBUTE_count(attribute));
    *out = X509_ATTRIBUTE_get0_type(attribute, 0);
    return OK;
}

static err_t check_signing_time(ASN1_TYPE *value, X509 *signer)
{
    const ASN1_TIME *at = NULL;
    if (value == NULL) {
        return OK;
    }
    if (value->type == V_ASN1_UTCTIME || value->type == V_ASN1_GENERALIZEDTIME) {
        at = value->value.asn1_string;
    }
    ENSURE(at != NULL, ERR_UNPROCESSABLE, "the signing time is no time");
    ENSURE(ASN1_TIME_compare(at, X509_get0_notBefore(signer)) >= 0 &&
               ASN1_TIME_compare(at, X509_get0_notAfter(signer)) <= 0,
           ERR_UNPROCESSABLE, "the signing time lies outside of the life of the signer's certificate");
    return OK;
}

/* The digest itself is compared by CMS_verify(). Without attributes the signature is over the content. */
static err_t check_attributes(CMS_ContentInfo *cms, CMS_SignerInfo *info, X509 *signer)
{
    ASN1_TYPE *type = NULL, *digest = NULL, *time = NULL;
    if (CMS_signed_get_attr_count(info) <= 0) {
        return OK;
    }
    TRY(find_attribute(info, NID_pkcs9_contentType, true, &type));
    TRY(find_attribute(info, NID_pkcs9_messageDigest, true, &digest));
    TRY(find_attribute(info, NID_pkcs9_signingTime, false, &time));
    ENSURE(type != NULL && type->type == V_ASN1_OBJECT &&
               OBJ_cmp(type->value.object, CMS_get0_eContentType(cms)) == 0,
           ERR_UNPROCESSABLE, "the attribute contentType names another type than the content has");
    return check_signing_time(time, signer);
}

static err_t check_signer(CMS_ContentInfo *cms, X509 *trusted, int64_t now_ms)
{
    CMS_SignerInfo *info = NULL;
    X509 *signer = NULL;
    TRY(find_signer(cms, trusted, &info, &signer));
    TRY(check_digest_algorithm(info));
    TRY(check_use(signer));
    TRY(check_chain(cms, signer, trusted, now_ms));
    return check_attributes(cms, info, signer);
}

/* The signature over the attributes holds, and the digest in them is another; or it does not hold at all. */
static const char *why_not(void)
{
    return ERR_GET_REASON(ERR_peek_last_error()) == CMS_R_CONTENT_VERIFY_ERROR
               ? "what is signed has been changed"
               : "the CMS signature does not hold under the signer's key";
}

static err_t verify(const struct boot_cms *order, CMS_ContentInfo *cms)
{
    struct region region = {
        .bytes = order->region.bytes, .at = order->region.from, .left = order->region.size, .error = OK};
    AUTO(BIO_METHOD) *method = region_method();
    AUTO(BIO) *bio = method == NULL || order->region.bytes == NULL ? NULL : region_open(method, &region);
    ENSURE(order->region.bytes == NULL || bio != NULL, ERR_NO_MEMORY, "reading what is signed");
    bool is_good = CMS_verify(cms, NULL, NULL, bio, NULL, CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY) == 1;
    const char *reason = is_good ? "" : why_not();
    openssl_forget_errors();
    TRY(region.error);
    ENSURE(is_good, ERR_UNPROCESSABLE, "%s", reason);
    return OK;
}

err_t boot_cms_verify(const struct boot_cms *order, struct bytes certificate)
{
    AUTO(CMS_ContentInfo) *cms = NULL;
    AUTO(X509) *trusted = NULL;
    ENSURE(order->region.bytes == NULL ||
               byte_source_has(order->region.bytes, order->region.from, order->region.size),
           ERR_UNPROCESSABLE, "what is signed reaches behind the end");
    TRY(parse(order->cms, &cms));
    TRY(certificate_decode(certificate, &trusted));
    TRY(check_content(order, cms));
    TRY(check_signer(cms, trusted, order->now_ms));
    return verify(order, cms);
}
