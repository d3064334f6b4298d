/* Manifests as JSON. Names rise from one file to the next, so none is there twice. Read before anybody has
 * vouched for them: every field is checked. */
#include "cmd/whorld/backup_manifest.h"

#include <string.h>

#include "cmd/whorld/house.h"

static const int64_t FILE_MAX = (int64_t)1 << 50;

void backup_manifest_clear(struct backup_manifest *manifest)
{
    json_decref(manifest->heads);
    json_decref(manifest->journal);
    manifest->heads = NULL;
    manifest->journal = NULL;
    backup_list_clear(&manifest->files);
}

int64_t backup_manifest_size(const struct backup_manifest *manifest)
{
    int64_t size = 0;
    for (size_t i = 0; i < manifest->files.count; i++) {
        size += manifest->files.files[i].size;
    }
    return size;
}

/* --- writing */

static err_t write_file(const struct backup_file *file, json_t *list)
{
    AUTO(json_t) *item = json_object();
    TRY(json_set_text(item, "name", file->name));
    TRY(json_set_int(item, "size", file->size));
    TRY(json_set_hex(item, "sha256", BYTES_OF(file->sha256.b)));
    TRY(json_set_bool(item, "secret", file->is_secret));
    ENSURE(json_array_append_new(list, TAKE(item)) == 0, ERR_NO_MEMORY, "a manifest");
    return OK;
}

err_t backup_manifest_write(const struct backup_manifest *manifest, struct buf *out)
{
    AUTO(json_t) *content = json_object();
    AUTO(json_t) *files = json_array();
    ENSURE(content != NULL && files != NULL, ERR_NO_MEMORY, "a manifest");
    for (size_t i = 0; i < manifest->files.count; i++) {
        TRY(write_file(&manifest->files.files[i], files));
    }
    TRY(json_set_text(content, "whorl", "backup"));
    TRY(json_set_int(content, "version", 1));
    TRY(json_set_hex(content, "installation", BYTES_OF(manifest->installation.b)));
    TRY(json_set_time(content, "ts", manifest->at_ms));
    TRY(json_set_int(content, "schema", manifest->schema));
    TRY(json_set_bool(content, "keys", manifest->has_keys));
    TRY(json_take(content, "heads", json_incref(manifest->heads)));
    TRY(json_take(content, "journal", json_incref(manifest->journal)));
    TRY(json_take(content, "files", TAKE(files)));
    TRY(json_append(out, content));
    ENSURE(out->n <= BACKUP_MANIFEST_MAX, ERR_UNPROCESSABLE, "too many files for one backup");
    return OK;
}

/* --- reading */

struct raw_file {
    const char *name;
    int64_t size;
    struct sha256 sha256;
    bool is_secret;
};
static const struct json_field file_fields[] = {
    {"name", JSON_KIND_TEXT, true, offsetof(struct raw_file, name), 1, 255, JSON_NO_HAS},
    {"size", JSON_KIND_INTEGER, true, offsetof(struct raw_file, size), 0, (int64_t)1 << 50, JSON_NO_HAS},
    {"sha256", JSON_KIND_HEX32, true, offsetof(struct raw_file, sha256), 0, 0, JSON_NO_HAS},
    {"secret", JSON_KIND_BOOLEAN, true, offsetof(struct raw_file, is_secret), 0, 0, JSON_NO_HAS},
};

static err_t read_file(const json_t *item, struct backup_list *list)
{
    struct raw_file raw = {.name = NULL};
    TRY(json_read(item, file_fields, sizeof file_fields / sizeof file_fields[0], true, &raw));
    ENSURE(backup_name_is_safe(raw.name), ERR_UNPROCESSABLE,
           "the manifest names a file that no backup may hold");
    ENSURE(list->count == 0 || strcmp(list->files[list->count - 1].name, raw.name) < 0, ERR_UNPROCESSABLE,
           "the manifest names files twice or out of order");
    TRY(backup_list_add(list, raw.name, NULL, raw.is_secret));
    struct backup_file *file = &list->files[list->count - 1];
    file->size = raw.size;
    file->sha256 = raw.sha256;
    return OK;
}

struct raw {
    const char *whorl;
    int64_t version;
    struct sha256 installation;
    int64_t at_ms, schema;
    bool has_keys;
    json_t *heads, *journal, *files;
};
static const struct json_field fields[] = {
    {"whorl", JSON_KIND_TEXT, true, offsetof(struct raw, whorl), 1, 64, JSON_NO_HAS},
    {"version", JSON_KIND_INTEGER, true, offsetof(struct raw, version), 1, 1, JSON_NO_HAS},
    {"installation", JSON_KIND_HEX32, true, offsetof(struct raw, installation), 0, 0, JSON_NO_HAS},
    {"ts", JSON_KIND_TIME, true, offsetof(struct raw, at_ms), 0, 0, JSON_NO_HAS},
    {"schema", JSON_KIND_INTEGER, true, offsetof(struct raw, schema), 1, INT32_MAX, JSON_NO_HAS},
    {"keys", JSON_KIND_BOOLEAN, true, offsetof(struct raw, has_keys), 0, 0, JSON_NO_HAS},
    {"heads", JSON_KIND_ARRAY, true, offsetof(struct raw, heads), 0, 0, JSON_NO_HAS},
    {"journal", JSON_KIND_ARRAY, true, offsetof(struct raw, journal), 0, 0, JSON_NO_HAS},
    {"files", JSON_KIND_ARRAY, true, offsetof(struct raw, files), 0, 0, JSON_NO_HAS},
};

static err_t read_content(const json_t *content, struct backup_manifest *out)
{
    struct raw raw = {.whorl = NULL};
    TRY(json_read(content, fields, sizeof fields / sizeof fields[0], true, &raw));
    ENSURE(bytes_is(bytes_str(raw.whorl), "backup"), ERR_UNPROCESSABLE,
           "what is signed is no manifest of a backup");
    out->installation = raw.installation;
    out->at_ms = raw.at_ms;
    out->schema = raw.schema;
    out->has_keys = raw.has_keys;
    out->heads = json_incref(raw.heads);
    out->journal = json_incref(raw.journal);
    int64_t total = 0;
    for (size_t i = 0; i < json_array_size(raw.files); i++) {
        TRY(read_file(json_array_get(raw.files, i), &out->files));
        total += out->files.files[i].size;
        ENSURE(total <= FILE_MAX, ERR_UNPROCESSABLE, "the manifest names more than any disk holds");
    }
    return OK;
}

err_t backup_manifest_read(struct bytes text, struct backup_manifest *out)
{
    static const char *const needed[] = {HOUSE_DATABASE, HOUSE_CONFIG, HOUSE_ANCHOR, HOUSE_MARKER};
    AUTO(json_t) *content = NULL;
    *out = (struct backup_manifest){.heads = NULL};
    TRY(json_parse(text, BACKUP_MANIFEST_MAX, &content));
    TRY(read_content(content, out));
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        ENSURE(backup_list_find(&out->files, needed[i]) != NULL, ERR_UNPROCESSABLE, "the backup holds no %s",
               needed[i]);
    }
    return OK;
}
