/* What a device is told, in hawkBit's words. Field by field as its clients read them: ids are texts, sizes
 * are numbers, all three hashes, `download` and `download-http` both (they are the same: TLS only). */
#include "api/ddi.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TAIL_SIZE = 64, DAY_S = 86400 };

void ddi_sleep(int64_t seconds, char out[DDI_SLEEP_SIZE])
{
    int s = (int)(seconds < 1 ? 1 : seconds >= DAY_S ? DAY_S - 1 : seconds);
    (void)snprintf(out, DDI_SLEEP_SIZE, "%02d:%02d:%02d", s / 3600 % 24, s / 60 % 60, s % 60);
}

/* Changes with what the action says, as a hint for caches: all of it is in the manifest but these. */
static int32_t content_of(const struct firmware_action *action)
{
    const uint8_t *hash = action->manifest.b;
    uint32_t n = (uint32_t)hash[0] << 23 | (uint32_t)hash[1] << 15 | (uint32_t)hash[2] << 7;
    return (int32_t)(n | (action->is_forced ? 1U : 0U) | (action->is_in_window ? 2U : 0U));
}

err_t ddi_render_root(const struct firmware_poll *poll, const char *base, json_t **out)
{
    char sleep[DDI_SLEEP_SIZE], tail[TAIL_SIZE];
    const struct firmware_action *action = &poll->action;
    *out = NULL;
    AUTO(json_t) *root = json_object();
    AUTO(json_t) *config = json_object();
    AUTO(json_t) *polling = json_object();
    AUTO(json_t) *links = json_object();
    ddi_sleep(poll->poll_s, sleep);
    TRY(json_set_text(polling, "sleep", sleep));
    TRY(json_take(config, "polling", TAKE(polling)));
    TRY(json_take(root, "config", TAKE(config)));
    if (poll->has_action && action->state == ACTION_CANCELLING) {
        /* without a query: clients append /feedback */
        (void)snprintf(tail, sizeof tail, "cancelAction/%" PRId64, action->id);
        TRY(ddi_set_link(links, "cancelAction", base, tail));
    } else if (poll->has_action) {
        (void)snprintf(tail, sizeof tail, "deploymentBase/%" PRId64 "?c=%" PRId32, action->id,
                       content_of(action));
        TRY(ddi_set_link(links, "deploymentBase", base, tail));
    }
    if (poll->installed_action != 0) {
        (void)snprintf(tail, sizeof tail, "installedBase/%" PRId64, poll->installed_action);
        TRY(ddi_set_link(links, "installedBase", base, tail));
    }
    if (poll->wants_attributes) {
        TRY(ddi_set_link(links, "configData", base, "configData"));
    }
    if (json_object_size(links) > 0) {
        TRY(json_take(root, "_links", TAKE(links)));
    }
    *out = TAKE(root);
    return OK;
}

const char *ddi_part(const char *part)
{
    bool is_application = part[0] == '\0' || strcmp(part, "application") == 0;
    return is_application ? "bApp" : strcmp(part, "runtime") == 0 ? "jvm" : part;
}

const char *ddi_status(enum firmware_action_state state)
{
    static const char *const words[] = {
        [ACTION_OFFERED] = "RUNNING",       [ACTION_RUNNING] = "RUNNING",
        [ACTION_DOWNLOADED] = "DOWNLOADED", [ACTION_INSTALLED] = "RUNNING",
        [ACTION_CANCELLING] = "CANCELING",  [ACTION_SUCCEEDED] = "FINISHED",
        [ACTION_UNVERIFIED] = "FINISHED",   [ACTION_FAILED] = "ERROR",
        [ACTION_CANCELLED] = "CANCELED",
    };
    return words[state];
}

/* --- artifacts --------------------------------------------------------------------------------------- */

static err_t render_hashes(const struct blob_digests *digests, json_t **out)
{
    *out = NULL;
    AUTO(json_t) *hashes = json_object();
    TRY(json_set_hex(hashes, "sha1", BYTES_OF(digests->sha1)));
    TRY(json_set_hex(hashes, "md5", BYTES_OF(digests->md5)));
    TRY(json_set_hex(hashes, "sha256", BYTES_OF(digests->sha256.b)));
    *out = TAKE(hashes);
    return OK;
}

