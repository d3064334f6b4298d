/* Reading a hand-over. Judges the form of each line; whether an id is taken or a key allowed is for
 * fleet/registry. */
#include "api/batch_body.h"

#include <stdio.h>

#include "fleet/device_object.h"

enum { ARENA_PER_BYTE = 4, ARENA_BASE = 1 << 20 };

void batch_body_clear(struct batch_body *body)
{
    json_decref(body->document);
    arena_free(body->arena);
    *body = (struct batch_body){.document = NULL};
}

static err_t keep(struct arena *arena, struct bytes text, struct bytes *out)
{
    const char *copy = NULL;
    TRY(arena_dup_str(arena, text, &copy));
    *out = (struct bytes){(const uint8_t *)copy, text.n};
    return OK;
}

/* Serial and model stay where they are, in the document. */
static err_t read_line(struct arena *arena, const json_t *line, struct device_entry *out)
{
    AUTO_VAL(device_object) object = {.entry = {.has_id = false}};
    TRY(device_object_read(line, &object));
    *out = object.entry;
    TRY(object.spki.n == 0 ? OK : keep(arena, buf_view(&object.spki), &out->spki));
    return object.attributes.n == 0 ? OK : keep(arena, buf_view(&object.attributes), &out->attributes);
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
    out->name = bytes_or_none(raw.name);
    out->product = bytes_or_none(raw.product);
    /* one entry per line, and copies that are shorter than what they were read from, rounded up */
    size_t entries = json_array_size(raw.devices) * sizeof(struct device_entry);
    TRY(arena_new(ARENA_BASE + entries + ARENA_PER_BYTE * text.n, &out->arena));
    return read_lines(raw.devices, out, report);
}
