/* The manifest's text: groups in brackets, lines of key=value, comments. A key that stands twice in a group
 * is refused: which of them counts is each reader's own choice. */
#include <string.h>

#include "base/utf8.h"
#include "firmware_store/rauc_parts.h"

enum { GROUP_SIZE = 80, IMAGES_MAX = 64 };

struct manifest_run {
    const struct image_reading *r;
    int64_t at;
    struct rauc_manifest *out;
    json_t *groups; /* what was read so far: {"update": {"compatible": "…"}} */
    char group[GROUP_SIZE];
};

/* --- lines ------------------------------------------------------------------------------------------ */

static struct bytes trim(struct bytes text)
{
    while (text.n > 0 && (text.p[0] == ' ' || text.p[0] == '\t')) {
        text = (struct bytes){text.p + 1, text.n - 1};
    }
    while (text.n > 0 && strchr(" \t\r", text.p[text.n - 1]) != NULL) {
        text.n--;
    }
    return text;
}

static err_t open_group(struct manifest_run *run, int64_t at, struct bytes line)
{
    IMAGE_NEED(line.n >= 3 && line.p[line.n - 1] == ']' && line.n - 2 < GROUP_SIZE, run->r, at,
               "a line of the manifest is no name of a group");
    memcpy(run->group, line.p + 1, line.n - 2);
    run->group[line.n - 2] = '\0';
    IMAGE_NEED(json_object_get(run->groups, run->group) == NULL, run->r, at,
               "the manifest has the group [%s] twice", run->group);
    IMAGE_NEED(json_object_size(run->groups) < IMAGES_MAX, run->r, at, "the manifest has more than %d groups",
               IMAGES_MAX);
    return json_take(run->groups, run->group, json_object());
}

static err_t add_pair(struct manifest_run *run, int64_t at, struct bytes key, struct bytes value)
{
    AUTO_VAL(buf) name = {0};
    AUTO_VAL(buf) text = {0};
    json_t *group = json_object_get(run->groups, run->group);
    IMAGE_NEED(group != NULL, run->r, at, "a line of the manifest stands before its first group");
    TRY(buf_append_bytes(&name, key));
    TRY(buf_append_bytes(&text, value));
    IMAGE_NEED(key.n > 0 && json_object_get(group, buf_str(&name)) == NULL, run->r, at,
               "the manifest has a line without a key, or the key \"%.40s\" twice in [%s]", buf_str(&name),
               run->group);
    return json_set_text(group, buf_str(&name), buf_str(&text));
}

static err_t read_line(struct manifest_run *run, int64_t at, struct bytes line)
{
    line = trim(line);
    if (line.n == 0 || line.p[0] == '#') {
        return OK;
    }
    if (line.p[0] == '[') {
        return open_group(run, at, line);
    }
    const uint8_t *equals = memchr(line.p, '=', line.n);
    IMAGE_NEED(equals != NULL, run->r, at, "a line of the manifest is neither a group nor key=value");
    size_t n = (size_t)(equals - line.p);
    return add_pair(run, at, trim((struct bytes){line.p, n}),
                    trim((struct bytes){equals + 1, line.n - n - 1}));
}

static err_t read_lines(struct manifest_run *run, struct bytes text)
{
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        IMAGE_NEED(c >= 0x20 || c == '\n' || c == '\r' || c == '\t', run->r, run->at,
                   "the manifest has a control character, at its byte %zu", i);
    }
    IMAGE_NEED(utf8_is_valid(text), run->r, run->at, "the manifest is no UTF-8");
    for (size_t from = 0; from < text.n;) {
        const uint8_t *end = memchr(text.p + from, '\n', text.n - from);
        size_t n = end == NULL ? text.n - from : (size_t)(end - (text.p + from));
        TRY(read_line(run, run->at, (struct bytes){text.p + from, n}));
        from += n + 1;
    }
    return OK;
}

/* --- what they say ---------------------------------------------------------------------------------- */

static const char *value_of(const struct manifest_run *run, const char *group, const char *key)
{
    return json_string_value(json_object_get(json_object_get(run->groups, group), key));
}

