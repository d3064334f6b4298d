/* Reading an object by a table of fields. Each kind has one function that checks and stores; the walk knows
 * no kind. Stops at the first wrong field and names it: what was stored before stays in the caller's struct.
 */
#include <string.h>

#include "base/json.h"

/* The length limits of texts, base64 and arrays; a most of 0 leaves it to the limit of the body. */
static err_t check_length(const struct json_field *field, size_t n, const char *unit)
{
    ENSURE(n >= (size_t)field->min, ERR_UNPROCESSABLE, "'%s' needs at least %lld %s", field->name,
           (long long)field->min, unit);
    ENSURE(field->max == 0 || n <= (size_t)field->max, ERR_UNPROCESSABLE, "'%s' may have %lld %s at most",
           field->name, (long long)field->max, unit);
    return OK;
}

/* The bytes of a string value. */
static err_t text_of(const struct json_field *field, const json_t *value, struct bytes *out)
{
    ENSURE(json_is_string(value), ERR_UNPROCESSABLE, "'%s' must be a string", field->name);
    *out = (struct bytes){(const uint8_t *)json_string_value(value), json_string_length(value)};
    return OK;
}

static err_t read_text(const struct json_field *field, const json_t *value, void *target)
{
    struct bytes text = BYTES_NONE;
    TRY(text_of(field, value, &text));
    TRY(check_length(field, text.n, "bytes"));
    for (size_t i = 0; i < text.n; i++) {
        bool is_line =
            field->kind == JSON_KIND_LINES && (text.p[i] == '\n' || text.p[i] == '\r' || text.p[i] == '\t');
        ENSURE(is_line || (text.p[i] >= 0x20 && text.p[i] != 0x7f), ERR_UNPROCESSABLE,
               "'%s' holds a control character", field->name);
    }
    const char **borrowed = target;
    *borrowed = json_string_value(value);
    return OK;
}

static err_t read_integer(const struct json_field *field, const json_t *value, void *target)
{
    ENSURE(json_is_integer(value), ERR_UNPROCESSABLE, "'%s' must be an integer", field->name);
    int64_t number = json_integer_value(value);
    ENSURE(number >= field->min && number <= field->max, ERR_UNPROCESSABLE, "'%s' must be from %lld to %lld",
           field->name, (long long)field->min, (long long)field->max);
    memcpy(target, &number, sizeof number);
    return OK;
}

static err_t read_boolean(const struct json_field *field, const json_t *value, void *target)
{
    ENSURE(json_is_boolean(value), ERR_UNPROCESSABLE, "'%s' must be true or false", field->name);
    bool on = json_is_true(value);
    memcpy(target, &on, sizeof on);
    return OK;
}

static err_t read_time(const struct json_field *field, const json_t *value, void *target)
{
    struct bytes text = BYTES_NONE;
    int64_t at_ms = 0;
    TRY(text_of(field, value, &text));
    err_t error = time_parse(text, &at_ms);
    ENSURE(error.code == ERR_OK, ERR_UNPROCESSABLE, "'%s': %.96s", field->name, error.detail);
    memcpy(target, &at_ms, sizeof at_ms);
    return OK;
}

static err_t read_uuid(const struct json_field *field, const json_t *value, void *target)
{
    struct bytes text = BYTES_NONE;
    struct uuid id;
    TRY(text_of(field, value, &text));
    err_t error = uuid_parse(text, &id);
    ENSURE(error.code == ERR_OK, ERR_UNPROCESSABLE, "'%s': %.96s", field->name, error.detail);
    memcpy(target, &id, sizeof id);
    return OK;
}

static err_t read_hex32(const struct json_field *field, const json_t *value, void *target)
{
    struct bytes text = BYTES_NONE;
    uint8_t bytes[32];
    TRY(text_of(field, value, &text));
    err_t error = hex_decode(text, bytes, sizeof bytes);
    ENSURE(error.code == ERR_OK, ERR_UNPROCESSABLE, "'%s': %.96s", field->name, error.detail);
    memcpy(target, bytes, sizeof bytes);
    return OK;
}

static err_t read_base64(const struct json_field *field, const json_t *value, void *target)
{
    struct buf *out = target;
    struct bytes text = BYTES_NONE;
    TRY(text_of(field, value, &text));
    out->n = 0;
    err_t error = base64_decode(text, out);
    if (error.code == ERR_NO_MEMORY) {
        return error;
    }
    ENSURE(error.code == ERR_OK, ERR_UNPROCESSABLE, "'%s': %.96s", field->name, error.detail);
    return check_length(field, out->n, "bytes");
}

