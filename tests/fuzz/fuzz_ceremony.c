/* The file that travels to an offline root: whatever is read is described, checked and written the same way
 * again. */
#include <stdlib.h>

#include "base/utf8.h"
#include "pki/ceremony.h"
#include "tests/fuzz/fuzz.h"

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static bool is_good(err_t error)
{
    must(error.code == ERR_OK || error.code == ERR_UNPROCESSABLE || error.code == ERR_TOO_LARGE);
    must(error.code == ERR_OK || (error.detail[0] != '\0' && utf8_is_valid(bytes_str(error.detail))));
    return error.code == ERR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_PTR(ceremony) *ceremony = NULL;
    AUTO_PTR(ceremony) *again = NULL;
    AUTO_PTR(authority) *authority = NULL;
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) words = {0};
    if (!is_good(ceremony_read((struct bytes){data, size}, &ceremony))) {
        return 0;
    }
    must(ceremony_write(ceremony, &text).code == ERR_OK);
    must(ceremony_read(buf_view(&text), &again).code == ERR_OK);
    must(again->certificate_count == ceremony->certificate_count &&
         again->entry_count == ceremony->entry_count);
    if (authority_load(ceremony->issuer, AUTHORITY_ROOT, buf_view(&ceremony->issuer_der), NULL, &authority)
            .code == ERR_OK) {
        const struct ceremony_signer signer = {
            .authority = authority, .random = random_system(), .now_ms = 1780272000000};
        must(ceremony_check(ceremony, &signer).code != ERR_OK); /* its key is not here */
        (void)is_good(ceremony_describe(ceremony, &signer, &words));
    }
    return 0;
}