static err_t read_form(struct manifest_run *run)
{
    static const char *const words[] = {
        [RAUC_PLAIN] = "plain", [RAUC_VERITY] = "verity", [RAUC_CRYPT] = "crypt"};
    const char *form = value_of(run, "bundle", "format");
    run->out->form = RAUC_PLAIN;
    bool is_known = form == NULL;
    for (int i = RAUC_PLAIN; i <= RAUC_CRYPT && form != NULL; i++) {
        if (strcmp(words[i], form) == 0) {
            run->out->form = (enum rauc_form)i;
            is_known = true;
        }
    }
    IMAGE_NEED(is_known, run->r, run->at,
               "the manifest names the bundle format \"%.30s\"; plain and verity "
               "are known",
               form);
    return json_set_text(run->r->out->facts, "bundle_format", words[run->out->form]);
}

static err_t read_hex(const struct manifest_run *run, const char *key, struct sha256 *out, bool *is_there)
{
    const char *text = value_of(run, "bundle", key);
    if (text != NULL) {
        err_t error = hex_decode(bytes_str(text), out->b, sizeof out->b);
        IMAGE_NEED(error.code == ERR_OK, run->r, run->at,
                   "%s of the manifest is not 64 lower-case hex digits", key);
        *is_there = true;
    }
    return OK;
}

static err_t read_number(const struct manifest_run *run, const char *text, const char *what, int64_t *out)
{
    *out = 0;
    for (const char *p = text; *p != '\0'; p++) {
        IMAGE_NEED(*p >= '0' && *p <= '9' && p - text < 18, run->r, run->at, "%s of the manifest is no size",
                   what);
        *out = *out * 10 + (*p - '0');
    }
    return OK;
}

static err_t read_verity(struct manifest_run *run)
{
    const char *size = value_of(run, "bundle", "verity-size");
    TRY(read_hex(run, "verity-hash", &run->out->root, &run->out->has_root));
    TRY(read_hex(run, "verity-salt", &run->out->salt, &run->out->has_salt));
    run->out->has_size = size != NULL;
    return size == NULL ? OK : read_number(run, size, "verity-size", &run->out->tree_size);
}

static err_t fact_image(const struct manifest_run *run, const char *slot, const json_t *group, json_t *list)
{
    static const char *const keys[] = {"filename", "sha256"};
    const char *size = json_string_value(json_object_get(group, "size"));
    AUTO(json_t) *fact = json_object();
    TRY(json_set_text(fact, "slot", slot));
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *text = json_string_value(json_object_get(group, keys[i]));
        if (text != NULL) {
            TRY(json_set_text(fact, keys[i], text));
        }
    }
    if (size != NULL) {
        int64_t bytes = 0;
        TRY(read_number(run, size, "the size of an image", &bytes));
        TRY(json_set_int(fact, "size", bytes));
    }
    ENSURE(json_array_append_new(list, TAKE(fact)) == 0, ERR_NO_MEMORY, "the facts of an image");
    return OK;
}

static err_t fact_images(const struct manifest_run *run)
{
    const char *name = NULL;
    json_t *group = NULL;
    AUTO(json_t) *list = json_array();
    ENSURE(list != NULL, ERR_NO_MEMORY, "the facts of an image");
    json_object_foreach(run->groups, name, group)
    {
        if (strncmp(name, "image.", 6) == 0) {
            TRY(fact_image(run, name + 6, group, list));
        }
    }
    return json_take(run->r->out->facts, "images", TAKE(list));
}

static err_t read_update(const struct manifest_run *run)
{
    static const char *const keys[] = {"compatible", "version", "description", "build"};
    const char *version = value_of(run, "update", "version");
    IMAGE_NEED(value_of(run, "update", "compatible") != NULL, run->r, run->at,
               "the manifest does not say what it is compatible with");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *text = value_of(run, "update", keys[i]);
        if (text != NULL) {
            TRY(json_set_text(run->r->out->facts, keys[i], text));
        }
    }
    return version == NULL ? OK : image_set_version(run->r, run->at, bytes_str(version));
}

static err_t read_all(struct manifest_run *run, struct bytes text)
{
    TRY(read_lines(run, text));
    TRY(read_form(run));
    TRY(read_verity(run));
    TRY(read_update(run));
    return fact_images(run);
}

err_t rauc_read_manifest(const struct image_reading *r, int64_t at, struct bytes text,
                         struct rauc_manifest *out)
{
    AUTO(json_t) *groups = json_object();
    ENSURE(groups != NULL, ERR_NO_MEMORY, "a manifest");
    *out = (struct rauc_manifest){.form = RAUC_PLAIN};
    struct manifest_run run = {.r = r, .at = at, .out = out, .groups = groups};
    return read_all(&run, text);
}