static err_t read_container(const struct json_field *field, json_t *value, void *target)
{
    if (field->kind == JSON_KIND_OBJECT) {
        ENSURE(json_is_object(value), ERR_UNPROCESSABLE, "'%s' must be an object", field->name);
    } else {
        ENSURE(json_is_array(value), ERR_UNPROCESSABLE, "'%s' must be an array", field->name);
        TRY(check_length(field, json_array_size(value), "elements"));
    }
    json_t **borrowed = target;
    *borrowed = value;
    return OK;
}

static err_t read_value(const struct json_field *field, json_t *value, void *target)
{
    switch (field->kind) {
    case JSON_KIND_TEXT:
    case JSON_KIND_LINES:
        return read_text(field, value, target);
    case JSON_KIND_INTEGER:
        return read_integer(field, value, target);
    case JSON_KIND_BOOLEAN:
        return read_boolean(field, value, target);
    case JSON_KIND_TIME:
        return read_time(field, value, target);
    case JSON_KIND_UUID:
        return read_uuid(field, value, target);
    case JSON_KIND_HEX32:
        return read_hex32(field, value, target);
    case JSON_KIND_BASE64:
        return read_base64(field, value, target);
    case JSON_KIND_OBJECT:
    case JSON_KIND_ARRAY:
        return read_container(field, value, target);
    }
    return ERR(ERR_INTERNAL, "'%s' has no kind", field->name);
}

static err_t read_field(const json_t *object, const struct json_field *field, uint8_t *target)
{
    json_t *value = json_object_get(object, field->name);
    if (value == NULL || json_is_null(value)) {
        ENSURE(!field->is_required, ERR_UNPROCESSABLE, "'%s' is missing", field->name);
        return OK;
    }
    TRY(read_value(field, value, target + field->offset));
    if (field->has_offset != JSON_NO_HAS) {
        bool has = true;
        memcpy(target + field->has_offset, &has, sizeof has);
    }
    return OK;
}

static bool is_known(const struct json_field *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(fields[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* A member's name as a JSON Pointer (RFC 6901 §3), cut where the room ends. */
static void point_to(const char *name, char out[FAULT_POINTER_SIZE])
{
    size_t n = 0;
    out[n++] = '/';
    for (const char *p = name; *p != '\0' && n + 3 < FAULT_POINTER_SIZE; p++) {
        bool is_special = *p == '~' || *p == '/';
        out[n++] = is_special ? '~' : *p;
        if (is_special) {
            out[n++] = *p == '~' ? '0' : '1';
        }
    }
    out[n] = '\0';
}

/* @param faults NULL: the first one is the error */
static err_t check_no_unknown(const json_t *object, const struct json_field *fields, size_t count,
                              struct faults *faults)
{
    /* jansson's iterators take a json_t *, but only read; the const must go through a pointer that drops it
     * on purpose */
    union {
        const json_t *borrowed;
        json_t *iterated;
    } o = {.borrowed = object};
    for (void *i = json_object_iter(o.iterated); i != NULL; i = json_object_iter_next(o.iterated, i)) {
        const char *name = json_object_iter_key(i);
        if (is_known(fields, count, name)) {
            continue;
        }
        ENSURE(faults != NULL, ERR_UNPROCESSABLE, "'%.64s' is not a known field", name);
        char pointer[FAULT_POINTER_SIZE];
        point_to(name, pointer);
        faults_add(faults, pointer, "'%.64s' is not a known field", name);
    }
    return OK;
}

err_t json_read(const json_t *object, const struct json_field *fields, size_t count, bool refuse_unknown,
                void *target)
{
    ENSURE(json_is_object(object), ERR_UNPROCESSABLE, "an object is expected");
    if (refuse_unknown) {
        TRY(check_no_unknown(object, fields, count, NULL));
    }
    for (size_t i = 0; i < count; i++) {
        TRY(read_field(object, &fields[i], target));
    }
    return OK;
}

err_t json_read_all(const json_t *object, const struct json_field *fields, size_t count,
                    struct faults *faults, void *target)
{
    if (!json_is_object(object)) {
        faults_add(faults, "", "an object is expected");
        return OK;
    }
    TRY(check_no_unknown(object, fields, count, faults));
    for (size_t i = 0; i < count; i++) {
        char pointer[FAULT_POINTER_SIZE];
        point_to(fields[i].name, pointer);
        TRY(faults_note(faults, pointer, read_field(object, &fields[i], target)));
    }
    return OK;
}
