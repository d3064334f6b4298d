/* CMS signatures under one trusted certificate: what holds, and everything that is not quite it. */
#include "tests/unit/pki/pki_fixture.h"

#include "pki/boot_cms.h"

#include <openssl/cms.h>
#include <openssl/x509v3.h>

DEFINE_AUTO(CMS_ContentInfo, CMS_ContentInfo_free);

static const int64_t now_ms = 1800000000000;
static const int64_t day_ms = 24LL * 3600 * 1000;

struct signer {
    EVP_PKEY *key;
    X509 *certificate;
};
static void signer_clear(struct signer *signer)
{
    EVP_PKEY_free(signer->key);
    X509_free(signer->certificate);
}
DEFINE_AUTO_VAL(signer, signer_clear);

static void extend(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* @param usage of the extended key usage, or NULL @param issuer NULL: self-signed, an authority */
static void make_signer(struct signer *out, const char *name, const char *usage, const struct signer *issuer)
{
    out->key = ec_key("P-256");
    out->certificate = X509_new();
    X509 *c = out->certificate;
    X509_NAME *subject = X509_get_subject_name(c);
    assert_int_equal(
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0), 1);
    assert_int_equal(X509_set_version(c, 2), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(c), issuer == NULL ? 1 : 2), 1);
    assert_int_equal(
        X509_set_issuer_name(c, issuer == NULL ? subject : X509_get_subject_name(issuer->certificate)), 1);
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(c), (time_t)((now_ms - 10 * day_ms) / 1000)));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(c), (time_t)((now_ms + 10 * day_ms) / 1000)));
    assert_int_equal(X509_set_pubkey(c, out->key), 1);
    extend(c, NID_basic_constraints, issuer == NULL ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (usage != NULL) {
        extend(c, NID_ext_key_usage, usage);
    }
    assert_true(X509_sign(c, issuer == NULL ? out->key : issuer->key, EVP_sha256()) > 0);
}

static struct bytes content(void)
{
    return bytes_str("what the device installs");
}

static void say_time(CMS_SignerInfo *info, int64_t at_ms)
{
    AUTO(ASN1_TIME) *time = ASN1_TIME_set(NULL, (time_t)(at_ms / 1000));
    assert_int_equal(CMS_signed_add1_attr_by_NID(info, NID_pkcs9_signingTime, time->type, time, -1), 1);
}

/* Half made: more may be added before it is finished. */
static CMS_ContentInfo *begin(const struct signer *signer, unsigned flags, const EVP_MD *digest)
{
    CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, flags | CMS_PARTIAL | CMS_BINARY);
    assert_non_null(cms);
    CMS_SignerInfo *info = CMS_add1_signer(cms, signer->certificate, signer->key, digest, flags | CMS_BINARY);
    assert_non_null(info);
    if ((flags & CMS_NOATTR) == 0) {
        say_time(info, now_ms);
    }
    return cms;
}

static void finish(CMS_ContentInfo *cms, unsigned flags)
{
    AUTO(BIO) *bio = BIO_new_mem_buf(content().p, (int)content().n);
    assert_int_equal(CMS_final(cms, bio, NULL, flags | CMS_BINARY), 1);
}

static void encode(CMS_ContentInfo *cms, struct buf *out)
{
    unsigned char *der = NULL;
    out->n = 0;
    int size = i2d_CMS_ContentInfo(cms, &der);
    bytes_of_i2d(size, der, out);
}

static void sign(const struct signer *signer, unsigned flags, struct buf *out)
{
    AUTO(CMS_ContentInfo) *cms = begin(signer, flags, EVP_sha256());
    finish(cms, flags);
    encode(cms, out);
}

static err_t judge(const struct buf *cms, struct bytes text, const struct signer *trusted, int64_t at_ms)
{
    AUTO_VAL(buf) der = {0};
    const struct byte_source source = byte_source_of(&text);
    const struct boot_cms order = {
        .cms = buf_view(cms), .region = {&source, 0, (int64_t)text.n}, .now_ms = at_ms};
    assert_ok(certificate_encode(trusted->certificate, &der));
    return boot_cms_verify(&order, buf_view(&der));
}

