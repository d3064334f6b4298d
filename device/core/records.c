/* Encoding and decoding of the stored records. Decides nothing about their order: lifecycle.c does. */
#include "device/core/records.h"

enum { RECORD_VERSION = 1 };

enum whorl_result whorl_state_load(const struct whorl_storage *storage, struct whorl_state *out)
{
    uint8_t record[WHORL_STATE_BYTES];
    struct whorl_space room = {record, sizeof record};
    size_t size = 0;
    whorl_zero(out, sizeof *out);
    enum whorl_result result = storage->read(storage->context, WHORL_RECORD_STATE, room, &size);
    if (result == WHORL_ERROR_NOT_AVAILABLE) {
        return WHORL_OK;
    }
    WHORL_TRY(result);
    if (size != sizeof record || record[0] != RECORD_VERSION) {
        return WHORL_ERROR_STORAGE;
    }
    out->generation_max = whorl_get_u32(record + 1);
    out->counter = whorl_get_u64(record + 5);
    whorl_copy(out->owner_salt, record + 13, WHORL_SALT_BYTES);
    return WHORL_OK;
}

enum whorl_result whorl_state_save(const struct whorl_storage *storage, const struct whorl_state *state)
{
    uint8_t record[WHORL_STATE_BYTES];
    record[0] = RECORD_VERSION;
    whorl_put_u32(record + 1, state->generation_max);
    whorl_put_u64(record + 5, state->counter);
    whorl_copy(record + 13, state->owner_salt, WHORL_SALT_BYTES);
    struct whorl_bytes bytes = {record, sizeof record};
    return storage->write(storage->context, WHORL_RECORD_STATE, bytes);
}

/* One field with a 16-bit length at the front of `in`. */
static bool take_field(struct whorl_bytes *in, struct whorl_bytes *out)
{
    if (in->size < 2 || whorl_get_u16(in->data) > in->size - 2) {
        return false;
    }
    out->size = whorl_get_u16(in->data);
    out->data = in->data + 2;
    in->data += 2 + out->size;
    in->size -= 2 + out->size;
    return true;
}

enum whorl_result whorl_credential_load(const struct whorl_storage *storage, enum whorl_record record,
                                        struct whorl_space room, struct whorl_credential *out)
{
    size_t size = 0;
    whorl_zero(out, sizeof *out);
    WHORL_TRY(storage->read(storage->context, record, room, &size));
    if (size < WHORL_CREDENTIAL_HEAD || room.data[0] != RECORD_VERSION) {
        return WHORL_ERROR_STORAGE;
    }
    out->generation = whorl_get_u32(room.data + 1);
    whorl_copy(out->owner_salt, room.data + 5, WHORL_SALT_BYTES);
    out->renew_after_s = (int64_t)whorl_get_u64(room.data + 5 + WHORL_SALT_BYTES);
    out->chain_count = room.data[WHORL_CREDENTIAL_HEAD - 1];
    struct whorl_bytes rest = {room.data + WHORL_CREDENTIAL_HEAD, size - WHORL_CREDENTIAL_HEAD};
    if (out->chain_count == 0 || out->chain_count > WHORL_CHAIN_MAX) {
        return WHORL_ERROR_STORAGE;
    }
    for (size_t i = 0; i < out->chain_count; i++) {
        if (!take_field(&rest, &out->chain[i])) {
            return WHORL_ERROR_STORAGE;
        }
    }
    return rest.size == 0 ? WHORL_OK : WHORL_ERROR_STORAGE;
}

/* Decodes into the room behind a 16-bit length. */
static enum whorl_result append_certificate(struct whorl_bytes base64, struct whorl_space room, size_t *used)
{
    size_t size = 0;
    if (room.size - *used < 2) {
        return WHORL_ERROR_SPACE;
    }
    struct whorl_space rest = {room.data + *used + 2, room.size - *used - 2};
    if (!whorl_base64_decode(base64, rest, &size)) {
        return base64.size / 4 * 3 > rest.size ? WHORL_ERROR_SPACE : WHORL_ERROR_ANSWER;
    }
    if (size == 0 || size > UINT16_MAX) {
        return WHORL_ERROR_ANSWER;
    }
    whorl_put_u16(room.data + *used, (uint16_t)size);
    *used += 2 + size;
    return WHORL_OK;
}

enum whorl_result whorl_credential_write(struct whorl_bytes answer, struct whorl_credential *out,
                                         struct whorl_space room, struct whorl_bytes *record)
{
    struct whorl_bytes text;
    struct whorl_bytes chain;
    struct whorl_bytes value;
    size_t used = WHORL_CREDENTIAL_HEAD;
    if (room.size < used) {
        return WHORL_ERROR_SPACE;
    }
    if (!whorl_message_text(answer, "certificate", &text) || !whorl_json_member(answer, "chain", &chain)) {
        return WHORL_ERROR_ANSWER;
    }
    WHORL_TRY(append_certificate(text, room, &used));
    size_t count = 1;
    while (whorl_json_element(chain, count - 1, &value)) {
        if (count == WHORL_CHAIN_MAX || !whorl_json_plain(value, &text)) {
            return WHORL_ERROR_ANSWER;
        }
        WHORL_TRY(append_certificate(text, room, &used));
        count++;
    }
    if (whorl_message_text(answer, "renew_after", &text) && !whorl_time_parse(text, &out->renew_after_s)) {
        return WHORL_ERROR_ANSWER;
    }
    room.data[0] = RECORD_VERSION;
    whorl_put_u32(room.data + 1, out->generation);
    whorl_copy(room.data + 5, out->owner_salt, WHORL_SALT_BYTES);
    whorl_put_u64(room.data + 5 + WHORL_SALT_BYTES, (uint64_t)out->renew_after_s);
    room.data[WHORL_CREDENTIAL_HEAD - 1] = (uint8_t)count;
    record->data = room.data;
    record->size = used;
    return WHORL_OK;
}

