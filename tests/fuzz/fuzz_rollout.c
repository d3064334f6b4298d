/* The JSON of a rollout. What was accepted once is stored in a form that is accepted again, and means the
 * same; a window that is open is open now, and one that is not opens later. */
#include <stdlib.h>
#include <string.h>

#include "fleet/rollout_spec.h"
#include "tests/fuzz/fuzz.h"

enum { LIMIT = 1 << 16 };
static const int64_t AT_MS = 1780272000000, WEEK_MS = 7 * INT64_C(86400000);

static void check_window(const struct rollout_spec *spec)
{
    int64_t next = 0, then = 0;
    bool is_open = rollout_window_is_open(spec, AT_MS, &next);
    bool is_later = next > AT_MS && next <= AT_MS + WEEK_MS && rollout_window_is_open(spec, next, &then);
    if (is_open ? next != AT_MS : !is_later) {
        abort();
    }
}

static void check(const json_t *document)
{
    struct faults faults = {.count = 0};
    struct rollout_spec spec, again;
    struct rollout_names names;
    char first[ROLLOUT_SPEC_SIZE], second[ROLLOUT_SPEC_SIZE];
    rollout_spec_init(&spec);
    if (rollout_spec_read(document, &faults, &names, &spec).code != ERR_OK || faults.count > 0) {
        return;
    }
    check_window(&spec);
    /* a batch's name is looked up before a rollout is stored */
    spec.filter.batch_name[0] = '\0';
    spec.filter.has_batch = true;
    spec.filter.is_all = false;
    if (rollout_spec_format(&spec, first).code != ERR_OK) {
        return; /* too long for a row */
    }
    if (rollout_spec_parse(first, &again).code != ERR_OK ||
        rollout_spec_format(&again, second).code != ERR_OK || strcmp(first, second) != 0) {
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
