/* Encoding and decoding of the records of firmware. Decides nothing about their order: update.c does. */
#include "device/core/firmware_records.h"

#include "device/core/text.h"

enum { RECORD_VERSION = 1 };

static void put_u8(struct whorl_text *out, size_t value)
{
    uint8_t byte = (uint8_t)value;
    struct whorl_bytes view = {&byte, 1};
    whorl_text_bytes(out, view);
}

static void put_u64(struct whorl_text *out, uint64_t value)
{
    uint8_t bytes[8];
    struct whorl_bytes view = {bytes, sizeof bytes};
    whorl_put_u64(bytes, value);
    whorl_text_bytes(out, view);
}

static void put_short(struct whorl_text *out, const uint8_t *data, size_t size)
{
    struct whorl_bytes view = {data, size};
    put_u8(out, size);
    whorl_text_bytes(out, view);
}

static void put_installed(struct whorl_text *out, const struct whorl_installed *installed)
{
    put_u64(out, installed->sequence);
    put_short(out, installed->version, installed->version_size);
    put_u8(out, installed->count);
    for (size_t i = 0; i < installed->count; i++) {
        const struct whorl_installed_part *part = &installed->part[i];
        struct whorl_bytes digest = {part->digest, sizeof part->digest};
        put_short(out, part->name, part->name_size);
        put_u64(out, part->counter);
        put_u64(out, part->size);
        whorl_text_bytes(out, digest);
    }
}

/* The next `size` bytes of a record. */
static bool take(struct whorl_bytes *in, size_t size, const uint8_t **out)
{
    if (in->size < size) {
        return false;
    }
    *out = in->data;
    in->data += size;
    in->size -= size;
    return true;
}

static bool take_u8(struct whorl_bytes *in, size_t most, size_t *out)
{
    const uint8_t *at = NULL;
    if (!take(in, 1, &at) || *at > most) {
        return false;
    }
    *out = *at;
    return true;
}

static bool take_u64(struct whorl_bytes *in, uint64_t *out)
{
    const uint8_t *at = NULL;
    if (!take(in, 8, &at)) {
        return false;
    }
    *out = whorl_get_u64(at);
    return true;
}

/* Bytes behind their length, into room for them. */
static bool take_short(struct whorl_bytes *in, struct whorl_space room, size_t *size)
{
    const uint8_t *at = NULL;
    if (!take_u8(in, room.size, size) || !take(in, *size, &at)) {
        return false;
    }
    whorl_copy(room.data, at, *size);
    return true;
}

static bool take_part(struct whorl_bytes *in, struct whorl_installed_part *out)
{
    struct whorl_space name = {out->name, sizeof out->name};
    const uint8_t *digest = NULL;
    if (!take_short(in, name, &out->name_size) || !take_u64(in, &out->counter) || !take_u64(in, &out->size) ||
        !take(in, sizeof out->digest, &digest)) {
        return false;
    }
    whorl_copy(out->digest, digest, sizeof out->digest);
    return true;
}

static bool take_installed(struct whorl_bytes *in, struct whorl_installed *out)
{
    struct whorl_space version = {out->version, sizeof out->version};
    if (!take_u64(in, &out->sequence) || !take_short(in, version, &out->version_size) ||
        !take_u8(in, WHORL_COMPONENTS_MAX, &out->count)) {
        return false;
    }
    for (size_t i = 0; i < out->count; i++) {
        if (!take_part(in, &out->part[i])) {
            return false;
        }
    }
    return in->size == 0;
}

enum whorl_result whorl_installed_load(const struct whorl_storage *storage, struct whorl_installed *out)
{
    uint8_t record[1 + WHORL_INSTALLED_MAX];
    struct whorl_space room = {record, sizeof record};
    size_t size = 0;
    size_t version = 0;
    whorl_zero(out, sizeof *out);
    enum whorl_result result = storage->read(storage->context, WHORL_RECORD_INSTALLED, room, &size);
    if (result == WHORL_ERROR_NOT_AVAILABLE) {
        return WHORL_OK;
    }
    WHORL_TRY(result);
    struct whorl_bytes in = {record, size};
    bool is_sound =
        take_u8(&in, RECORD_VERSION, &version) && version == RECORD_VERSION && take_installed(&in, out);
    return is_sound ? WHORL_OK : WHORL_ERROR_STORAGE;
}

