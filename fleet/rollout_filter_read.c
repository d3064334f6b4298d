/* A rollout's filter from JSON. The name of a batch stays a name here: who stores it looks it up. */
#include <stdio.h>
#include <string.h>

#include "fleet/names.h"
#include "fleet/rekey_spec_internal.h"
#include "fleet/rollout_spec.h"

struct raw {
    const char *batch, *model, *version;
    bool is_all, has_batch_id;
    struct uuid batch_id;
    json_t *labels;
    int64_t sequence_below;
};
static const struct json_field fields[] = {
    {"all", JSON_KIND_BOOLEAN, false, offsetof(struct raw, is_all), 0, 0, JSON_NO_HAS},
    {"batch", JSON_KIND_TEXT, false, offsetof(struct raw, batch), 1, NAME_SIZE - 1, JSON_NO_HAS},
    {"batch_id", JSON_KIND_UUID, false, offsetof(struct raw, batch_id), 0, 0,
     offsetof(struct raw, has_batch_id)},
    {"model", JSON_KIND_TEXT, false, offsetof(struct raw, model), 1, MODEL_SIZE - 1, JSON_NO_HAS},
    {"installed_version", JSON_KIND_TEXT, false, offsetof(struct raw, version), 1, ROLLOUT_VERSION_SIZE - 1,
     JSON_NO_HAS},
    {"sequence_below", JSON_KIND_INTEGER, false, offsetof(struct raw, sequence_below), 1, INT64_MAX,
     JSON_NO_HAS},
    {"labels", JSON_KIND_OBJECT, false, offsetof(struct raw, labels), 0, 0, JSON_NO_HAS},
};

static err_t read_labels(json_t *labels, struct faults *faults, struct rollout_filter *out)
{
    if (json_object_size(labels) > REKEY_LABELS_MAX) {
        faults_add(faults, "/filter/labels", "a filter has %d labels at most", REKEY_LABELS_MAX);
        return OK;
    }
    for (void *i = json_object_iter(labels); i != NULL; i = json_object_iter_next(labels, i)) {
        struct rekey_label *label = &out->labels[out->label_count];
        err_t error = rekey_label_read(json_object_iter_key(i), json_object_iter_value(i), label);
        out->label_count += error.code == ERR_OK ? 1 : 0;
        TRY(faults_note(faults, "/filter/labels", error));
    }
    return OK;
}

static bool is_limited(const struct rollout_filter *filter)
{
    return filter->has_batch || filter->batch_name[0] != '\0' || filter->model[0] != '\0' ||
           filter->installed_version[0] != '\0' || filter->sequence_below != 0 || filter->label_count > 0;
}

static void take_text(const char *text, char *out, size_t size)
{
    (void)snprintf(out, size, "%s", text != NULL ? text : "");
}

static err_t read_filter(const json_t *filter, struct faults *faults, struct rollout_filter *out)
{
    struct raw raw = {.batch = NULL};
    TRY(rekey_read_nested(filter, "/filter",
                          &(struct rekey_nested){fields, sizeof fields / sizeof fields[0], &raw}, faults));
    *out = (struct rollout_filter){.is_all = raw.is_all,
                                   .has_batch = raw.has_batch_id,
                                   .batch = raw.batch_id,
                                   .sequence_below = raw.sequence_below};
    take_text(raw.batch, out->batch_name, sizeof out->batch_name);
    take_text(raw.model, out->model, sizeof out->model);
    take_text(raw.version, out->installed_version, sizeof out->installed_version);
    if (raw.has_batch_id && raw.batch != NULL) {
        faults_add(faults, "/filter/batch", "name the batch or give its id, not both");
    }
    TRY(raw.labels != NULL ? read_labels(raw.labels, faults, out) : OK);
    if (faults->count == 0 && out->is_all && is_limited(out)) {
        faults_add(faults, "/filter/all", "all devices are meant, and only some: say one");
    } else if (faults->count == 0 && !out->is_all && !is_limited(out)) {
        faults_add(faults, "/filter",
                   "the filter is empty: say \"all\": true if every device of the product is meant");
    }
    return OK;
}

err_t rollout_filter_read(const json_t *document, struct faults *faults, struct rollout_filter *out)
{
    const json_t *filter = json_object_get(document, "filter");
    *out = (struct rollout_filter){.is_all = false};
    if (!json_is_object(filter)) {
        faults_add(faults, "/filter", "'filter' must be an object");
        return OK;
    }
    return read_filter(filter, faults, out);
}
