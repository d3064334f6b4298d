/* The release manifest as a device reads it. What is taken lies in the input, and within the limits. */
#include <stdlib.h>

#include "device/core/suit.h"
#include "tests/fuzz/firmware_crypto.h"
#include "tests/fuzz/fuzz.h"

static void expect_inside(struct whorl_bytes part, struct whorl_bytes whole)
{
    if (part.data < whole.data || part.data + part.size > whole.data + whole.size) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct whorl_firmware_keys keys = {.sequence = 0};
    static const struct whorl_installed nothing = {.sequence = 0};
    static const struct whorl_firmware_class own = {.count = 1};
    struct whorl_bytes input = {data, size};
    struct whorl_manifest manifest;
    struct whorl_installed after;
    if (whorl_suit_read(&passing_crypto, &keys, input, &manifest) != WHORL_VERDICT_GOOD) {
        return 0;
    }
    if (manifest.count == 0 || manifest.count > WHORL_COMPONENTS_MAX || size > WHORL_MANIFEST_MAX) {
        abort();
    }
    for (size_t i = 0; i < manifest.count; i++) {
        const struct whorl_component *c = &manifest.component[i];
        const struct whorl_bytes views[] = {c->vendor,  c->class_id, c->digest, c->uri,
                                            c->version, c->format,   c->part};
        for (size_t k = 0; k < sizeof views / sizeof views[0]; k++) {
            expect_inside(views[k], input);
        }
    }
    (void)whorl_suit_judge(&manifest, &own, &nothing);
    if (!whorl_installed_after(&manifest, &nothing, &after) && manifest.count <= WHORL_COMPONENTS_MAX) {
        abort();
    }
    return 0;
}
