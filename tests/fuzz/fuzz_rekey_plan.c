/* The JSON of a rekey campaign. What was accepted once is stored in a form that is accepted again, and means
 * the same. */
#include <stdlib.h>
#include <string.h>

#include "fleet/rekey_spec.h"
#include "tests/fuzz/fuzz.h"

enum { LIMIT = 1 << 16 };

static void check(const json_t *document)
{
    struct faults faults = {.count = 0};
    struct rekey_spec spec, again;
    const char *name = NULL;
    char first[REKEY_SPEC_SIZE], second[REKEY_SPEC_SIZE];
    rekey_spec_init(&spec);
    if (rekey_spec_read(document, &faults, &name, &spec).code != ERR_OK || faults.count > 0) {
        return;
    }
    /* names are looked up before a plan is stored */
    spec.filter.product_name[0] = spec.filter.batch_name[0] = '\0';
    spec.filter.has_product = true;
    spec.filter.is_all = false;
    if (rekey_spec_format(&spec, first).code != ERR_OK) {
        return; /* too long for a row */
    }
    if (rekey_spec_parse(first, &again).code != ERR_OK || rekey_spec_format(&again, second).code != ERR_OK ||
        strcmp(first, second) != 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(json_t) *document = NULL;
    if (json_parse((struct bytes){data, size}, LIMIT, &document).code == ERR_OK) {
        check(document);
    }
    return 0;
}
