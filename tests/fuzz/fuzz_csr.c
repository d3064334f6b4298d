/* PKCS#10 requests: what is accepted must be a request for OpenSSL too, byte for byte, with a signature that
 * it verifies, and every slice that callers get must be what OpenSSL finds in its place. */
#include <stdlib.h>

#include "base/utf8.h"
#include "pki/csr.h"
#include "pki/openssl.h"
#include "tests/fuzz/fuzz.h"

DEFINE_AUTO(X509_REQ, X509_REQ_free);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static bool is_string(struct bytes slice, const ASN1_STRING *string)
{
    return bytes_equal(slice,
                       (struct bytes){ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string)});
}

static void check_key(const struct csr *csr, X509_REQ *request)
{
    unsigned char *spki = NULL;
    int size = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(request), &spki);
    must(size > 0 && bytes_equal(csr_borrow_spki(csr), (struct bytes){spki, (size_t)size}));
    OPENSSL_free(spki);
}

static void check_challenge(const struct csr *csr, const X509_REQ *request)
{
    int at = X509_REQ_get_attr_by_NID(request, NID_pkcs9_challengePassword, -1);
    must((at >= 0) == (csr_borrow_challenge(csr).n > 0));
    if (at >= 0) {
        const ASN1_TYPE *value = X509_ATTRIBUTE_get0_type(X509_REQ_get_attr(request, at), 0);
        must(value != NULL && is_string(csr_borrow_challenge(csr), value->value.asn1_string));
    }
}

/* Without our attribute OpenSSL would look for Microsoft's, which we ignore. */
static void check_san(const struct csr *csr, X509_REQ *request)
{
    bool has_list = X509_REQ_get_attr_by_NID(request, NID_ext_req, -1) >= 0;
    STACK_OF(X509_EXTENSION) *list = has_list ? X509_REQ_get_extensions(request) : NULL;
    int at = X509v3_get_ext_by_NID(list, NID_subject_alt_name, -1);
    must((at >= 0) == (csr_borrow_san(csr).n > 0));
    must(at < 0 || is_string(csr_borrow_san(csr), X509_EXTENSION_get_data(X509v3_get_ext(list, at))));
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}

static void check_against_openssl(struct bytes der, const struct csr *csr)
{
    const unsigned char *p = der.p;
    AUTO(X509_REQ) *request = d2i_X509_REQ(NULL, &p, (long)der.n);
    const unsigned char *name = NULL;
    size_t name_size = 0;
    must(request != NULL && p == der.p + der.n);
    must(X509_REQ_verify(request, X509_REQ_get0_pubkey(request)) == 1);
    must(X509_NAME_get0_der(X509_REQ_get_subject_name(request), &name, &name_size) == 1);
    must(bytes_equal(csr_borrow_subject(csr), (struct bytes){name, name_size}));
    check_key(csr, request);
    check_challenge(csr, request);
    check_san(csr, request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct key_policy policy = {.allow_rsa = true, .allow_rsa_2048 = true};
    AUTO_PTR(csr) *csr = NULL;
    struct key_info key;
    struct bytes der = {data, size};
    err_t error = csr_parse(der, &policy, &csr);
    if (error.code != ERR_OK) {
        must(error.code == ERR_BAD_CSR || error.code == ERR_UNPROCESSABLE);
        must(csr == NULL && error.detail[0] != '\0' && utf8_is_valid(bytes_str(error.detail)));
        return 0;
    }
    check_against_openssl(der, csr);
    must(csr_borrow_challenge(csr).n <= 255);
    must(key_check_spki(csr_borrow_spki(csr), &policy, &key).code == ERR_OK);
    must(key.alg == csr_borrow_key(csr)->alg && key.bits == csr_borrow_key(csr)->bits);
    return 0;
}
