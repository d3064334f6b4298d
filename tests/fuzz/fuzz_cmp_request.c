/* What ir, cr, kur and p10cr ask (the first byte says which): whatever the reader takes lies inside the
 * message, OpenSSL finds the same old certificate in it, and a request that enrolment gets from it is a whole
 * one. */
#include <stdlib.h>

#include <openssl/crmf.h>

#include "base/utf8.h"
#include "pki/cmp_request.h"
#include "pki/der.h"
#include "pki/openssl.h"
#include "tests/fuzz/fuzz.h"

DEFINE_AUTO(OSSL_CRMF_MSGS, OSSL_CRMF_MSGS_free);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void is_inside(struct bytes whole, struct bytes part)
{
    must(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static void check_error(err_t error, enum cmp_failure failure)
{
    must(utf8_is_valid(bytes_str(error.detail)) && (int)failure >= 0 && (int)failure <= 26);
}

static void check_slices(struct bytes body, const struct cmp_request *request)
{
    const struct bytes slices[] = {request->pkcs10,    request->subject,       request->public_key,
                                   request->san,       request->pop_algorithm, request->old_issuer,
                                   request->old_serial};
    for (size_t i = 0; i < sizeof slices / sizeof slices[0]; i++) {
        is_inside(body, slices[i]);
    }
    must(request->is_pkcs10 || (request->public_key.n > 0 && request->pop_algorithm.n > 0));
    must(!request->has_old || (request->old_issuer.n > 0 && request->old_serial.n > 0));
}

static struct bytes content_of(const ASN1_INTEGER *number, struct buf *der)
{
    struct der_item item;
    unsigned char *p = NULL;
    int size = i2d_ASN1_INTEGER(number, &p);
    must(size > 0 && buf_append(der, p, (size_t)size).code == ERR_OK);
    OPENSSL_free(p);
    struct bytes in = buf_view(der);
    must(der_take(&in, DER_INTEGER, &item));
    return item.value;
}

/* It also checks what we pass over, so it need not take what we take. */
static void compare(struct bytes body, const struct cmp_request *request)
{
    const unsigned char *p = body.p;
    AUTO(OSSL_CRMF_MSGS) *theirs = d2i_OSSL_CRMF_MSGS(NULL, &p, (long)body.n);
    if (theirs == NULL) {
        openssl_forget_errors();
        return;
    }
    AUTO_VAL(buf) serial = {0};
    const OSSL_CRMF_MSG *one = sk_OSSL_CRMF_MSG_value(theirs, 0);
    must(sk_OSSL_CRMF_MSG_num(theirs) == 1 && OSSL_CRMF_MSG_get_certReqId(one) == 0);
    const OSSL_CRMF_CERTID *old = OSSL_CRMF_MSG_get0_regCtrl_oldCertID(one);
    must((old != NULL) == request->has_old);
    must(old == NULL ||
         bytes_equal(content_of(OSSL_CRMF_CERTID_get0_serialNumber(old), &serial), request->old_serial));
    openssl_forget_errors();
}

static void make_csr(const struct cmp_request *request)
{
    static const struct key_policy policy = {.allow_rsa = true};
    static const uint8_t nobody[] = {DER_SEQUENCE, 0};
    enum cmp_failure failure = CMP_FAILURE_BAD_REQUEST;
    AUTO_PTR(csr) *csr = NULL;
    err_t error = cmp_request_csr(request, &policy, BYTES_OF(nobody), &csr, &failure);
    must((error.code == ERR_OK) == (csr != NULL));
    if (error.code != ERR_OK) {
        check_error(error, failure);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum cmp_body bodies[] = {CMP_BODY_IR, CMP_BODY_CR, CMP_BODY_KUR, CMP_BODY_P10CR};
    struct cmp_request request;
    enum cmp_failure failure;
    if (size == 0) {
        return 0;
    }
    struct cmp_header header = {.body = bodies[data[0] % 4], .body_content = {data + 1, size - 1}};
    if (der_check(header.body_content).code != ERR_OK) {
        return 0; /* the header's reader lets nothing else through */
    }
    err_t error = cmp_request_read(&header, &request, &failure);
    if (error.code != ERR_OK) {
        check_error(error, failure);
        return 0;
    }
    check_slices(header.body_content, &request);
    if (!request.is_pkcs10) {
        compare(header.body_content, &request);
    }
    make_csr(&request);
    return 0;
}
