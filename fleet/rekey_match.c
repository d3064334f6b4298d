/* The comparisons, each by itself, in the order in which a person would want to hear of them. */
#include "fleet/rekey_match.h"

#include <string.h>

#include "base/hash.h"

enum { PLACES = 10000, PLACES_PER_PERCENT = PLACES / 100 };

static bool has_label(const json_t *labels, const struct rekey_label *label)
{
    const char *value = json_string_value(json_object_get(labels, label->name));
    return value != NULL && strcmp(value, label->value) == 0;
}

static bool has_labels(const struct rekey_filter *filter, const struct device_row *device)
{
    if (filter->label_count == 0) {
        return true;
    }
    AUTO(json_t) *labels = json_loads(device->labels, 0, NULL);
    bool has_all = true;
    for (size_t i = 0; i < filter->label_count; i++) {
        has_all = has_all && has_label(labels, &filter->labels[i]);
    }
    return has_all;
}

static enum rekey_verdict judge_certificate(const struct rekey_filter *filter,
                                            const struct rekey_subject *subject)
{
    const struct certificate_row *row = subject->certificate;
    if (filter->authority[0] != '\0' && strcmp(row->authority, filter->authority) != 0) {
        return REKEY_NOT_AUTHORITY;
    }
    if (filter->key_algorithms != 0 && (filter->key_algorithms & subject->key_algorithm) == 0) {
        return REKEY_NOT_ALGORITHM;
    }
    if (filter->issued_before != 0 && row->issued_at >= filter->issued_before) {
        return REKEY_NOT_ISSUED_BEFORE;
    }
    if (filter->generation_below != 0 && row->generation >= filter->generation_below) {
        return REKEY_NOT_GENERATION;
    }
    return REKEY_IS_MEANT;
}

enum rekey_verdict rekey_filter_judge(const struct rekey_filter *filter, const struct rekey_subject *subject)
{
    const struct device_row *device = subject->device;
    if (filter->has_product && !uuid_equal(filter->product, device->product)) {
        return REKEY_NOT_PRODUCT;
    }
    if (filter->has_batch && !uuid_equal(filter->batch, device->batch)) {
        return REKEY_NOT_BATCH;
    }
    if (!has_labels(filter, device)) {
        return REKEY_NOT_LABEL;
    }
    if (device->state != DEVICE_ENROLLED && device->state != DEVICE_REGISTERED) {
        return REKEY_DEVICE_STATE;
    }
    return subject->certificate == NULL ? REKEY_NO_CERTIFICATE : judge_certificate(filter, subject);
}

enum rekey_verdict rekey_need_judge(const struct rekey_spec *spec, const struct rekey_course *course,
                                    const struct rekey_subject *subject)
{
    enum rekey_verdict verdict = rekey_filter_judge(&spec->filter, subject);
    if (verdict != REKEY_IS_MEANT) {
        return verdict;
    }
    bool is_late = subject->device->enrolled_at >= course->started_at;
    if (is_late) {
        return spec->has_late_joiners ? REKEY_IS_MEANT : REKEY_LATE_JOINER;
    }
    return subject->key_since >= course->started_at ? REKEY_HAS_NEW_KEY : REKEY_IS_MEANT;
}

err_t rekey_wave_of(const struct rekey_spec *spec, struct uuid plan, const struct device_row *device,
                    int64_t *out)
{
    struct sha256 hash;
    AUTO(json_t) *labels = json_loads(device->labels, 0, NULL);
    TRY(sha256_of_parts((struct bytes[]){BYTES_OF(plan.b), BYTES_OF(device->id.b)}, 2, &hash));
    int64_t place = ((int64_t)hash.b[0] << 24 | hash.b[1] << 16 | hash.b[2] << 8 | hash.b[3]) % PLACES;
    *out = 0;
    for (size_t i = 0; i < spec->wave_count; i++) {
        const struct rekey_wave *wave = &spec->waves[i];
        bool is_canary = wave->label.name[0] != '\0' && has_label(labels, &wave->label);
        *out = (int64_t)i;
        if (is_canary || place < wave->percent * PLACES_PER_PERCENT) {
            break;
        }
    }
    return OK;
}
