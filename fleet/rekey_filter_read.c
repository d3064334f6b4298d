/* A campaign's filter from JSON. Names of products and batches stay names here: who stores it looks them up.
 */
#include <stdio.h>
#include <string.h>

#include "fleet/names.h"
#include "fleet/policy_words.h"
#include "fleet/rekey_spec_internal.h"

enum { ALGORITHMS_MAX = 8 };

struct raw {
    const char *product, *batch, *authority;
    bool is_all, has_product_id, has_batch_id, has_issued_before;
    struct uuid product_id, batch_id;
    json_t *key_algorithms, *labels;
    int64_t issued_before, generation_below;
};
static const struct json_field fields[] = {
    {"all", JSON_KIND_BOOLEAN, false, offsetof(struct raw, is_all), 0, 0, JSON_NO_HAS},
    {"product", JSON_KIND_TEXT, false, offsetof(struct raw, product), 1, NAME_SIZE - 1, JSON_NO_HAS},
    {"product_id", JSON_KIND_UUID, false, offsetof(struct raw, product_id), 0, 0,
     offsetof(struct raw, has_product_id)},
    {"batch", JSON_KIND_TEXT, false, offsetof(struct raw, batch), 1, NAME_SIZE - 1, JSON_NO_HAS},
    {"batch_id", JSON_KIND_UUID, false, offsetof(struct raw, batch_id), 0, 0,
     offsetof(struct raw, has_batch_id)},
    {"authority", JSON_KIND_TEXT, false, offsetof(struct raw, authority), 1, AUTHORITY_ID_SIZE - 1,
     JSON_NO_HAS},
    {"key_algorithms", JSON_KIND_ARRAY, false, offsetof(struct raw, key_algorithms), 1, ALGORITHMS_MAX,
     JSON_NO_HAS},
    {"issued_before", JSON_KIND_TIME, false, offsetof(struct raw, issued_before), 0, 0,
     offsetof(struct raw, has_issued_before)},
    {"generation_below", JSON_KIND_INTEGER, false, offsetof(struct raw, generation_below), 1, INT32_MAX,
     JSON_NO_HAS},
    {"labels", JSON_KIND_OBJECT, false, offsetof(struct raw, labels), 0, 0, JSON_NO_HAS},
};

static err_t read_algorithms(const json_t *list, struct faults *faults, struct rekey_filter *out)
{
    char pointer[FAULT_POINTER_SIZE];
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *word = json_array_get(list, i);
        struct bytes text = {(const uint8_t *)json_string_value(word), json_string_length(word)};
        uint32_t bit = 0;
        (void)snprintf(pointer, sizeof pointer, "/filter/key_algorithms/%zu", i);
        TRY(faults_note(faults, pointer, key_algorithm_parse(text, &bit)));
        out->key_algorithms |= bit;
    }
    return OK;
}

err_t rekey_label_read(const char *name, const json_t *value, struct rekey_label *out)
{
    struct bytes text = {(const uint8_t *)json_string_value(value), json_string_length(value)};
    ENSURE(strlen(name) <= LABEL_NAME_MAX, ERR_UNPROCESSABLE, "a label's name has %d characters at most",
           LABEL_NAME_MAX);
    TRY(name_check(bytes_str(name), "label's name"));
    ENSURE(text.n >= 1, ERR_UNPROCESSABLE, "a label's value is a text of 1 to %d bytes", LABEL_VALUE_MAX);
    TRY(text_copy(text, "label's value", out->value, sizeof out->value));
    (void)snprintf(out->name, sizeof out->name, "%s", name);
    return OK;
}

static err_t read_labels(json_t *labels, struct faults *faults, struct rekey_filter *out)
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

static bool is_limited(const struct rekey_filter *filter)
{
    return filter->has_product || filter->product_name[0] != '\0' || filter->has_batch ||
           filter->batch_name[0] != '\0' || filter->authority[0] != '\0' || filter->key_algorithms != 0 ||
           filter->issued_before != 0 || filter->generation_below != 0 || filter->label_count > 0;
}

/* A name or an id, not both. */
static void take_names(const struct raw *raw, struct faults *faults, struct rekey_filter *out)
{
    (void)snprintf(out->product_name, sizeof out->product_name, "%s",
                   raw->product != NULL ? raw->product : "");
    (void)snprintf(out->batch_name, sizeof out->batch_name, "%s", raw->batch != NULL ? raw->batch : "");
    (void)snprintf(out->authority, sizeof out->authority, "%s", raw->authority != NULL ? raw->authority : "");
    if (raw->has_product_id && raw->product != NULL) {
        faults_add(faults, "/filter/product", "name the product or give its id, not both");
    }
    if (raw->has_batch_id && raw->batch != NULL) {
        faults_add(faults, "/filter/batch", "name the batch or give its id, not both");
    }
}

static err_t read_filter(const json_t *filter, struct faults *faults, struct rekey_filter *out)
{
    struct raw raw = {.product = NULL};
    TRY(rekey_read_nested(filter, "/filter",
                          &(struct rekey_nested){fields, sizeof fields / sizeof fields[0], &raw}, faults));
    *out = (struct rekey_filter){.is_all = raw.is_all,
                                 .has_product = raw.has_product_id,
                                 .product = raw.product_id,
                                 .has_batch = raw.has_batch_id,
                                 .batch = raw.batch_id,
                                 .issued_before = raw.issued_before,
                                 .generation_below = raw.generation_below};
    take_names(&raw, faults, out);
    TRY(raw.key_algorithms != NULL ? read_algorithms(raw.key_algorithms, faults, out) : OK);
    TRY(raw.labels != NULL ? read_labels(raw.labels, faults, out) : OK);
    if (faults->count == 0 && out->is_all && is_limited(out)) {
        faults_add(faults, "/filter/all", "all devices are meant, and only some: say one");
    } else if (faults->count == 0 && !out->is_all && !is_limited(out)) {
        faults_add(faults, "/filter", "the filter is empty: say \"all\": true if every device is meant");
    }
    return OK;
}

err_t rekey_filter_read(const json_t *document, struct faults *faults, struct rekey_filter *out)
{
    const json_t *filter = json_object_get(document, "filter");
    *out = (struct rekey_filter){.is_all = false};
    if (!json_is_object(filter)) {
        faults_add(faults, "/filter", "'filter' must be an object");
        return OK;
    }
    return read_filter(filter, faults, out);
}
