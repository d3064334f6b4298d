/* PKCS#10 requests: what is accepted must be a request for OpenSSL too, byte for byte, with a signature that
 * it verifies; the slices that callers get must lie inside it. */
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

static void check_against_openssl(struct bytes der)
{
    const unsigned char *p = der.p;
    AUTO(X509_REQ) *request = d2i_X509_REQ(NULL, &p, (long)der.n);
    must(request != NULL && p == der.p + der.n);
    must(X509_REQ_verify(request, X509_REQ_get0_pubkey(request)) == 1);
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
    check_against_openssl(der);
    must(csr_borrow_subject(csr).n >= 2 && csr_borrow_challenge(csr).n <= 255);
    must(csr_borrow_san(csr).n < size);
    must(key_check_spki(csr_borrow_spki(csr), &policy, &key).code == ERR_OK);
    must(key.alg == csr_borrow_key(csr)->alg && key.bits == csr_borrow_key(csr)->bits);
    return 0;
}
