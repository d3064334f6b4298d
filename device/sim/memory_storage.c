/* Records in arrays. */
#include "device/sim/memory_storage.h"

#include <string.h>

static enum whorl_result memory_read(void *context, enum whorl_record record, struct whorl_space into,
                                     size_t *size)
{
    const struct sim_storage *storage = context;
    *size = storage->size[record];
    if (*size == 0) {
        return WHORL_ERROR_NOT_AVAILABLE;
    }
    if (*size > into.size) {
        return WHORL_ERROR_SPACE;
    }
    memcpy(into.data, storage->record[record], *size);
    return WHORL_OK;
}

static bool has_power(struct sim_storage *storage)
{
    if (storage->changes_left != SIM_NEVER && storage->changes_left > 0) {
        storage->changes_left--;
        return true;
    }
    return storage->changes_left == SIM_NEVER;
}

static enum whorl_result memory_write(void *context, enum whorl_record record, struct whorl_bytes data)
{
    struct sim_storage *storage = context;
    if (data.size == 0 || data.size > SIM_RECORD_BYTES || !has_power(storage)) {
        return WHORL_ERROR_STORAGE;
    }
    memcpy(storage->record[record], data.data, data.size);
    storage->size[record] = data.size;
    return WHORL_OK;
}

static enum whorl_result memory_erase(void *context, enum whorl_record record)
{
    struct sim_storage *storage = context;
    if (!has_power(storage)) {
        return WHORL_ERROR_STORAGE;
    }
    storage->size[record] = 0;
    return WHORL_OK;
}

void sim_storage_init(struct sim_storage *storage)
{
    memset(storage, 0, sizeof *storage);
    storage->changes_left = SIM_NEVER;
    storage->port = (struct whorl_storage){
        .context = storage, .read = memory_read, .write = memory_write, .erase = memory_erase};
}
