/* libconfig reads its own syntax into its own tree, which is copied into one of JSON, so that there is one
 * walk for both. @include would let a description name files of this machine, and is refused before the
 * library sees the text. */
#include "firmware_store/sw_description.h"

#include <libconfig.h>
#include <string.h>

#include "firmware_store/libconfig_form.h"

void sw_description_clear(struct sw_description *description)
{
    json_decref(description->tree);
    *description = (struct sw_description){.tree = NULL};
}

/* --- libconfig to JSON ------------------------------------------------------------------------------ */

static json_t *convert(const config_setting_t *setting, int depth);

// NOLINTNEXTLINE(misc-no-recursion): bounded by SW_DEPTH_MAX, like the next two
static bool add_member(json_t *parent, const config_setting_t *member, int depth)
{
    json_t *value = convert(member, depth);
    const char *name = config_setting_name(member);
    if (value == NULL || (json_is_object(parent) && name == NULL)) {
        json_decref(value);
        return false;
    }
    return (json_is_object(parent) ? json_object_set_new(parent, name, value)
                                   : json_array_append_new(parent, value)) == 0;
}

// NOLINTNEXTLINE(misc-no-recursion)
static json_t *convert_all(const config_setting_t *setting, json_t *parent, int depth)
{
    AUTO(json_t) *made = parent;
    int count = config_setting_length(setting);
    for (int i = 0; i < count; i++) {
        if (made == NULL || !add_member(made, config_setting_get_elem(setting, (unsigned)i), depth)) {
            return NULL;
        }
    }
    return TAKE(made);
}

/* @return NULL: too deep, not UTF-8, or no memory */
// NOLINTNEXTLINE(misc-no-recursion)
static json_t *convert(const config_setting_t *setting, int depth)
{
    if (depth > SW_DEPTH_MAX) {
        return NULL;
    }
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_GROUP:
        return convert_all(setting, json_object(), depth + 1);
    case CONFIG_TYPE_ARRAY:
    case CONFIG_TYPE_LIST:
        return convert_all(setting, json_array(), depth + 1);
    case CONFIG_TYPE_INT:
        return json_integer(config_setting_get_int(setting));
    case CONFIG_TYPE_INT64:
        return json_integer(config_setting_get_int64(setting));
    case CONFIG_TYPE_FLOAT:
        return json_real(config_setting_get_float(setting));
    case CONFIG_TYPE_BOOL:
        return json_boolean(config_setting_get_bool(setting));
    case CONFIG_TYPE_STRING:
        return json_string(config_setting_get_string(setting));
    default:
        return json_null();
    }
}

static err_t read_libconfig(const struct image_reading *r, int64_t at, const char *text, json_t **out)
{
    __attribute__((cleanup(config_destroy))) config_t config;
    config_init(&config);
    IMAGE_NEED(config_read_string(&config, text) == CONFIG_TRUE, r, at, "line %d of sw-description: %.60s",
               config_error_line(&config), config_error_text(&config));
    *out = convert(config_root_setting(&config), 0);
    IMAGE_NEED(*out != NULL, r, at, "sw-description is nested deeper than %d, or has text that is no UTF-8",
               SW_DEPTH_MAX);
    return OK;
}

/* --- the text --------------------------------------------------------------------------------------- */

static err_t check_text(const struct image_reading *r, int64_t at, struct bytes text)
{
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        IMAGE_NEED(c >= 0x20 || c == '\n' || c == '\r' || c == '\t', r, at + (int64_t)i,
                   "sw-description is no text (an encrypted one cannot be read here)");
    }
    const uint8_t *include = text.n == 0 ? NULL : memmem(text.p, text.n, "@include", 8);
    IMAGE_NEED(include == NULL, r, at + (include == NULL ? 0 : include - text.p),
               "sw-description includes another file");
    return OK;
}

static bool is_json(struct bytes text)
{
    size_t i = 0;
    while (i < text.n && strchr(" \t\r\n", text.p[i]) != NULL && text.p[i] != 0) {
        i++;
    }
    return i < text.n && text.p[i] == '{';
}