/* Puts an unescaped string member behind a 16-bit length. */
static enum whorl_result append_string(struct whorl_bytes object, const char *name, struct whorl_space room,
                                       size_t *used)
{
    struct whorl_bytes value;
    size_t size = 0;
    if (!whorl_json_member(object, name, &value)) {
        return WHORL_ERROR_ANSWER;
    }
    if (room.size - *used < 2 || value.size > room.size - *used - 2) {
        return WHORL_ERROR_SPACE;
    }
    struct whorl_space rest = {room.data + *used + 2, room.size - *used - 2};
    if (!whorl_json_string(value, rest, &size) || size > UINT16_MAX) {
        return WHORL_ERROR_ANSWER;
    }
    whorl_put_u16(room.data + *used, (uint16_t)size);
    *used += 2 + size;
    return WHORL_OK;
}

enum whorl_result whorl_hub_save(const struct whorl_storage *storage, struct whorl_bytes answer,
                                 struct whorl_space room)
{
    struct whorl_bytes hub;
    size_t used = 1;
    if (!whorl_json_member(answer, "hub", &hub) || whorl_is(hub, "null")) {
        return WHORL_OK;
    }
    if (room.size < used) {
        return WHORL_ERROR_SPACE;
    }
    room.data[0] = RECORD_VERSION;
    WHORL_TRY(append_string(hub, "url", room, &used));
    WHORL_TRY(append_string(hub, "ca", room, &used));
    struct whorl_bytes record = {room.data, used};
    return storage->write(storage->context, WHORL_RECORD_HUB, record);
}

enum whorl_result whorl_hub_load(const struct whorl_storage *storage, struct whorl_space room,
                                 struct whorl_hub *out)
{
    size_t size = 0;
    WHORL_TRY(storage->read(storage->context, WHORL_RECORD_HUB, room, &size));
    struct whorl_bytes rest = {room.data + 1, size == 0 ? 0 : size - 1};
    bool is_sound = size != 0 && room.data[0] == RECORD_VERSION && take_field(&rest, &out->url) &&
                    take_field(&rest, &out->ca) && rest.size == 0;
    return is_sound ? WHORL_OK : WHORL_ERROR_STORAGE;
}

enum whorl_result whorl_anchors_load(const struct whorl_storage *storage, struct whorl_space room,
                                     struct whorl_anchors *out)
{
    size_t size = 0;
    whorl_zero(out, sizeof *out);
    WHORL_TRY(storage->read(storage->context, WHORL_RECORD_ANCHORS, room, &size));
    if (size < WHORL_ANCHORS_HEAD || room.data[0] != RECORD_VERSION) {
        return WHORL_ERROR_STORAGE;
    }
    whorl_copy(out->pinned, room.data + 1, WHORL_HASH_BYTES);
    whorl_copy(out->digest, room.data + 1 + WHORL_HASH_BYTES, WHORL_HASH_BYTES);
    out->count = room.data[WHORL_ANCHORS_HEAD - 1];
    struct whorl_bytes rest = {room.data + WHORL_ANCHORS_HEAD, size - WHORL_ANCHORS_HEAD};
    if (out->count == 0 || out->count > WHORL_ANCHORS_MAX) {
        return WHORL_ERROR_STORAGE;
    }
    for (size_t i = 0; i < out->count; i++) {
        if (!take_field(&rest, &out->root[i])) {
            return WHORL_ERROR_STORAGE;
        }
    }
    return rest.size == 0 ? WHORL_OK : WHORL_ERROR_STORAGE;
}

enum whorl_result whorl_anchors_save(const struct whorl_storage *storage, const struct whorl_anchors *anchors,
                                     struct whorl_space room)
{
    size_t used = WHORL_ANCHORS_HEAD;
    if (room.size < used) {
        return WHORL_ERROR_SPACE;
    }
    room.data[0] = RECORD_VERSION;
    whorl_copy(room.data + 1, anchors->pinned, WHORL_HASH_BYTES);
    whorl_copy(room.data + 1 + WHORL_HASH_BYTES, anchors->digest, WHORL_HASH_BYTES);
    room.data[WHORL_ANCHORS_HEAD - 1] = (uint8_t)anchors->count;
    for (size_t i = 0; i < anchors->count; i++) {
        const struct whorl_bytes *root = &anchors->root[i];
        if (root->size > UINT16_MAX || room.size - used < 2 + root->size) {
            return WHORL_ERROR_SPACE;
        }
        whorl_put_u16(room.data + used, (uint16_t)root->size);
        whorl_copy(room.data + used + 2, root->data, root->size);
        used += 2 + root->size;
    }
    struct whorl_bytes record = {room.data, used};
    return storage->write(storage->context, WHORL_RECORD_ANCHORS, record);
}
