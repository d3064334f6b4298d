/* A campaign from JSON: reads, checks each value by itself and the waves as a row. Knows no state of a
 * campaign (rekey_plans.c decides what may change when). */
#include <stdio.h>
#include <string.h>

#include "fleet/rekey_spec_internal.h"

enum {
    RATE_MAX = 100000,
    SECOND_MS = 1000,
    MINUTE_MS = 60 * SECOND_MS,
    WEEK_S = 7 * 86400,
    SUCCESS_PERCENT = 95,
    WORD_MAX = 16
};

void rekey_spec_init(struct rekey_spec *out)
{
    *out = (struct rekey_spec){.waves = {{.percent = 100}},
                               .wave_count = 1,
                               .confirm_within_s = WEEK_S,
                               .finish_after_quiet_s = WEEK_S,
                               .has_late_joiners = true};
}

err_t rekey_read_nested(const json_t *object, const char *place, const struct rekey_nested *nested,
                        struct faults *faults)
{
    struct faults found = {.count = 0};
    TRY(json_read_all(object, nested->fields, nested->count, &found, nested->target));
    for (size_t i = 0; i < found.count; i++) {
        char pointer[FAULT_POINTER_SIZE];
        int n = snprintf(pointer, sizeof pointer, "%s%s", place, found.items[i].pointer);
        bool fits = n > 0 && (size_t)n < sizeof pointer;
        faults_add(faults, fits ? pointer : place, "%s", found.items[i].detail);
    }
    return OK;
}

/* --- waves -------------------------------------------------------------------------------------------- */

struct raw_wave {
    int64_t percent;
    json_t *labels;
};
static const struct json_field wave_fields[] = {
    {"percent", JSON_KIND_INTEGER, false, offsetof(struct raw_wave, percent), 1, 100, JSON_NO_HAS},
    {"label", JSON_KIND_OBJECT, false, offsetof(struct raw_wave, labels), 0, 0, JSON_NO_HAS},
};

static err_t read_wave(const json_t *wave, const char *place, struct faults *faults, struct rekey_wave *out)
{
    struct raw_wave raw = {.percent = 0};
    TRY(rekey_read_nested(wave, place, &(struct rekey_nested){wave_fields, 2, &raw}, faults));
    *out = (struct rekey_wave){.percent = raw.percent};
    if (raw.labels == NULL && raw.percent == 0) {
        faults_add(faults, place, "a wave has a percent, a label or both");
    }
    if (raw.labels == NULL) {
        return OK;
    }
    void *first = json_object_iter(raw.labels);
    if (json_object_size(raw.labels) != 1) {
        faults_add(faults, place, "a wave has one label");
        return OK;
    }
    return faults_note(
        faults, place,
        rekey_label_read(json_object_iter_key(first), json_object_iter_value(first), &out->label));
}

/* Each wave says more than the one before; the last one is everybody. */
static void check_waves(const struct rekey_spec *spec, struct faults *faults)
{
    int64_t before = 0;
    for (size_t i = 0; i < spec->wave_count; i++) {
        const struct rekey_wave *wave = &spec->waves[i];
        bool is_more = wave->percent > before || wave->label.name[0] != '\0';
        if (!is_more || (wave->percent > 0 && wave->percent < before)) {
            faults_add(faults, "/waves", "the percents of the waves rise");
        }
        before = wave->percent > before ? wave->percent : before;
    }
    if (before != 100) {
        faults_add(faults, "/waves", "the last wave has 100 percent");
    } else if (spec->waves[spec->wave_count - 1].percent != 100) {
        faults_add(faults, "/waves", "nothing follows the wave of 100 percent");
    }
}

static err_t read_waves(const json_t *list, struct faults *faults, struct rekey_spec *out)
{
    size_t before = faults->count;
    out->wave_count = json_array_size(list);
    for (size_t i = 0; i < out->wave_count; i++) {
        char place[FAULT_POINTER_SIZE];
        (void)snprintf(place, sizeof place, "/waves/%zu", i);
        TRY(read_wave(json_array_get(list, i), place, faults, &out->waves[i]));
    }
    if (faults->count == before) {
        check_waves(out, faults);
    }
    return OK;
}

/* --- the rate, when to stop, when to go on ------------------------------------------------------------- */

struct raw_rate {
    int64_t devices;
    const char *per;
};
static const struct json_field rate_fields[] = {
    {"devices", JSON_KIND_INTEGER, true, offsetof(struct raw_rate, devices), 1, RATE_MAX, JSON_NO_HAS},
    {"per", JSON_KIND_TEXT, false, offsetof(struct raw_rate, per), 1, WORD_MAX, JSON_NO_HAS},
};

static err_t read_rate(const json_t *value, struct faults *faults, struct rekey_spec *out)
{
    struct raw_rate raw = {.per = "second"};
    TRY(rekey_read_nested(value, "/rate_limit", &(struct rekey_nested){rate_fields, 2, &raw}, faults));
    bool is_minute = strcmp(raw.per, "minute") == 0;
    if (!is_minute && strcmp(raw.per, "second") != 0) {
        faults_add(faults, "/rate_limit/per", "'per' is second or minute");
    }
    out->rate = (struct rekey_rate){raw.devices, is_minute ? MINUTE_MS : SECOND_MS};
    return OK;
}