static void what_holds(void **state)
{
    (void)state;
    static const char *const usages[] = {"codeSigning", "emailProtection", NULL, "codeSigning,serverAuth"};
    AUTO_VAL(signer) authority = {.key = NULL};
    make_signer(&authority, "authority", NULL, NULL);
    for (size_t i = 0; i < sizeof usages / sizeof usages[0]; i++) {
        AUTO_VAL(signer) leaf = {.key = NULL};
        AUTO_VAL(buf) cms = {0};
        make_signer(&leaf, "leaf", usages[i], &authority);
        sign(&leaf, CMS_DETACHED, &cms);
        assert_ok(judge(&cms, content(), &authority, now_ms));
        assert_ok(judge(&cms, content(), &leaf, now_ms));
        sign(&leaf, CMS_DETACHED | CMS_NOATTR, &cms);
        assert_ok(judge(&cms, content(), &authority, now_ms));
        sign(&leaf, CMS_DETACHED | CMS_NOCERTS, &cms); /* it need not be inside when it is the trusted one */
        assert_ok(judge(&cms, content(), &leaf, now_ms));
        assert_error(judge(&cms, content(), &authority, now_ms), ERR_UNPROCESSABLE, "neither the registered");
    }
}

static void another_content_or_signer_does_not(void **state)
{
    (void)state;
    AUTO_VAL(signer) authority = {.key = NULL};
    AUTO_VAL(signer) stranger = {.key = NULL};
    AUTO_VAL(signer) web = {.key = NULL};
    AUTO_VAL(signer) below = {.key = NULL};
    AUTO_VAL(buf) cms = {0};
    make_signer(&authority, "authority", NULL, NULL);
    make_signer(&stranger, "authority", NULL, NULL); /* of the same name */
    make_signer(&web, "web", "serverAuth", &authority);
    make_signer(&below, "below", "codeSigning", &web); /* whose issuer is no authority */
    sign(&authority, CMS_DETACHED, &cms);
    assert_ok(judge(&cms, content(), &authority, now_ms));
    assert_error(judge(&cms, bytes_str("what the device instals"), &authority, now_ms), ERR_UNPROCESSABLE,
                 "has been changed");
    assert_error(judge(&cms, BYTES_NONE, &authority, now_ms), ERR_UNPROCESSABLE, "has been changed");
    assert_error(judge(&cms, content(), &stranger, now_ms), ERR_UNPROCESSABLE, "does not hold");
    assert_error(judge(&cms, content(), &authority, now_ms + 11 * day_ms), ERR_UNPROCESSABLE, "expired");
    assert_error(judge(&cms, content(), &authority, now_ms - 11 * day_ms), ERR_UNPROCESSABLE,
                 "not yet valid");
    sign(&web, CMS_DETACHED, &cms);
    assert_error(judge(&cms, content(), &authority, now_ms), ERR_UNPROCESSABLE, "neither for codeSigning");
    sign(&below, CMS_DETACHED, &cms);
    assert_error(judge(&cms, content(), &authority, now_ms), ERR_UNPROCESSABLE, "does not lead to");
}

static void forms_that_do_not(void **state)
{
    (void)state;
    AUTO_VAL(signer) one = {.key = NULL};
    AUTO_VAL(buf) cms = {0};
    make_signer(&one, "one", NULL, NULL);
    sign(&one, 0, &cms);
    assert_error(judge(&cms, content(), &one, now_ms), ERR_UNPROCESSABLE, "must be detached");
    sign(&one, CMS_DETACHED, &cms);
    for (size_t n = 0; n < cms.n; n += 3) {
        const struct buf cut = {.p = cms.p, .n = n};
        assert_int_equal(judge(&cut, content(), &one, now_ms).code, ERR_UNPROCESSABLE);
    }
    assert_ok(buf_append(&cms, "\0", 1));
    assert_error(judge(&cms, content(), &one, now_ms), ERR_UNPROCESSABLE, "behind the CMS");
    AUTO(BIO) *text = BIO_new_mem_buf(content().p, (int)content().n);
    AUTO(CMS_ContentInfo) *data = CMS_data_create(text, CMS_BINARY);
    encode(data, &cms);
    assert_error(judge(&cms, content(), &one, now_ms), ERR_UNPROCESSABLE, "no SignedData");
    AUTO_VAL(buf) der = {0};
    assert_ok(certificate_encode(one.certificate, &der));
    const struct bytes ders[] = {buf_view(&der)};
    cms.n = 0;
    assert_ok(certificates_to_pkcs7(ders, 1, &cms));
    assert_error(judge(&cms, content(), &one, now_ms), ERR_UNPROCESSABLE, "0 signers");
    AUTO(CMS_ContentInfo) *two = begin(&one, CMS_DETACHED, EVP_sha256());
    assert_non_null(CMS_add1_signer(two, one.certificate, one.key, EVP_sha256(), CMS_BINARY | CMS_NOCERTS));
    finish(two, CMS_DETACHED);
    encode(two, &cms);
    assert_error(judge(&cms, content(), &one, now_ms), ERR_UNPROCESSABLE, "2 signers");
    AUTO(CMS_ContentInfo) *weak = begin(&one, CMS_DETACHED, EVP_sha1());
    finish(weak, CMS_DETACHED);
    encode(weak, &cms);
    assert_error(judge(&cms, content(), &one, now_ms), ERR_UNPROCESSABLE, "SHA1");
}