enum whorl_result whorl_installed_save(const struct whorl_storage *storage,
                                       const struct whorl_installed *installed)
{
    uint8_t record[1 + WHORL_INSTALLED_MAX];
    struct whorl_space room = {record, sizeof record};
    struct whorl_text out;
    whorl_text_begin(&out, room);
    put_u8(&out, RECORD_VERSION);
    put_installed(&out, installed);
    return out.is_full ? WHORL_ERROR_PARAMETER
                       : storage->write(storage->context, WHORL_RECORD_INSTALLED, whorl_text_view(&out));
}

static bool take_update(struct whorl_bytes *in, struct whorl_update *out)
{
    const uint8_t *at = NULL;
    size_t version = 0;
    size_t step = 0;
    size_t fault = 0;
    if (!take_u8(in, RECORD_VERSION, &version) || version != RECORD_VERSION ||
        !take_u8(in, WHORL_UPDATE_FAILED, &step) || !take(in, 4, &at)) {
        return false;
    }
    out->step = (enum whorl_update_step)step;
    out->action = whorl_get_u32(at);
    if (!take(in, WHORL_HASH_BYTES, &at) || !take_u8(in, WHORL_FAULT_BOOT, &fault)) {
        return false;
    }
    whorl_copy(out->manifest, at, WHORL_HASH_BYTES);
    out->fault = (enum whorl_update_fault)fault;
    if (!take_u8(in, UINT8_MAX, &out->tries) || !take_u8(in, WHORL_COMPONENTS_MAX, &out->component) ||
        !take_u64(in, &out->offset) || !take_u8(in, WHORL_COMPONENTS_MAX, &out->load_count) ||
        !take(in, WHORL_COMPONENTS_MAX, &at)) {
        return false;
    }
    whorl_copy(out->load, at, WHORL_COMPONENTS_MAX);
    bool is_sound = take_installed(in, &out->target) && out->component <= out->load_count &&
                    out->load_count != 0 && out->step != WHORL_UPDATE_NONE;
    for (size_t i = 0; is_sound && i < out->load_count; i++) {
        is_sound = out->load[i] < out->target.count;
    }
    return is_sound && (out->component == out->load_count ||
                        out->offset <= out->target.part[out->load[out->component]].size);
}

enum whorl_result whorl_update_load(const struct whorl_storage *storage, struct whorl_update *out)
{
    uint8_t record[WHORL_UPDATE_MAX];
    struct whorl_space room = {record, sizeof record};
    size_t size = 0;
    whorl_zero(out, sizeof *out);
    enum whorl_result result = storage->read(storage->context, WHORL_RECORD_UPDATE, room, &size);
    if (result == WHORL_ERROR_NOT_AVAILABLE) {
        return WHORL_OK;
    }
    struct whorl_bytes in = {record, size};
    if (result == WHORL_ERROR_SPACE || (result == WHORL_OK && !take_update(&in, out))) {
        whorl_zero(out, sizeof *out);
        return WHORL_OK;
    }
    return result;
}

enum whorl_result whorl_update_save(const struct whorl_storage *storage, const struct whorl_update *update)
{
    uint8_t record[WHORL_UPDATE_MAX];
    uint8_t action[4];
    struct whorl_space room = {record, sizeof record};
    struct whorl_bytes action_view = {action, sizeof action};
    struct whorl_bytes manifest = {update->manifest, sizeof update->manifest};
    struct whorl_bytes load = {update->load, sizeof update->load};
    struct whorl_text out;
    whorl_put_u32(action, update->action);
    whorl_text_begin(&out, room);
    put_u8(&out, RECORD_VERSION);
    put_u8(&out, (size_t)update->step);
    whorl_text_bytes(&out, action_view);
    whorl_text_bytes(&out, manifest);
    put_u8(&out, (size_t)update->fault);
    put_u8(&out, update->tries);
    put_u8(&out, update->component);
    put_u64(&out, update->offset);
    put_u8(&out, update->load_count);
    whorl_text_bytes(&out, load);
    put_installed(&out, &update->target);
    return out.is_full ? WHORL_ERROR_PARAMETER
                       : storage->write(storage->context, WHORL_RECORD_UPDATE, whorl_text_view(&out));
}