static err_t parse(const struct image_reading *r, int64_t at, struct bytes text, json_t **out)
{
    AUTO_VAL(buf) copy = {0};
    TRY(check_text(r, at, text));
    if (!is_json(text)) {
        size_t place = 0;
        const char *fault = libconfig_form_fault(text, SW_DEPTH_MAX, &place);
        IMAGE_NEED(fault == NULL, r, at + (int64_t)place, "sw-description: %s", fault);
        TRY(buf_append_bytes(&copy, text));
        return read_libconfig(r, at, buf_str(&copy), out);
    }
    err_t error = json_parse(text, SW_DESCRIPTION_MAX, out);
    IMAGE_NEED(error.code != ERR_BAD_JSON && error.code != ERR_TOO_LARGE, r, at, "sw-description: %.110s",
               error.detail);
    return error;
}

/* --- what it says ----------------------------------------------------------------------------------- */

static err_t read_sha256(const struct image_reading *r, int64_t at, const json_t *group,
                         struct sw_artifact *out)
{
    const char *text = json_string_value(json_object_get(group, "sha256"));
    if (text == NULL) {
        IMAGE_NEED(json_object_get(group, "sha256") == NULL, r, at, "the sha256 of \"%.60s\" is no text",
                   out->name);
        return OK;
    }
    out->has_sha256 = hex_decode(bytes_str(text), out->sha256.b, sizeof out->sha256.b).code == ERR_OK;
    IMAGE_NEED(out->has_sha256, r, at, "the sha256 of \"%.60s\" is not 64 lower-case hex digits", out->name);
    return OK;
}

static bool is_true(const json_t *value)
{
    const char *text = json_string_value(value);
    return json_is_true(value) || (text != NULL && strcmp(text, "false") != 0);
}

static err_t note_artifact(const struct image_reading *r, int64_t at, const json_t *group,
                           struct sw_description *out)
{
    const json_t *name = json_object_get(group, "filename");
    if (name == NULL) {
        return OK;
    }
    IMAGE_NEED(json_is_string(name), r, at, "a filename in sw-description is no text");
    IMAGE_NEED(out->count < SW_ARTIFACTS_MAX, r, at, "sw-description names more than %d files",
               SW_ARTIFACTS_MAX);
    struct sw_artifact *artifact = &out->artifacts[out->count++];
    *artifact = (struct sw_artifact){.name = json_string_value(name),
                                     .is_encrypted = is_true(json_object_get(group, "encrypted"))};
    r->out->is_encrypted = r->out->is_encrypted || artifact->is_encrypted;
    return read_sha256(r, at, group, artifact);
}

/* Boards, sets and modes are groups of any name, so every group is looked at. */
// NOLINTNEXTLINE(misc-no-recursion): bounded by SW_DEPTH_MAX
static err_t walk(const struct image_reading *r, int64_t at, json_t *value, int depth,
                  struct sw_description *out)
{
    const char *name = NULL;
    json_t *member = NULL;
    size_t i = 0;
    IMAGE_NEED(depth <= SW_DEPTH_MAX, r, at, "sw-description is nested deeper than %d", SW_DEPTH_MAX);
    if (json_is_object(value)) {
        TRY(note_artifact(r, at, value, out));
        json_object_foreach(value, name, member)
        {
            TRY(walk(r, at, member, depth + 1, out));
        }
    }
    json_array_foreach(value, i, member)
    {
        TRY(walk(r, at, member, depth + 1, out));
    }
    return OK;
}

static err_t copy_texts(const json_t *software, json_t *facts)
{
    const char *description = json_string_value(json_object_get(software, "description"));
    const json_t *hardware = json_object_get(software, "hardware-compatibility");
    if (description != NULL) {
        TRY(image_fact_text(facts, "description", bytes_str(description)));
    }
    return json_is_array(hardware) ? json_take(facts, "hardware_compatibility", json_deep_copy(hardware))
                                   : OK;
}

err_t sw_description_read(const struct image_reading *r, int64_t at, struct bytes text,
                          struct sw_description *out)
{
    TRY(parse(r, at, text, &out->tree));
    json_t *software = json_object_get(out->tree, "software");
    IMAGE_NEED(json_is_object(software), r, at, "sw-description has no group \"software\"");
    const char *version = json_string_value(json_object_get(software, "version"));
    IMAGE_NEED(version != NULL && version[0] != '\0', r, at, "sw-description has no version");
    TRY(image_set_version(r, at, bytes_str(version)));
    TRY(json_set_text(r->out->facts, "version", r->out->version));
    TRY(copy_texts(software, r->out->facts));
    return walk(r, at, software, 0, out);
}
