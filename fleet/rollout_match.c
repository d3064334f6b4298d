/* The comparisons, each by itself, in the order in which a person would want to hear of them. */
#include "fleet/rollout_match.h"

#include <string.h>

#include "base/hash.h"

enum { PLACES = 10000, PLACES_PER_PERCENT = PLACES / 100 };

static bool has_label(const json_t *labels, const struct rekey_label *label)
{
    const char *value = json_string_value(json_object_get(labels, label->name));
    return value != NULL && strcmp(value, label->value) == 0;
}

static bool has_labels(const struct rollout_filter *filter, const struct device_row *device)
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

enum rollout_verdict rollout_filter_judge(const struct rollout_filter *filter,
                                          const struct rollout_subject *subject)
{
    const struct device_row *device = subject->device;
    const struct device_firmware_row *firmware = subject->firmware;
    if (filter->has_batch && !uuid_equal(filter->batch, device->batch)) {
        return ROLLOUT_NOT_BATCH;
    }
    if (filter->model[0] != '\0' && strcmp(filter->model, device->model) != 0) {
        return ROLLOUT_NOT_MODEL;
    }
    if (!has_labels(filter, device)) {
        return ROLLOUT_NOT_LABEL;
    }
    if (filter->installed_version[0] != '\0' &&
        strcmp(filter->installed_version, firmware->installed_version) != 0) {
        return ROLLOUT_NOT_VERSION;
    }
    bool is_below = filter->sequence_below == 0 || firmware->sequence < filter->sequence_below;
    return is_below ? ROLLOUT_MEANS_IT : ROLLOUT_NOT_SEQUENCE;
}

/* --- versions ----------------------------------------------------------------------------------------- */

/* The next number of a dotted version, and what follows it. */
static int64_t take_number(const char **text)
{
    int64_t number = 0;
    while (**text >= '0' && **text <= '9' && number < INT64_MAX / 100) {
        number = number * 10 + (**text - '0');
        (*text)++;
    }
    *text = **text == '.' ? *text + 1 : "";
    return number;
}

int rollout_version_compare(const char *a, const char *b)
{
    while (*a != '\0' || *b != '\0') {
        int64_t left = take_number(&a), right = take_number(&b);
        if (left != right) {
            return left < right ? -1 : 1;
        }
    }
    return 0;
}

static bool has_source(const struct rollout_spec *spec, const struct device_firmware_row *firmware)
{
    const char *version = firmware->installed_version;
    bool is_compared = spec->source_min_version[0] != '\0';
    bool is_known = version[0] >= '0' && version[0] <= '9';
    return firmware->sequence >= spec->source_min_sequence &&
           (!is_compared || (is_known && rollout_version_compare(version, spec->source_min_version) >= 0));
}

/* --- the release -------------------------------------------------------------------------------------- */

static enum rollout_verdict judge_release(const struct rollout_spec *spec,
                                          const struct offer_release_row *release,
                                          const struct rollout_subject *subject)
{
    const struct device_firmware_row *firmware = subject->firmware;
    if (release->sequence <= firmware->sequence) {
        return ROLLOUT_HAS_IT;
    }
    if (release->counter < firmware->counter) {
        return ROLLOUT_COUNTER_TOO_HIGH;
    }
    if (firmware->sequence < release->min_sequence) {
        return ROLLOUT_MIN_SEQUENCE;
    }
    return has_source(spec, firmware) ? ROLLOUT_MEANS_IT : ROLLOUT_NOT_SOURCE;
}

enum rollout_verdict rollout_need_judge(const struct rollout_spec *spec, int64_t started_at,
                                        const struct offer_release_row *release,
                                        const struct rollout_subject *subject)
{
    const struct device_row *device = subject->device;
    if (!uuid_equal(release->product, device->product)) {
        return ROLLOUT_NOT_PRODUCT;
    }
    if (release->hardware_class[0] != '\0' && strcmp(release->hardware_class, device->model) != 0) {
        return ROLLOUT_NOT_CLASS;
    }
    enum rollout_verdict verdict = rollout_filter_judge(&spec->filter, subject);
    if (verdict != ROLLOUT_MEANS_IT) {
        return verdict;
    }
    if (started_at != 0 && !spec->has_late_joiners && device->registered_at >= started_at) {
        return ROLLOUT_LATE_JOINER;
    }
    if (device->state != DEVICE_ENROLLED) {
        return ROLLOUT_DEVICE_STATE;
    }
    return judge_release(spec, release, subject);
}

/* --- waves -------------------------------------------------------------------------------------------- */

err_t rollout_place_of(const struct rollout_spec *spec, const struct rollout_course *course,
                       const struct device_row *device, struct rollout_place *out)
{
    struct sha256 hash;
    AUTO(json_t) *labels = json_loads(device->labels, 0, NULL);
    TRY(sha256_of_parts((struct bytes[]){BYTES_OF(course->id.b), BYTES_OF(device->id.b)}, 2, &hash));
    int64_t place = ((int64_t)hash.b[0] << 24 | hash.b[1] << 16 | hash.b[2] << 8 | hash.b[3]) % PLACES;
    *out = (struct rollout_place){.wave = (int64_t)spec->wave_count};
    for (size_t i = 0; i < spec->wave_count; i++) {
        const struct rollout_wave *wave = &spec->waves[i];
        bool is_canary = wave->label.name[0] != '\0' && has_label(labels, &wave->label);
        bool is_in = is_canary || place < wave->percent * PLACES_PER_PERCENT;
        out->wave = is_in && (int64_t)i < out->wave ? (int64_t)i : out->wave;
        out->room = (int64_t)i <= course->wave && wave->count > out->room ? wave->count : out->room;
    }
    return OK;
}

enum rollout_verdict rollout_wave_judge(const struct rollout_place *place,
                                        const struct rollout_course *course, int64_t offered)
{
    if (place->wave <= course->wave || offered < place->room) {
        return ROLLOUT_MEANS_IT;
    }
    return place->room > 0 ? ROLLOUT_WAVE_FULL : ROLLOUT_OTHER_WAVE;
}
