/* OCSP requests as anybody sends them: whatever our reader takes, OpenSSL's reads the same from. */
#include <stdlib.h>

#include <openssl/ocsp.h>

#include "base/utf8.h"
#include "pki/ocsp.h"
#include "pki/openssl.h"
#include "tests/fuzz/fuzz.h"

DEFINE_AUTO(OCSP_REQUEST, OCSP_REQUEST_free);

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

/* The CertID as OpenSSL writes it again: a DER value has one form. */
static void compare(OCSP_REQUEST *theirs, int index, const struct ocsp_cert *cert)
{
    unsigned char *encoded = NULL;
    OCSP_CERTID *id = OCSP_onereq_get0_id(OCSP_request_onereq_get0(theirs, index));
    int size = i2d_OCSP_CERTID(id, &encoded);
    must(size > 0 && bytes_equal(cert->id, (struct bytes){encoded, (size_t)size}));
    OPENSSL_free(encoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes der = {data, size};
    struct ocsp_request request;
    err_t error = ocsp_request_read(der, &request);
    if (error.code != ERR_OK) {
        must(error.code == ERR_BAD_ENCODING && utf8_is_valid(bytes_str(error.detail)));
        return 0;
    }
    must(request.count >= 1 && request.count <= OCSP_CERTS_MAX && request.nonce.n <= OCSP_NONCE_MAX);
    is_inside(der, request.nonce);
    const unsigned char *p = data;
    AUTO(OCSP_REQUEST) *theirs = d2i_OCSP_REQUEST(NULL, &p, (long)size);
    for (size_t i = 0; i < request.count; i++) {
        uint8_t serial[SERIAL_SIZE];
        is_inside(der, request.certs[i].id);
        is_inside(request.certs[i].id, request.certs[i].serial);
        must(!ocsp_serial(&request.certs[i], serial) || (serial[0] >= 1 && serial[0] < 0x80));
    }
    /* it also reads names and signatures, which may be nonsense: then it has nothing to compare */
    if (theirs != NULL) {
        must(OCSP_request_onereq_count(theirs) == (int)request.count);
        for (int i = 0; i < (int)request.count; i++) {
            compare(theirs, i, &request.certs[i]);
        }
    }
    openssl_forget_errors();
    return 0;
}
