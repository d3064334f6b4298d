/* Lists of chips, every format (the first byte chooses): the cut of the body must not matter, and what is
 * given out must be whole: a good item has an id or a key, a refused one a reason. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "fleet/handover.h"
#include "fleet/manifest_signers.h"
#include "tests/fuzz/fuzz.h"

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* A running hash over all that was given out. */
struct seen {
    struct sha256 hash;
    uint64_t line;
};

static void mix(struct seen *seen, struct bytes part)
{
    const struct bytes parts[] = {BYTES_OF(seen->hash.b), part};
    struct sha256 next;
    must(sha256_of_parts(parts, 2, &next).code == ERR_OK);
    seen->hash = next;
}

static err_t on_item(const struct handover_item *item, void *arg)
{
    struct seen *seen = arg;
    const struct device_entry *device = &item->device;
    must(item->line > seen->line && err_status(item->refusal.code) < 500);
    seen->line = item->line;
    if (item->refusal.code == ERR_OK) {
        must(device->has_id != (device->spki.n > 0) && !item->is_fatal);
        must(device->attributes.n == 0 || utf8_is_valid(device->attributes));
    } else {
        must(item->refusal.detail[0] != '\0');
    }
    mix(seen, BYTES_OF(item->refusal.detail));
    mix(seen, device->spki);
    mix(seen, device->serial);
    mix(seen, device->model);
    mix(seen, device->attributes);
    mix(seen, device->has_id ? BYTES_OF(device->id.b) : BYTES_NONE);
    return OK;
}

static err_t parse(enum handover_format format, struct bytes body, size_t piece, struct seen *seen)
{
    AUTO_PTR(manifest_signers) *signers = NULL;
    AUTO_PTR(handover) *handover = NULL;
    must(format != HANDOVER_MICROCHIP || manifest_signers_load(NULL, &signers).code == ERR_OK);
    const struct handover_options options = {.signers = signers, .fn = on_item, .arg = seen};
    must(handover_new(format, &options, &handover).code == ERR_OK);
    for (size_t at = 0; at < body.n; at += piece) {
        size_t n = body.n - at < piece ? body.n - at : piece;
        TRY(handover_write(handover, (struct bytes){body.p + at, n}));
    }
    return handover_finish(handover);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    enum handover_format format = (enum handover_format)(data[0] % (HANDOVER_INFINEON + 1));
    struct bytes body = {data + 1, size - 1};
    struct seen whole = {.line = 0};
    struct seen cut = {.line = 0};
    err_t first = parse(format, body, size, &whole);
    err_t second = parse(format, body, 7, &cut);
    if (memmem(body.p, body.n, "PRIVATE KEY", 11) ==
        NULL) { /* the guard looks at a chunk before the parser does */
        must(first.code == second.code && err_status(first.code) < 500);
        must(first.code != ERR_OK || memcmp(&whole, &cut, sizeof whole) == 0);
    }
    return 0;
}