static err_t render_artifact_links(const struct firmware_artifact *artifact, const char *base, json_t **out)
{
    AUTO_VAL(buf) tail = {0};
    AUTO_VAL(buf) sum = {0};
    char module[UUID_TEXT_SIZE];
    *out = NULL;
    AUTO(json_t) *links = json_object();
    uuid_format(artifact->image, module);
    TRY(buf_printf(&tail, "softwaremodules/%s/artifacts/", module));
    TRY(ddi_append_segment(&tail, artifact->filename));
    TRY(buf_printf(&sum, "%s.MD5SUM", buf_str(&tail)));
    TRY(ddi_set_link(links, "download", base, buf_str(&tail)));
    TRY(ddi_set_link(links, "md5sum", base, buf_str(&sum)));
    TRY(ddi_set_link(links, "download-http", base, buf_str(&tail)));
    TRY(ddi_set_link(links, "md5sum-http", base, buf_str(&sum)));
    *out = TAKE(links);
    return OK;
}

err_t ddi_render_artifact(const struct firmware_artifact *artifact, const char *base, json_t **out)
{
    json_t *part = NULL;
    *out = NULL;
    AUTO(json_t) *value = json_object();
    TRY(json_set_text(value, "filename", artifact->filename));
    TRY(render_hashes(&artifact->digests, &part));
    TRY(json_take(value, "hashes", part));
    TRY(json_set_int(value, "size", artifact->digests.size));
    TRY(render_artifact_links(artifact, base, &part));
    TRY(json_take(value, "_links", part));
    *out = TAKE(value);
    return OK;
}

/* --- the deployment ---------------------------------------------------------------------------------- */

/* One image is one chunk: rauc-hawkbit-updater and Zephyr take no more, of either. */
static err_t render_chunk(const struct firmware_action *action, size_t index, const char *base, json_t **out)
{
    const struct firmware_artifact *artifact = &action->artifacts[index];
    json_t *item = NULL;
    *out = NULL;
    AUTO(json_t) *chunk = json_object();
    AUTO(json_t) *artifacts = json_array();
    char name[NAME_SIZE + FIRMWARE_PART_SIZE];
    bool is_only = action->artifact_count == 1 || artifact->part[0] == '\0';
    (void)snprintf(name, sizeof name, "%s%s%s", action->name, is_only ? "" : "-",
                   is_only ? "" : artifact->part);
    TRY(json_set_text(chunk, "part", ddi_part(artifact->part)));
    TRY(json_set_text(chunk, "version", action->version));
    TRY(json_set_text(chunk, "name", name));
    TRY(ddi_render_artifact(artifact, base, &item));
    ENSURE(json_array_append_new(artifacts, item) == 0, ERR_NO_MEMORY, "a list of artifacts");
    TRY(json_take(chunk, "artifacts", TAKE(artifacts)));
    *out = TAKE(chunk);
    return OK;
}

static err_t render_chunks(const struct firmware_action *action, const char *base, json_t **out)
{
    *out = NULL;
    AUTO(json_t) *chunks = json_array();
    for (size_t i = 0; i < action->artifact_count; i++) {
        json_t *chunk = NULL;
        TRY(render_chunk(action, i, base, &chunk));
        ENSURE(json_array_append_new(chunks, chunk) == 0, ERR_NO_MEMORY, "a list of chunks");
    }
    *out = TAKE(chunks);
    return OK;
}

err_t ddi_render_deployment(const struct firmware_action *action, const char *base, const char *member,
                            json_t **out)
{
    char id[24];
    json_t *chunks = NULL;
    *out = NULL;
    AUTO(json_t) *value = json_object();
    AUTO(json_t) *deployment = json_object();
    const char *handling = action->is_forced ? "forced" : "attempt";
    (void)snprintf(id, sizeof id, "%" PRId64, action->id);
    TRY(json_set_text(value, "id", id));
    TRY(json_set_text(deployment, "download", handling));
    /* outside of its window a device may fetch, and does not install yet */
    TRY(json_set_text(deployment, "update", action->is_in_window ? handling : "skip"));
    if (action->has_window) {
        TRY(json_set_text(deployment, "maintenanceWindow",
                          action->is_in_window ? "available" : "unavailable"));
    }
    TRY(render_chunks(action, base, &chunks));
    TRY(json_take(deployment, "chunks", chunks));
    TRY(json_take(value, member, TAKE(deployment)));
    *out = TAKE(value);
    return OK;
}
