/* What is said between a device and its server about firmware: the poll, the manifest, statements of keys,
 * and reports. Stores nothing but a pair of keys. */
#include "device/core/text.h"
#include "device/core/update_internal.h"

static const char root_path[] = "/device/v1/";

static uint64_t read_number(struct whorl_bytes object, const char *name)
{
    struct whorl_bytes value;
    uint64_t number = 0;
    bool is_there = whorl_json_member(object, name, &value) && whorl_json_number(value, &number);
    return is_there ? number : 0;
}

/* A decimal text from 1 to 2^31 - 1. */
static bool read_action_id(struct whorl_bytes object, uint32_t *out)
{
    struct whorl_bytes text;
    uint64_t number = 0;
    if (!whorl_message_text(object, "id", &text) || !whorl_json_number(text, &number) || number == 0 ||
        number > INT32_MAX) {
        return false;
    }
    *out = (uint32_t)number;
    return true;
}

/* A link below /device/v1/: no way out of it, and nothing that HTTP would read. */
static bool read_link(struct whorl_bytes object, const char *name, char out[WHORL_LINK_MAX])
{
    struct whorl_bytes link;
    size_t folder = sizeof root_path - 1;
    if (!whorl_message_text(object, name, &link) || link.size == 0 ||
        link.size > WHORL_LINK_MAX - 1 - folder) {
        return false;
    }
    for (size_t i = 0; i < link.size; i++) {
        if (link.data[i] <= ' ' || link.data[i] >= 0x7f) {
            return false;
        }
    }
    whorl_copy(out, root_path, folder);
    whorl_copy(out + folder, link.data, link.size);
    out[folder + link.size] = '\0';
    return true;
}

static bool read_action(struct whorl_bytes action, struct whorl_offer *out)
{
    struct whorl_bytes value;
    if (!read_action_id(action, &out->action)) {
        return false;
    }
    out->is_in_window = !whorl_json_member(action, "window", &value) || !whorl_is(value, "false");
    out->is_cancelling = whorl_message_text(action, "state", &value) && whorl_is(value, "cancelling");
    return out->is_cancelling || (read_link(action, "manifest", out->manifest) &&
                                  whorl_message_text(action, "manifest_sha256", &value) &&
                                  whorl_hex_decode(value, out->manifest_sha256, sizeof out->manifest_sha256));
}

bool whorl_offer_read(struct whorl_bytes body, struct whorl_offer *out)
{
    struct whorl_bytes action;
    whorl_zero(out, sizeof *out);
    uint64_t poll_s = read_number(body, "poll_after_s");
    out->poll_s = poll_s == 0                            ? WHORL_UPDATE_POLL_S
                  : poll_s < WHORL_UPDATE_LONGEST_POLL_S ? (uint32_t)poll_s
                                                         : WHORL_UPDATE_LONGEST_POLL_S;
    struct whorl_bytes any;
    out->anchors_sequence = read_number(body, "anchors_sequence");
    out->wants_attributes = whorl_json_member(body, "wants_attributes", &any) && whorl_is(any, "true");
    if (!whorl_json_member(body, "action", &action) || whorl_is(action, "null")) {
        return whorl_json_member(body, "poll_after_s",
                                 &any); /* an answer to a poll, and not something else */
    }
    return read_action(action, out);
}

enum whorl_result whorl_update_poll(struct whorl_device *device, struct whorl_offer *out)
{
    const struct whorl_http_request request = {"GET", "/device/v1/firmware", {NULL, 0}};
    struct whorl_bytes body;
    WHORL_TRY(whorl_link_call(device, &request, &body));
    return whorl_offer_read(body, out) ? WHORL_OK : WHORL_ERROR_ANSWER;
}

enum whorl_result whorl_update_tell(struct whorl_device *device, const struct whorl_update_report *report)
{
    struct whorl_bytes digest = {report->digest, WHORL_HASH_BYTES};
    struct whorl_bytes body;
    struct whorl_text text;
    whorl_text_begin(&text, device->settings.work);
    whorl_text_put(&text, "{\"action\":\"");
    whorl_text_number(&text, report->action);
    whorl_text_put(&text, "\",\"state\":\"");
    whorl_text_put(&text, report->state);
    whorl_text_put(&text, "\"");
    if (report->of != 0) {
        whorl_text_put(&text, ",\"progress\":{\"done\":");
        whorl_text_number(&text, report->done);
        whorl_text_put(&text, ",\"of\":");
        whorl_text_number(&text, report->of);
        whorl_text_put(&text, "}");
    }
    if (report->digest != NULL) {
        whorl_text_put(&text, ",\"sha256\":\"");
        whorl_text_hex(&text, digest);
        whorl_text_put(&text, "\"");
    }
    if (report->message != NULL) {
        whorl_text_put(&text, ",\"message\":\"");
        whorl_text_put(&text, report->message);
        whorl_text_put(&text, "\"");
    }
    whorl_text_put(&text, "}");
    const struct whorl_http_request request = {"POST", "/device/v1/firmware/report", whorl_text_view(&text)};
    return text.is_full ? WHORL_ERROR_SPACE : whorl_link_call(device, &request, &body);
}

/* The version came out of a manifest; what JSON would have to escape is not told. */
static void put_version(struct whorl_text *text, const struct whorl_installed *installed)
{
    bool is_plain = true;
    for (size_t i = 0; i < installed->version_size; i++) {
        is_plain = is_plain && installed->version[i] != '"' && installed->version[i] != '\\';
    }
    struct whorl_bytes version = {installed->version, is_plain ? installed->version_size : 0};
    whorl_text_bytes(text, version);
}

