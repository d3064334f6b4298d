/* Reads a device out of JSON. */
#include "fleet/device_object.h"

enum { SPKI_MAX = 1024, ATTRIBUTES_MAX = 1023 };

void device_object_clear(struct device_object *object)
{
    buf_clear(&object->spki);
    buf_clear(&object->attributes);
}

struct fields {
    struct device_id id;
    bool has_id;
    struct buf spki;
    const char *serial, *model;
    json_t *attributes;
};

static void fields_clear(struct fields *fields)
{
    buf_clear(&fields->spki);
}
DEFINE_AUTO_VAL(fields, fields_clear);

static const struct json_field field_table[] = {
    {"id", JSON_KIND_HEX32, false, offsetof(struct fields, id), 0, 0, offsetof(struct fields, has_id)},
    {"spki", JSON_KIND_BASE64, false, offsetof(struct fields, spki), 1, SPKI_MAX, JSON_NO_HAS},
    {"serial", JSON_KIND_TEXT, false, offsetof(struct fields, serial), 1, SERIAL_TEXT_SIZE - 1, JSON_NO_HAS},
    {"model", JSON_KIND_TEXT, false, offsetof(struct fields, model), 1, MODEL_SIZE - 1, JSON_NO_HAS},
    {"attributes", JSON_KIND_OBJECT, false, offsetof(struct fields, attributes), 0, 0, JSON_NO_HAS},
};

static err_t read_object(const json_t *value, struct device_object *out)
{
    AUTO_VAL(fields) fields = {.has_id = false};
    ENSURE(json_is_object(value), ERR_UNPROCESSABLE, "a device is an id or an object");
    TRY(json_read(value, field_table, sizeof field_table / sizeof field_table[0], true, &fields));
    out->entry.has_id = fields.has_id;
    out->entry.id = fields.id;
    out->entry.serial = bytes_or_none(fields.serial);
    out->entry.model = bytes_or_none(fields.model);
    TRY(buf_append_bytes(&out->spki, buf_view(&fields.spki)));
    out->entry.spki = buf_view(&out->spki);
    ENSURE(fields.has_id != (out->spki.n > 0), ERR_UNPROCESSABLE, "give either 'id' or 'spki'");
    if (fields.attributes != NULL) {
        TRY(json_append(&out->attributes, fields.attributes));
        ENSURE(out->attributes.n <= ATTRIBUTES_MAX, ERR_UNPROCESSABLE,
               "'attributes' may have %d bytes at most", ATTRIBUTES_MAX);
        out->entry.attributes = buf_view(&out->attributes);
    }
    return OK;
}

err_t device_object_read(const json_t *value, struct device_object *out)
{
    if (!json_is_string(value)) {
        return read_object(value, out);
    }
    struct bytes text = {(const uint8_t *)json_string_value(value), json_string_length(value)};
    err_t error = hex_decode(text, out->entry.id.b, DEVICE_ID_SIZE);
    ENSURE(error.code == ERR_OK, ERR_UNPROCESSABLE, "a device id is 64 lower-case hexadecimal characters");
    out->entry.has_id = true;
    return OK;
}
