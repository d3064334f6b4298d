/* The JSON of a device's firmware: its report as a table of fields, its action as an object. Judges form
 * only. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/device_firmware.h"

/* The words of this protocol in those of the fleet, which are DDI's. */
static const struct {
    const char *name;
    enum firmware_word word;
    enum firmware_finish finish;
    bool is_cancel;
} words[] = {
    {"downloading", FIRMWARE_DOWNLOAD, FIRMWARE_NONE, false},
    {"downloaded", FIRMWARE_DOWNLOADED, FIRMWARE_NONE, false},
    {"installed", FIRMWARE_PROCEEDING, FIRMWARE_SUCCESS, false},
    {"success", FIRMWARE_CLOSED, FIRMWARE_SUCCESS, false},
    {"failure", FIRMWARE_CLOSED, FIRMWARE_FAILURE, false},
    {"rejected", FIRMWARE_REJECTED, FIRMWARE_FAILURE, false},
    {"cancelled", FIRMWARE_CANCELED, FIRMWARE_NONE, true},
};

static err_t word_read(const char *name, struct firmware_report *out)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(name, words[i].name) == 0) {
            out->word = words[i].word;
            out->finish = words[i].finish;
            out->is_cancel = words[i].is_cancel;
            return OK;
        }
    }
    return ERR(ERR_UNPROCESSABLE, "'state' is downloading, downloaded, installed, success, failure, rejected "
                                  "or cancelled");
}

err_t firmware_action_id_read(const char *text, int64_t *out)
{
    int64_t id = 0;
    size_t n = strspn(text, "0123456789");
    ENSURE(n >= 1 && n <= 10 && text[n] == '\0' && text[0] != '0', ERR_UNPROCESSABLE,
           "'action' is the id of an action");
    for (size_t i = 0; i < n; i++) {
        id = id * 10 + (text[i] - '0');
    }
    *out = id;
    return OK;
}

/* As a number or as its digits: what a device finds easier to keep. */
static err_t action_read(const json_t *document, struct firmware_report *out)
{
    const json_t *value = json_object_get(document, "action");
    ENSURE(value != NULL, ERR_UNPROCESSABLE, "'action' is missing");
    if (json_is_integer(value)) {
        out->action = json_integer_value(value);
    } else {
        ENSURE(json_is_string(value), ERR_UNPROCESSABLE, "'action' is the id of an action");
        TRY(firmware_action_id_read(json_string_value(value), &out->action));
    }
    ENSURE(out->action >= 1 && out->action <= FIRMWARE_ACTION_ID_MAX, ERR_UNPROCESSABLE,
           "'action' is the id of an action");
    return OK;
}

static err_t progress_read(const json_t *progress, struct firmware_report *out)
{
    static const struct json_field fields[] = {
        {"done", JSON_KIND_INTEGER, true, offsetof(struct firmware_report, done), 0, INT64_MAX, JSON_NO_HAS},
        {"of", JSON_KIND_INTEGER, true, offsetof(struct firmware_report, of), 0, INT64_MAX, JSON_NO_HAS},
    };
    out->has_progress = progress != NULL;
    if (progress == NULL) {
        return OK;
    }
    err_t error = json_read(progress, fields, 2, false, out);
    ENSURE(error.code == ERR_OK, error.code, "'progress': %.140s", error.detail);
    return OK;
}

err_t firmware_report_body_read(const json_t *document, struct firmware_report *out)
{
    struct raw {
        const char *state, *message;
        uint8_t sha256[SHA256_SIZE];
        bool has_sha256;
        json_t *progress;
    } raw = {.state = ""};
    static const struct json_field fields[] = {
        {"state", JSON_KIND_TEXT, true, offsetof(struct raw, state), 1, 32, JSON_NO_HAS},
        {"message", JSON_KIND_LINES, false, offsetof(struct raw, message), 0, 0, JSON_NO_HAS},
        {"sha256", JSON_KIND_HEX32, false, offsetof(struct raw, sha256), 0, 0,
         offsetof(struct raw, has_sha256)},
        {"progress", JSON_KIND_OBJECT, false, offsetof(struct raw, progress), 0, 0, JSON_NO_HAS},
    };
    *out = (struct firmware_report){.text = ""};
    ENSURE(json_is_object(document), ERR_UNPROCESSABLE, "a report is an object");
    TRY(action_read(document, out));
    TRY(json_read(document, fields, sizeof fields / sizeof fields[0], false, &raw));
    TRY(word_read(raw.state, out));
    TRY(progress_read(raw.progress, out));
    out->text = raw.message != NULL ? raw.message : "";
    out->has_digest = raw.has_sha256;
    memcpy(out->digest.b, raw.sha256, SHA256_SIZE);
    return OK;
}

static err_t artifact_render(const struct firmware_artifact *artifact, json_t **out)
{
    char href[24 + 2 * SHA256_SIZE] = "firmware/images/";
    *out = NULL;
    hex_encode(BYTES_OF(artifact->digests.sha256.b), href + strlen(href));
    AUTO(json_t) *value = json_object();
    TRY(json_set_text(value, "part", artifact->part));
    TRY(json_set_text(value, "filename", artifact->filename));
    TRY(json_set_int(value, "size", artifact->digests.size));
    TRY(json_set_hex(value, "sha256", BYTES_OF(artifact->digests.sha256.b)));
    TRY(json_set_text(value, "href", href));
    *out = TAKE(value);
    return OK;
}

static err_t artifacts_render(const struct firmware_action *action, json_t **out)
{
    *out = NULL;
    AUTO(json_t) *list = json_array();
    for (size_t i = 0; i < action->artifact_count; i++) {
        json_t *value = NULL;
        TRY(artifact_render(&action->artifacts[i], &value));
        ENSURE(json_array_append_new(list, value) == 0, ERR_NO_MEMORY, "a list of images");
    }
    *out = TAKE(list);
    return OK;
}

err_t firmware_action_render(const struct firmware_action *action, json_t **out)
{
    char id[24], manifest[48];
    json_t *artifacts = NULL;
    *out = NULL;
    snprintf(id, sizeof id, "%" PRId64, action->id);
    snprintf(manifest, sizeof manifest, "firmware/manifest/%" PRId64, action->id);
    AUTO(json_t) *value = json_object();
    TRY(json_set_text(value, "id", id));
    TRY(json_set_text(value, "state", firmware_action_state_name(action->state)));
    TRY(json_set_text(value, "version", action->version));
    TRY(json_set_int(value, "sequence", action->sequence));
    TRY(json_set_bool(value, "forced", action->is_forced));
    TRY(json_set_bool(value, "window", action->is_in_window));
    TRY(json_set_text(value, "manifest", manifest));
    TRY(json_set_hex(value, "manifest_sha256", BYTES_OF(action->manifest.b)));
    TRY(artifacts_render(action, &artifacts));
    TRY(json_take(value, "artifacts", artifacts));
    *out = TAKE(value);
    return OK;
}
