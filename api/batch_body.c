/* Reading a hand-over. Judges the form of each line; whether an id is taken or a key allowed is for
 * fleet/registry. */
#include "api/batch_body.h"

#include <stdio.h>
#include <string.h>

enum { SPKI_MAX = 1024, ATTRIBUTES_MAX = 1023, ARENA_PER_BYTE = 4, ARENA_BASE = 1 << 20 };

void batch_body_clear(struct batch_body *body)
{
    json_decref(body->document);
    arena_free(body->arena);
    *body = (struct batch_body){.document = NULL};
}

/* A line in object form, as it stands. */
struct raw_device {
    struct device_id id;
    bool has_id;
    struct buf spki;
    const char *serial, *model;
    json_t *attributes;
};
static void raw_device_clear(struct raw_device *raw)
{
    buf_clear(&raw->spki);
}
DEFINE_AUTO_VAL(raw_device, raw_device_clear);

static const struct json_field device_fields[] = {
    {"id", JSON_KIND_HEX32, false, offsetof(struct raw_device, id), 0, 0,
     offsetof(struct raw_device, has_id)},
    {"spki", JSON_KIND_BASE64, false, offsetof(struct raw_device, spki), 1, SPKI_MAX, JSON_NO_HAS},
    {"serial", JSON_KIND_TEXT, false, offsetof(struct raw_device, serial), 1, SERIAL_TEXT_SIZE - 1,
     JSON_NO_HAS},
    {"model", JSON_KIND_TEXT, false, offsetof(struct raw_device, model), 1, MODEL_SIZE - 1, JSON_NO_HAS},
    {"attributes", JSON_KIND_OBJECT, false, offsetof(struct raw_device, attributes), 0, 0, JSON_NO_HAS},
};

static err_t keep(struct arena *arena, struct bytes text, struct bytes *out)
{
    const char *copy = NULL;
    TRY(arena_dup_str(arena, text, &copy));
    *out = (struct bytes){(const uint8_t *)copy, text.n};
    return OK;
}

static struct bytes text_or_none(const char *text)
{
    return text == NULL ? BYTES_NONE : bytes_str(text);
}

static err_t read_object(struct arena *arena, const json_t *line, struct device_entry *out)
{
    AUTO_VAL(raw_device) raw = {.serial = NULL};
    TRY(json_read(line, device_fields, sizeof device_fields / sizeof device_fields[0], true, &raw));
    ENSURE(raw.has_id != (raw.spki.n > 0), ERR_UNPROCESSABLE, "give either 'id' or 'spki'");
    out->has_id = raw.has_id;
    out->id = raw.id;
    out->serial = text_or_none(raw.serial);
    out->model = text_or_none(raw.model);
    if (raw.spki.n > 0) {
        TRY(keep(arena, buf_view(&raw.spki), &out->spki));
    }
    if (raw.attributes != NULL) {
        AUTO_VAL(buf) text = {0};
        TRY(json_append(&text, raw.attributes));
        ENSURE(text.n <= ATTRIBUTES_MAX, ERR_UNPROCESSABLE, "'attributes' may have %d bytes at most",
               ATTRIBUTES_MAX);
        TRY(keep(arena, buf_view(&text), &out->attributes));
    }
    return OK;
}

static err_t read_line(struct arena *arena, const json_t *line, struct device_entry *out)
{
    if (!json_is_string(line)) {
        ENSURE(json_is_object(line), ERR_UNPROCESSABLE, "a device is an id or an object");
        return read_object(arena, line, out);
    }
    struct bytes text = {(const uint8_t *)json_string_value(line), json_string_length(line)};
    err_t error = hex_decode(text, out->id.b, sizeof out->id.b);
    ENSURE(error.code == ERR_OK, ERR_UNPROCESSABLE, "a device id is 64 lower-case hexadecimal characters");
    out->has_id = true;
    return OK;
}

static void refuse_line(struct batch_report *report, size_t index, const err_t *why)
{
    report->refused++;
    if (report->listed < BATCH_REPORT_MAX) {
        struct refused_line *line = &report->lines[report->listed++];
        line->index = index;
        line->code = why->code;
        snprintf(line->reason, sizeof line->reason, "%s", why->detail);
    }
}

static err_t read_lines(const json_t *list, struct batch_body *out, struct batch_report *report)
{
    size_t count = json_array_size(list);
    void *memory = NULL;
    TRY(arena_alloc(out->arena, count * sizeof(struct device_entry), &memory));
    out->devices = memory;
    out->count = count;
    for (size_t i = 0; i < count; i++) {
        err_t error = read_line(out->arena, json_array_get(list, i), &out->devices[i]);
        if (err_status(error.code) >= 500) {
            return error;
        }
        if (error.code != ERR_OK) {
            refuse_line(report, i, &error);
        }
    }
    ENSURE(report->refused == 0, ERR_UNPROCESSABLE, "%zu of %zu devices were refused, so none was registered",
           report->refused, count);
    return OK;
}

err_t batch_body_parse(struct bytes text, size_t limit, struct batch_body *out, struct batch_report *report)
{
    struct raw {
        const char *name, *product;
        json_t *devices;
    } raw = {NULL, NULL, NULL};
    static const struct json_field fields[] = {
        {"name", JSON_KIND_TEXT, false, offsetof(struct raw, name), 1, NAME_SIZE - 1, JSON_NO_HAS},
        {"product", JSON_KIND_TEXT, false, offsetof(struct raw, product), 1, NAME_SIZE - 1, JSON_NO_HAS},
        {"devices", JSON_KIND_ARRAY, true, offsetof(struct raw, devices), 1, 0, JSON_NO_HAS},
    };
    report->listed = 0;
    report->refused = 0;
    TRY(json_parse(text, limit, &out->document));
    TRY(json_read(out->document, fields, sizeof fields / sizeof fields[0], true, &raw));
    ENSURE(json_array_size(raw.devices) <= BATCH_DEVICES_MAX, ERR_TOO_LARGE,
           "a batch may have %d devices at most", BATCH_DEVICES_MAX);
    out->name = text_or_none(raw.name);
    out->product = text_or_none(raw.product);
    /* one entry per line, and copies that are shorter than what they were read from, rounded up */
    size_t entries = json_array_size(raw.devices) * sizeof(struct device_entry);
    TRY(arena_new(ARENA_BASE + entries + ARENA_PER_BYTE * text.n, &out->arena));
    return read_lines(raw.devices, out, report);
}