/* The attributes are looked at before the signature over them. */
static void sign_lie(const struct signer *signer, void (*lie)(CMS_SignerInfo *), struct buf *out)
{
    AUTO(CMS_ContentInfo) *cms = begin(signer, CMS_DETACHED, EVP_sha256());
    finish(cms, CMS_DETACHED);
    CMS_SignerInfo *info = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), 0);
    lie(info);
    encode(cms, out);
}

static void drop(CMS_SignerInfo *info, int nid)
{
    int at = CMS_signed_get_attr_by_NID(info, nid, -1);
    assert_true(at >= 0);
    X509_ATTRIBUTE_free(CMS_signed_delete_attr(info, at));
}

static void lie_type(CMS_SignerInfo *info)
{
    drop(info, NID_pkcs9_contentType);
    assert_int_equal(CMS_signed_add1_attr_by_NID(info, NID_pkcs9_contentType, V_ASN1_OBJECT,
                                                 OBJ_nid2obj(NID_pkcs7_encrypted), -1),
                     1);
}

static void lie_digest(CMS_SignerInfo *info)
{
    static const uint8_t zeros[32] = {0};
    drop(info, NID_pkcs9_messageDigest);
    assert_int_equal(
        CMS_signed_add1_attr_by_NID(info, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING, zeros, 32), 1);
}

static void lie_time(CMS_SignerInfo *info)
{
    drop(info, NID_pkcs9_signingTime);
    say_time(info, now_ms + 100 * day_ms);
}

static void attributes_that_lie_do_not(void **state)
{
    (void)state;
    AUTO_VAL(signer) one = {.key = NULL};
    AUTO_VAL(buf) cms = {0};
    make_signer(&one, "one", NULL, NULL);
    sign_lie(&one, lie_time, &cms);
    assert_error(judge(&cms, content(), &one, now_ms), ERR_UNPROCESSABLE, "signing time");
    sign_lie(&one, lie_type, &cms);
    assert_error(judge(&cms, content(), &one, now_ms), ERR_UNPROCESSABLE, "contentType");
    sign_lie(&one, lie_digest, &cms);
    assert_error(judge(&cms, content(), &one, now_ms), ERR_UNPROCESSABLE, "does not hold");
}

static void content_inside_is_the_one_that_was_read(void **state)
{
    (void)state;
    AUTO_VAL(signer) one = {.key = NULL};
    AUTO_VAL(buf) cms = {0};
    AUTO_VAL(buf) der = {0};
    struct sha256 digest;
    make_signer(&one, "one", "codeSigning", NULL);
    sign(&one, 0, &cms);
    assert_ok(certificate_encode(one.certificate, &der));
    assert_ok(sha256_of(content(), &digest));
    const struct boot_cms order = {
        .cms = buf_view(&cms), .content_digest = BYTES_OF(digest.b), .now_ms = now_ms};
    assert_ok(boot_cms_verify(&order, buf_view(&der)));
    digest.b[0] ^= 1;
    assert_error(boot_cms_verify(&order, buf_view(&der)), ERR_UNPROCESSABLE, "is not what was read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_holds),
        cmocka_unit_test(another_content_or_signer_does_not),
        cmocka_unit_test(forms_that_do_not),
        cmocka_unit_test(attributes_that_lie_do_not),
        cmocka_unit_test(content_inside_is_the_one_that_was_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