static err_t read_stop(const json_t *value, struct faults *faults, struct rekey_spec *out)
{
    static const struct json_field fields[] = {
        {"percent", JSON_KIND_INTEGER, true, offsetof(struct rekey_spec, stop_percent), 1, 100, JSON_NO_HAS},
        {"min_devices", JSON_KIND_INTEGER, false, offsetof(struct rekey_spec, stop_min), 1, INT32_MAX,
         JSON_NO_HAS},
    };
    out->stop_min = 1;
    return rekey_read_nested(value, "/stop_on_failure", &(struct rekey_nested){fields, 2, out}, faults);
}

static err_t read_advance(const json_t *value, struct faults *faults, struct rekey_spec *out)
{
    static const struct json_field fields[] = {
        {"soak_s", JSON_KIND_INTEGER, true, offsetof(struct rekey_spec, soak_s), 1, INT32_MAX, JSON_NO_HAS},
        {"success_percent", JSON_KIND_INTEGER, false, offsetof(struct rekey_spec, success_percent), 1, 100,
         JSON_NO_HAS},
    };
    out->success_percent = SUCCESS_PERCENT;
    return rekey_read_nested(value, "/advance", &(struct rekey_nested){fields, 2, out}, faults);
}

/* --- all of it ---------------------------------------------------------------------------------------- */

struct raw {
    const char *name;
    json_t *filter, *waves, *rate, *stop, *advance;
    int64_t starts_at, confirm_within_s, quiet_s;
    bool late, has_starts_at, has_confirm_within_s, has_quiet_s, has_late;
};
static const struct json_field fields[] = {
    {"filter", JSON_KIND_OBJECT, false, offsetof(struct raw, filter), 0, 0, JSON_NO_HAS},
    {"waves", JSON_KIND_ARRAY, false, offsetof(struct raw, waves), 1, REKEY_WAVES_MAX, JSON_NO_HAS},
    {"rate_limit", JSON_KIND_OBJECT, false, offsetof(struct raw, rate), 0, 0, JSON_NO_HAS},
    {"stop_on_failure", JSON_KIND_OBJECT, false, offsetof(struct raw, stop), 0, 0, JSON_NO_HAS},
    {"advance", JSON_KIND_OBJECT, false, offsetof(struct raw, advance), 0, 0, JSON_NO_HAS},
    {"starts_at", JSON_KIND_TIME, false, offsetof(struct raw, starts_at), 0, 0,
     offsetof(struct raw, has_starts_at)},
    {"confirm_within_s", JSON_KIND_INTEGER, false, offsetof(struct raw, confirm_within_s), 1, 366 * 86400,
     offsetof(struct raw, has_confirm_within_s)},
    {"finish_after_quiet_s", JSON_KIND_INTEGER, false, offsetof(struct raw, quiet_s), 1, 366 * 86400,
     offsetof(struct raw, has_quiet_s)},
    {"late_joiners", JSON_KIND_BOOLEAN, false, offsetof(struct raw, late), 0, 0,
     offsetof(struct raw, has_late)},
    {"name", JSON_KIND_TEXT, false, offsetof(struct raw, name), 0, 0, JSON_NO_HAS},
};
enum { FIELDS = sizeof fields / sizeof fields[0] };

/* What null takes away, as RFC 7396 has it. */
static void take_away(const json_t *document, struct rekey_spec *spec)
{
    if (json_is_null(json_object_get(document, "rate_limit"))) {
        spec->rate = (struct rekey_rate){0, 0};
    }
    if (json_is_null(json_object_get(document, "stop_on_failure"))) {
        spec->stop_percent = spec->stop_min = 0;
    }
    if (json_is_null(json_object_get(document, "advance"))) {
        spec->soak_s = spec->success_percent = 0;
    }
    if (json_is_null(json_object_get(document, "starts_at"))) {
        spec->starts_at = 0;
    }
}

err_t rekey_spec_read(const json_t *document, struct faults *faults, const char **name,
                      struct rekey_spec *spec)
{
    struct raw raw = {.name = NULL};
    TRY(json_read_all(document, fields, name != NULL ? FIELDS : FIELDS - 1, faults, &raw));
    take_away(document, spec);
    spec->starts_at = raw.has_starts_at ? raw.starts_at : spec->starts_at;
    spec->confirm_within_s = raw.has_confirm_within_s ? raw.confirm_within_s : spec->confirm_within_s;
    spec->finish_after_quiet_s = raw.has_quiet_s ? raw.quiet_s : spec->finish_after_quiet_s;
    spec->has_late_joiners = raw.has_late ? raw.late : spec->has_late_joiners;
    if (name != NULL) {
        *name = raw.name;
    }
    TRY(raw.filter != NULL ? rekey_filter_read(document, faults, &spec->filter) : OK);
    TRY(raw.waves != NULL ? read_waves(raw.waves, faults, spec) : OK);
    TRY(raw.rate != NULL ? read_rate(raw.rate, faults, spec) : OK);
    TRY(raw.stop != NULL ? read_stop(raw.stop, faults, spec) : OK);
    return raw.advance != NULL ? read_advance(raw.advance, faults, spec) : OK;
}

err_t rekey_spec_parse(const char *text, struct rekey_spec *out)
{
    struct faults faults = {.count = 0};
    AUTO(json_t) *document = NULL;
    rekey_spec_init(out);
    TRY(json_parse(bytes_str(text), REKEY_SPEC_SIZE, &document));
    TRY(rekey_spec_read(document, &faults, NULL, out));
    ENSURE(faults.count == 0, ERR_DB, "a stored rekey plan is not readable: %.100s",
           faults.count > 0 ? faults.items[0].detail : "");
    return OK;
}
