/* What an EST client posts: the body's base64 or DER, then the request in it. */
#include <stdlib.h>

#include "api/est.h"
#include "pki/csr.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct key_policy policy = {.allow_rsa = true, .allow_rsa_2048 = true};
    AUTO_VAL(buf) der = {0};
    AUTO_PTR(csr) *csr = NULL;
    if (est_decode((struct bytes){data, size}, &der).code != ERR_OK) {
        return 0;
    }
    if (csr_parse(buf_view(&der), &policy, &csr).code == ERR_OK && csr_borrow_spki(csr).n == 0) {
        abort();
    }
    return 0;
}
