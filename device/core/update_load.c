/* Bytes into the spare slots, and what stands in a slot held against a digest. A download is durable step by
 * step: bytes, then the record that counts them. */
#include "device/core/text.h"
#include "device/core/update_internal.h"

/* One part of an image on its way into its slot. */
struct filling {
    const struct whorl_flash *flash;
    struct whorl_bytes part;
    uint64_t at;
};

static enum whorl_result fill(void *context, struct whorl_bytes piece)
{
    struct filling *filling = (struct filling *)context;
    if (!filling->flash->write(filling->flash->context, filling->part, filling->at, piece)) {
        return WHORL_ERROR_STORAGE;
    }
    filling->at += piece.size;
    return WHORL_OK;
}

/* /device/v1/firmware/images/DIGEST, as the manifest names it. */
static bool put_path(const struct whorl_installed_part *part, char path[WHORL_LINK_MAX])
{
    struct whorl_space room = {(uint8_t *)path, WHORL_LINK_MAX - 1};
    struct whorl_bytes digest = {part->digest, sizeof part->digest};
    struct whorl_text text;
    whorl_text_begin(&text, room);
    whorl_text_put(&text, "/device/v1/firmware/images/");
    whorl_text_hex(&text, digest);
    path[text.size] = '\0';
    return !text.is_full;
}

/* The next step of a part: fetched, on the medium, counted. */
static enum whorl_result fetch_step(struct whorl_device *device, struct whorl_update *update,
                                    const char *path)
{
    const struct whorl_ports *ports = device->settings.ports;
    const struct whorl_flash *flash = ports->flash;
    const struct whorl_installed_part *part = &update->target.part[update->load[update->component]];
    struct filling filling = {flash, whorl_part_name(part), update->offset};
    uint64_t left = part->size - update->offset;
    uint64_t size = left < flash->step_bytes ? left : flash->step_bytes;
    const struct whorl_http_part wanted = {.path = path,
                                           .first = update->offset,
                                           .last = update->offset + size - 1,
                                           .whole = part->size,
                                           .take = fill,
                                           .context = &filling};
    WHORL_TRY(whorl_link_fetch(device, &wanted));
    if (!flash->sync(flash->context, filling.part)) {
        return WHORL_ERROR_STORAGE;
    }
    update->offset += size;
    return whorl_update_save(ports->storage, update);
}

static enum whorl_result fetch_part(struct whorl_device *device, struct whorl_update *update)
{
    const struct whorl_flash *flash = device->settings.ports->flash;
    const struct whorl_installed_part *part = &update->target.part[update->load[update->component]];
    char path[WHORL_LINK_MAX];
    if (!put_path(part, path)) {
        return WHORL_ERROR_SPACE;
    }
    /* what a power cut left behind the last step may be half written */
    if (update->offset < part->size && !flash->erase(flash->context, whorl_part_name(part), update->offset)) {
        update->fault = WHORL_FAULT_FLASH;
        return WHORL_OK;
    }
    while (update->offset < part->size) {
        enum whorl_result result = fetch_step(device, update, path);
        if (result == WHORL_ERROR_SIZE) {
            update->fault = WHORL_FAULT_SIZE;
            return WHORL_OK;
        }
        WHORL_TRY(result);
    }
    return WHORL_OK;
}

enum whorl_result whorl_update_fetch(struct whorl_device *device, struct whorl_update *update)
{
    while (update->component < update->load_count) {
        WHORL_TRY(fetch_part(device, update));
        if (update->fault != WHORL_FAULT_NONE) {
            return WHORL_OK;
        }
        update->component++;
        update->offset = 0;
        WHORL_TRY(whorl_update_save(device->settings.ports->storage, update));
    }
    return WHORL_OK;
}

/* @param state a running hash */
static enum whorl_result hash_slot(struct whorl_device *device, const struct whorl_installed_part *part,
                                   enum whorl_slot slot, struct whorl_sha256_state *state)
{
    const struct whorl_flash *flash = device->settings.ports->flash;
    const struct whorl_crypto *crypto = device->settings.ports->crypto;
    const struct whorl_space *room = &device->settings.work;
    for (uint64_t at = 0; at < part->size;) {
        uint64_t left = part->size - at;
        struct whorl_space piece = {room->data, left < room->size ? (size_t)left : room->size};
        struct whorl_bytes bytes = {piece.data, piece.size};
        if (!flash->read(flash->context, whorl_part_name(part), slot, at, piece)) {
            return WHORL_ERROR_STORAGE;
        }
        if (!crypto->sha256_update(crypto->context, state, bytes)) {
            return WHORL_ERROR_CRYPTO;
        }
        at += piece.size;
    }
    return WHORL_OK;
}

static enum whorl_result part_matches(struct whorl_device *device, const struct whorl_installed_part *part,
                                      enum whorl_slot slot, bool *out)
{
    const struct whorl_crypto *crypto = device->settings.ports->crypto;
    struct whorl_sha256_state state;
    uint8_t hash[WHORL_HASH_BYTES] = {0};
    *out = false;
    if (!crypto->sha256_begin(crypto->context, &state)) {
        return WHORL_ERROR_CRYPTO;
    }
    enum whorl_result result = hash_slot(device, part, slot, &state);
    bool is_ended = crypto->sha256_end(crypto->context, &state, hash);
    WHORL_TRY(result);
    *out = is_ended && whorl_equal(hash, part->digest, sizeof hash);
    return is_ended ? WHORL_OK : WHORL_ERROR_CRYPTO;
}

enum whorl_result whorl_update_matches(struct whorl_device *device, const struct whorl_update *update,
                                       enum whorl_slot slot, bool *out)
{
    *out = true;
    for (size_t i = 0; i < update->load_count && *out; i++) {
        WHORL_TRY(part_matches(device, &update->target.part[update->load[i]], slot, out));
    }
    return WHORL_OK;
}