enum whorl_result whorl_update_introduce(struct whorl_device *device)
{
    struct whorl_installed installed;
    struct whorl_bytes body;
    struct whorl_text text;
    WHORL_TRY(whorl_installed_load(device->settings.ports->storage, &installed));
    whorl_text_begin(&text, device->settings.work);
    whorl_text_put(&text, "{\"version\":\"");
    put_version(&text, &installed);
    whorl_text_put(&text, "\",\"sequence\":\"");
    whorl_text_number(&text, installed.sequence);
    whorl_text_put(&text, "\"}");
    const struct whorl_http_request request = {"PUT", "/device/v1/firmware/attributes",
                                               whorl_text_view(&text)};
    enum whorl_result result = text.is_full ? WHORL_ERROR_SPACE : whorl_link_call(device, &request, &body);
    return result == WHORL_ERROR_REFUSED ? WHORL_OK : result; /* nothing depends on it */
}

/* Each part must have a slot that takes it. */
static enum whorl_verdict fits(const struct whorl_flash *flash, const struct whorl_manifest *manifest)
{
    for (size_t i = 0; i < manifest->count; i++) {
        const struct whorl_component *component = &manifest->component[i];
        uint64_t room = flash->room(flash->context, component->part);
        if (room == 0) {
            return WHORL_VERDICT_PART;
        }
        if (component->size > room) {
            return WHORL_VERDICT_SIZE;
        }
    }
    return WHORL_VERDICT_GOOD;
}

/* Where the manifest's parts stand in the target. */
static void note_loads(const struct whorl_manifest *manifest, struct whorl_update *update)
{
    update->load_count = manifest->count;
    for (size_t i = 0; i < manifest->count; i++) {
        const struct whorl_bytes *name = &manifest->component[i].part;
        for (size_t k = 0; k < update->target.count; k++) {
            const struct whorl_installed_part *part = &update->target.part[k];
            if (part->name_size == name->size && whorl_equal(part->name, name->data, name->size)) {
                update->load[i] = (uint8_t)k;
            }
        }
    }
}

static enum whorl_verdict judge(struct whorl_device *device, const struct whorl_firmware_keys *keys,
                                struct whorl_bytes envelope, struct whorl_update *update)
{
    const struct whorl_ports *ports = device->settings.ports;
    struct whorl_manifest manifest;
    struct whorl_installed installed;
    if (whorl_installed_load(ports->storage, &installed) != WHORL_OK) {
        return WHORL_VERDICT_PORT;
    }
    enum whorl_verdict verdict = whorl_suit_read(ports->crypto, keys, envelope, &manifest);
    if (verdict == WHORL_VERDICT_GOOD) {
        verdict = whorl_suit_judge(&manifest, device->settings.firmware_class, &installed);
    }
    if (verdict == WHORL_VERDICT_GOOD) {
        verdict = fits(ports->flash, &manifest);
    }
    if (verdict == WHORL_VERDICT_GOOD && !whorl_installed_after(&manifest, &installed, &update->target)) {
        verdict = WHORL_VERDICT_PART;
    }
    if (verdict == WHORL_VERDICT_GOOD) {
        note_loads(&manifest, update);
    }
    return verdict;
}

enum whorl_result whorl_update_look(struct whorl_device *device, const struct whorl_offer *offer,
                                    struct whorl_update *update, enum whorl_verdict *verdict)
{
    const struct whorl_ports *ports = device->settings.ports;
    const struct whorl_http_request request = {"GET", offer->manifest, {NULL, 0}};
    struct whorl_firmware_keys keys;
    struct whorl_bytes envelope;
    uint8_t hash[WHORL_HASH_BYTES];
    WHORL_TRY(whorl_manifest_keys_load(ports->storage, device->settings.firmware_class,
                                       device->settings.firmware_keys, &keys));
    WHORL_TRY(whorl_link_call(device, &request, &envelope));
    WHORL_TRY(whorl_sha256(ports->crypto, envelope, hash));
    whorl_zero(update, sizeof *update);
    if (!whorl_equal(hash, offer->manifest_sha256, sizeof hash)) {
        return WHORL_ERROR_ANSWER; /* another release came in between, or the bytes were cut: asked again */
    }
    *verdict = judge(device, &keys, envelope, update);
    update->step = WHORL_UPDATE_LOADING;
    update->action = offer->action;
    whorl_copy(update->manifest, hash, sizeof update->manifest);
    return *verdict == WHORL_VERDICT_PORT ? WHORL_ERROR_STORAGE : WHORL_OK;
}

enum whorl_result whorl_update_move_keys(struct whorl_device *device, enum whorl_verdict *verdict)
{
    const struct whorl_ports *ports = device->settings.ports;
    const struct whorl_firmware_class *own = device->settings.firmware_class;
    const struct whorl_http_request request = {"GET", "/device/v1/firmware/anchors", {NULL, 0}};
    struct whorl_firmware_keys in_force;
    struct whorl_firmware_keys next;
    struct whorl_bytes statement;
    /* a damaged record: the firmware's own pair judges the statement that replaces it */
    (void)whorl_manifest_keys_load(ports->storage, own, device->settings.firmware_keys, &in_force);
    WHORL_TRY(whorl_link_call(device, &request, &statement));
    *verdict = whorl_statement_read(ports->crypto, &in_force, own->id[0], statement, &next);
    if (*verdict != WHORL_VERDICT_GOOD) {
        return WHORL_OK;
    }
    return whorl_manifest_keys_save(ports->storage, own, &next);
}
