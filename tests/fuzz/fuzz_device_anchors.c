/* A statement of manifest keys as a device reads it, and the record that it becomes. */
#include <stdlib.h>

#include "device/core/firmware_anchors.h"
#include "device/sim/memory_storage.h"
#include "tests/fuzz/firmware_crypto.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t product[WHORL_UUID_BYTES];
    static const struct whorl_firmware_keys built_in = {.sequence = 0};
    static const struct whorl_firmware_class own = {.count = 1};
    static struct sim_storage storage;
    struct whorl_bytes input = {data, size};
    struct whorl_firmware_keys next, loaded;
    sim_storage_init(&storage);
    (void)storage.port.write(&storage, WHORL_RECORD_MANIFEST_KEYS, input); /* somebody's bytes */
    (void)whorl_manifest_keys_load(&storage.port, &own, &built_in, &loaded);
    if (whorl_statement_read(&passing_crypto, &built_in, product, input, &next) != WHORL_VERDICT_GOOD) {
        return 0;
    }
    if (next.sequence == 0 || whorl_manifest_keys_save(&storage.port, &own, &next) != WHORL_OK ||
        whorl_manifest_keys_load(&storage.port, &own, &built_in, &loaded) != WHORL_OK ||
        loaded.sequence != next.sequence || !whorl_equal(loaded.point, next.point, sizeof next.point)) {
        abort();
    }
    return 0;
}
