/* A chip's certificate and what it sends along, as an attacker reaches them: the input is one or more
 * certificates, one behind the other; the first is the chip's, and each of the others is tried as the pinned
 * CA. */
#include <stdlib.h>

#include "base/utf8.h"
#include "pki/der.h"
#include "pki/vendor_ca.h"
#include "tests/fuzz/fuzz.h"

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check(const struct vendor_chain *chain, struct bytes others)
{
    uint32_t hashes[VENDOR_CHAIN_MAX];
    char name[VENDOR_NAME_SIZE];
    struct der_item item;
    must(vendor_chain_issuers(chain, hashes) >= 1);
    vendor_chain_name(chain, name);
    must(utf8_is_valid(bytes_str(name)));
    while (der_take(&others, DER_SEQUENCE, &item)) {
        unsigned depth = 0;
        err_t error = vendor_chain_verify(chain, item.whole, 1780272000000, &depth);
        must(error.code == ERR_OK || error.code == ERR_UNPROCESSABLE);
        must(error.code != ERR_OK || depth < VENDOR_CHAIN_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_PTR(vendor_chain) *chain = NULL;
    AUTO_VAL(vendor_ca) ca = {.name_hash = 0};
    struct bytes input = {data, size};
    struct der_item leaf;
    err_t read = vendor_ca_read(input, &ca);
    must(read.code == ERR_OK || read.code == ERR_UNPROCESSABLE);
    if (!der_take(&input, DER_SEQUENCE, &leaf)) {
        return 0;
    }
    err_t error = vendor_chain_new(leaf.whole, input, &chain);
    must(error.code == ERR_OK || (error.code == ERR_UNPROCESSABLE && utf8_is_valid(bytes_str(error.detail))));
    if (error.code == ERR_OK) {
        check(chain, input);
    }
    return 0;
}
