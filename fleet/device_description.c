/* Labels, attributes and note of a device, changed in one transaction with their audit record. The patch is
 * merged into what is stored there and then, so two patches to different labels both hold. */
#include "fleet/device_description.h"

#include <stdio.h>
#include <string.h>

#include "base/json_merge.h"
#include "db/device_label_rows.h"
#include "db/device_rows.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/names.h"

struct describe {
    const struct terms *terms;
    const struct device_id *id;
    const json_t *patch;
    struct device_row *device;
};

/* --- labels ----------------------------------------------------------------------------------------- */

static err_t check_label(const char *name, const json_t *value)
{
    struct bytes text = {(const uint8_t *)json_string_value(value), json_string_length(value)};
    ENSURE(strlen(name) <= LABEL_NAME_MAX, ERR_UNPROCESSABLE, "a label's name has %d characters at most",
           LABEL_NAME_MAX);
    TRY(name_check(bytes_str(name), "label's name"));
    ENSURE(json_is_string(value) && text.n >= 1 && text.n <= LABEL_VALUE_MAX, ERR_UNPROCESSABLE,
           "a label's value is a text of 1 to %d bytes", LABEL_VALUE_MAX);
    char copy[LABEL_VALUE_MAX + 1];
    return text_copy(text, "label's value", copy, sizeof copy);
}

static err_t check_labels(json_t *labels, struct faults *faults)
{
    char pointer[FAULT_POINTER_SIZE];
    for (void *i = json_object_iter(labels); i != NULL; i = json_object_iter_next(labels, i)) {
        /* a name that is none is not repeated: a pointer would have to escape it (RFC 6901 §3) */
        bool is_name = name_check(bytes_str(json_object_iter_key(i)), "").code == ERR_OK;
        (void)snprintf(pointer, sizeof pointer, "/labels%s%s", is_name ? "/" : "",
                       is_name ? json_object_iter_key(i) : "");
        TRY(faults_note(faults, pointer, check_label(json_object_iter_key(i), json_object_iter_value(i))));
    }
    if (json_object_size(labels) > LABELS_MAX) {
        faults_add(faults, "/labels", "a device has %d labels at most", LABELS_MAX);
    }
    return OK;
}

static err_t store_labels(struct db_tx *tx, const struct device_row *device, json_t *labels)
{
    TRY(device_label_rows_clear(tx, device->tenant, &device->id));
    for (void *i = json_object_iter(labels); i != NULL; i = json_object_iter_next(labels, i)) {
        TRY(device_label_rows_insert(tx, device, json_object_iter_key(i),
                                     json_string_value(json_object_iter_value(i))));
    }
    return OK;
}

/* --- the three members ------------------------------------------------------------------------------ */

/* The stored object of a member with the patch merged in, and its text where the row keeps it. */
static err_t merge_member(const struct describe *run, const char *name, char *text, size_t size, json_t **out)
{
    AUTO(json_t) *value = json_loads(text[0] == '\0' ? "{}" : text, 0, NULL);
    ENSURE(value != NULL, ERR_INTERNAL, "a device's %s are no JSON", name);
    const json_t *patch = json_object_get(run->patch, name);
    if (json_is_null(patch)) {
        TRY(json_object_clear(value) == 0 ? OK : ERR(ERR_INTERNAL, "%s", name));
    } else if (patch != NULL) {
        TRY(json_merge(value, patch));
    }
    AUTO_VAL(buf) merged = {0};
    TRY(json_append(&merged, value));
    if (merged.n < size) {
        memcpy(text, buf_str(&merged), merged.n + 1);
    } else {
        char pointer[FAULT_POINTER_SIZE];
        (void)snprintf(pointer, sizeof pointer, "/%s", name);
        faults_add(run->terms->faults, pointer, "%s may have %zu bytes at most", name, size - 1);
    }
    *out = TAKE(value);
    return OK;
}

static err_t merge_note(const struct describe *run)
{
    const json_t *note = json_object_get(run->patch, "note");
    if (note == NULL) {
        return OK;
    }
    struct bytes text = {(const uint8_t *)json_string_value(note), json_string_length(note)};
    err_t error = text_copy(text, "note", run->device->note, sizeof run->device->note);
    return faults_note(run->terms->faults, "/note", error);
}

static err_t record(struct db_tx *tx, const struct describe *run, json_t *labels)
{
    static const char *const members[] = {"labels", "attributes", "note"};
    AUTO(json_t) *body = json_object();
    AUTO(json_t) *changed = json_array();
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (json_object_get(run->patch, members[i]) != NULL) {
            ENSURE(json_array_append_new(changed, json_string(members[i])) == 0, ERR_NO_MEMORY, "a record");
        }
    }
    TRY(json_take(body, "changed", TAKE(changed)));
    TRY(json_take(body, "labels", json_incref(labels)));
    struct event event = {.kind = "device.changed",
                          .result = "ok",
                          .actor = run->terms->actor.name,
                          .request_id = run->terms->actor.request_id,
                          .tenant = &run->device->tenant,
                          .device = &run->device->id};
    return event_append_value(tx, &event, body);
}

static err_t describe(struct db_tx *tx, void *arg)
{
    struct describe *run = arg;
    AUTO(json_t) *labels = NULL;
    AUTO(json_t) *attributes = NULL;
    TRY(device_rows_find(tx, run->terms->tenant, run->id, run->device));
    TRY(terms_check_version(run->terms, run->device->ver));
    if (json_object_size(run->patch) == 0) {
        return OK;
    }
    TRY(merge_member(run, "labels", run->device->labels, sizeof run->device->labels, &labels));
    TRY(check_labels(labels, run->terms->faults));
    TRY(merge_member(run, "attributes", run->device->attributes, sizeof run->device->attributes,
                     &attributes));
    TRY(merge_note(run));
    TRY(faults_error(run->terms->faults));
    TRY(device_rows_describe(tx, run->device));
    TRY(store_labels(tx, run->device, labels));
    return record(tx, run, labels);
}

err_t device_describe(struct fleet *fleet, const struct terms *terms, const struct device_id *id,
                      const json_t *patch, struct device_row *out)
{
    struct describe run = {.terms = terms, .id = id, .patch = patch, .device = out};
    return db_write(fleet->db, describe, &run);
}
