/* A rollout from JSON: reads, checks each value by itself and the waves as a row. Knows no state of a
 * rollout (rollouts.c decides what may change when). */
#include <stdio.h>
#include <string.h>

#include "fleet/rekey_spec_internal.h"
#include "fleet/rollout_spec.h"

enum {
    RATE_MAX = 100000,
    SECOND_MS = 1000,
    MINUTE_MS = 60 * SECOND_MS,
    WEEK_S = 7 * 86400,
    YEAR_S = 366 * 86400,
    SUCCESS_PERCENT = 95,
    WORD_MAX = 16
};

void rollout_spec_init(struct rollout_spec *out)
{
    *out = (struct rollout_spec){.waves = {{.percent = 100}},
                                 .wave_count = 1,
                                 .silent_after_s = WEEK_S,
                                 .finish_after_quiet_s = WEEK_S,
                                 .is_forced = true,
                                 .has_late_joiners = true};
}

/* --- waves -------------------------------------------------------------------------------------------- */

struct raw_wave {
    int64_t percent, count;
    json_t *labels;
};
static const struct json_field wave_fields[] = {
    {"percent", JSON_KIND_INTEGER, false, offsetof(struct raw_wave, percent), 1, 100, JSON_NO_HAS},
    {"count", JSON_KIND_INTEGER, false, offsetof(struct raw_wave, count), 1, INT32_MAX, JSON_NO_HAS},
    {"label", JSON_KIND_OBJECT, false, offsetof(struct raw_wave, labels), 0, 0, JSON_NO_HAS},
};

static err_t read_wave(const json_t *wave, const char *place, struct faults *faults, struct rollout_wave *out)
{
    struct raw_wave raw = {.percent = 0};
    TRY(rekey_read_nested(wave, place, &(struct rekey_nested){wave_fields, 3, &raw}, faults));
    *out = (struct rollout_wave){.percent = raw.percent, .count = raw.count};
    if (raw.labels == NULL && raw.percent == 0 && raw.count == 0) {
        faults_add(faults, place, "a wave has a percent, a count or a label");
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

/* Each wave says more than the one before; nothing comes after everybody. */
static void check_waves(const struct rollout_spec *spec, struct faults *faults)
{
    int64_t percent = 0, count = 0;
    for (size_t i = 0; i < spec->wave_count; i++) {
        const struct rollout_wave *wave = &spec->waves[i];
        bool is_more = wave->percent > percent || wave->count > count || wave->label.name[0] != '\0';
        bool is_less =
            (wave->percent > 0 && wave->percent < percent) || (wave->count > 0 && wave->count < count);
        if (!is_more || is_less) {
            faults_add(faults, "/waves", "the percents and the counts of the waves rise");
        }
        if (percent == 100) {
            faults_add(faults, "/waves", "nothing follows the wave of 100 percent");
        }
        percent = wave->percent > percent ? wave->percent : percent;
        count = wave->count > count ? wave->count : count;
    }
}

static err_t read_waves(const json_t *list, struct faults *faults, struct rollout_spec *out)
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

/* --- the rate, when to stop, when to go on, from what ----------------------------------------------------
 */

struct raw_rate {
    int64_t devices;
    const char *per;
};
static const struct json_field rate_fields[] = {
    {"devices", JSON_KIND_INTEGER, true, offsetof(struct raw_rate, devices), 1, RATE_MAX, JSON_NO_HAS},
    {"per", JSON_KIND_TEXT, false, offsetof(struct raw_rate, per), 1, WORD_MAX, JSON_NO_HAS},
};

static err_t read_rate(const json_t *value, struct faults *faults, struct rollout_spec *out)
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

static err_t read_stop(const json_t *value, struct faults *faults, struct rollout_spec *out)
{
    static const struct json_field fields[] = {
        {"percent", JSON_KIND_INTEGER, true, offsetof(struct rollout_spec, stop_percent), 1, 100,
         JSON_NO_HAS},
        {"min_devices", JSON_KIND_INTEGER, false, offsetof(struct rollout_spec, stop_min), 1, INT32_MAX,
         JSON_NO_HAS},
    };
    out->stop_min = 1;
    return rekey_read_nested(value, "/stop_on_failure", &(struct rekey_nested){fields, 2, out}, faults);
}

static err_t read_advance(const json_t *value, struct faults *faults, struct rollout_spec *out)
{
    static const struct json_field fields[] = {
        {"soak_s", JSON_KIND_INTEGER, true, offsetof(struct rollout_spec, soak_s), 1, INT32_MAX, JSON_NO_HAS},
        {"success_percent", JSON_KIND_INTEGER, false, offsetof(struct rollout_spec, success_percent), 1, 100,
         JSON_NO_HAS},
        {"min_devices", JSON_KIND_INTEGER, false, offsetof(struct rollout_spec, advance_min), 1, INT32_MAX,
         JSON_NO_HAS},
    };
    out->success_percent = SUCCESS_PERCENT;
    out->advance_min = 1;
    return rekey_read_nested(value, "/advance", &(struct rekey_nested){fields, 3, out}, faults);
}

static err_t read_source(const json_t *value, struct faults *faults, struct rollout_spec *out)
{
    struct {
        int64_t sequence;
        const char *version;
    } raw = {.version = NULL};
    const struct json_field fields[] = {
        {"sequence", JSON_KIND_INTEGER, false, 0, 1, INT64_MAX, JSON_NO_HAS},
        {"version", JSON_KIND_TEXT, false, sizeof(int64_t), 1, ROLLOUT_VERSION_SIZE - 1, JSON_NO_HAS},
    };
    TRY(rekey_read_nested(value, "/min_source", &(struct rekey_nested){fields, 2, &raw}, faults));
    out->source_min_sequence = raw.sequence;
    (void)snprintf(out->source_min_version, sizeof out->source_min_version, "%s",
                   raw.version != NULL ? raw.version : "");
    if (raw.version != NULL && (raw.version[0] < '0' || raw.version[0] > '9')) {
        faults_add(faults, "/min_source/version", "a version that is compared begins with a digit");
    }
    return OK;
}

/* --- all of it ---------------------------------------------------------------------------------------- */

struct raw {
    const char *name;
    struct uuid release;
    json_t *filter, *waves, *rate, *stop, *advance, *windows, *source;
    int64_t starts_at, silent_s, quiet_s, offset;
    bool late, forced;
    bool has_starts_at, has_silent_s, has_quiet_s, has_late, has_forced, has_offset, has_release;
};
static const struct json_field fields[] = {
    {"filter", JSON_KIND_OBJECT, false, offsetof(struct raw, filter), 0, 0, JSON_NO_HAS},
    {"waves", JSON_KIND_ARRAY, false, offsetof(struct raw, waves), 1, REKEY_WAVES_MAX, JSON_NO_HAS},
    {"rate_limit", JSON_KIND_OBJECT, false, offsetof(struct raw, rate), 0, 0, JSON_NO_HAS},
    {"stop_on_failure", JSON_KIND_OBJECT, false, offsetof(struct raw, stop), 0, 0, JSON_NO_HAS},
    {"advance", JSON_KIND_OBJECT, false, offsetof(struct raw, advance), 0, 0, JSON_NO_HAS},
    {"min_source", JSON_KIND_OBJECT, false, offsetof(struct raw, source), 0, 0, JSON_NO_HAS},
    {"maintenance_windows", JSON_KIND_ARRAY, false, offsetof(struct raw, windows), 1, ROLLOUT_WINDOWS_MAX,
     JSON_NO_HAS},
    {"utc_offset_minutes", JSON_KIND_INTEGER, false, offsetof(struct raw, offset), -14 * 60, 14 * 60,
     offsetof(struct raw, has_offset)},
    {"starts_at", JSON_KIND_TIME, false, offsetof(struct raw, starts_at), 0, 0,
     offsetof(struct raw, has_starts_at)},
    {"silent_after_s", JSON_KIND_INTEGER, false, offsetof(struct raw, silent_s), 1, YEAR_S,
     offsetof(struct raw, has_silent_s)},
    {"finish_after_quiet_s", JSON_KIND_INTEGER, false, offsetof(struct raw, quiet_s), 1, YEAR_S,
     offsetof(struct raw, has_quiet_s)},
    {"forced", JSON_KIND_BOOLEAN, false, offsetof(struct raw, forced), 0, 0,
     offsetof(struct raw, has_forced)},
    {"late_joiners", JSON_KIND_BOOLEAN, false, offsetof(struct raw, late), 0, 0,
     offsetof(struct raw, has_late)},
    {"name", JSON_KIND_TEXT, false, offsetof(struct raw, name), 0, 0, JSON_NO_HAS},
    {"release_id", JSON_KIND_UUID, false, offsetof(struct raw, release), 0, 0,
     offsetof(struct raw, has_release)},
};
enum { FIELDS = sizeof fields / sizeof fields[0], NAMES = 2 };

static bool is_null(const json_t *document, const char *name)
{
    return json_is_null(json_object_get(document, name));
}

/* What null takes away, as RFC 7396 has it. */
static void take_away(const json_t *document, struct rollout_spec *spec)
{
    if (is_null(document, "rate_limit")) {
        spec->rate = (struct rekey_rate){0, 0};
    }
    if (is_null(document, "stop_on_failure")) {
        spec->stop_percent = spec->stop_min = 0;
    }
    if (is_null(document, "advance")) {
        spec->soak_s = spec->success_percent = spec->advance_min = 0;
    }
    if (is_null(document, "min_source")) {
        spec->source_min_sequence = 0;
        spec->source_min_version[0] = '\0';
    }
    spec->window_count = is_null(document, "maintenance_windows") ? 0 : spec->window_count;
    spec->starts_at = is_null(document, "starts_at") ? 0 : spec->starts_at;
}

static void take_values(const struct raw *raw, struct rollout_spec *spec)
{
    spec->starts_at = raw->has_starts_at ? raw->starts_at : spec->starts_at;
    spec->silent_after_s = raw->has_silent_s ? raw->silent_s : spec->silent_after_s;
    spec->finish_after_quiet_s = raw->has_quiet_s ? raw->quiet_s : spec->finish_after_quiet_s;
    spec->utc_offset_minutes = raw->has_offset ? raw->offset : spec->utc_offset_minutes;
    spec->has_late_joiners = raw->has_late ? raw->late : spec->has_late_joiners;
    spec->is_forced = raw->has_forced ? raw->forced : spec->is_forced;
}

err_t rollout_spec_read(const json_t *document, struct faults *faults, struct rollout_names *names,
                        struct rollout_spec *spec)
{
    struct raw raw = {.name = NULL};
    TRY(json_read_all(document, fields, names != NULL ? FIELDS : FIELDS - NAMES, faults, &raw));
    take_away(document, spec);
    take_values(&raw, spec);
    if (names != NULL) {
        *names = (struct rollout_names){raw.name, raw.has_release, raw.release};
    }
    TRY(raw.filter != NULL ? rollout_filter_read(document, faults, &spec->filter) : OK);
    TRY(raw.waves != NULL ? read_waves(raw.waves, faults, spec) : OK);
    TRY(raw.rate != NULL ? read_rate(raw.rate, faults, spec) : OK);
    TRY(raw.stop != NULL ? read_stop(raw.stop, faults, spec) : OK);
    TRY(raw.source != NULL ? read_source(raw.source, faults, spec) : OK);
    TRY(raw.windows != NULL ? rollout_windows_read(raw.windows, faults, spec) : OK);
    return raw.advance != NULL ? read_advance(raw.advance, faults, spec) : OK;
}

err_t rollout_spec_parse(const char *text, struct rollout_spec *out)
{
    struct faults faults = {.count = 0};
    AUTO(json_t) *document = NULL;
    rollout_spec_init(out);
    TRY(json_parse(bytes_str(text), ROLLOUT_SPEC_SIZE, &document));
    TRY(rollout_spec_read(document, &faults, NULL, out));
    ENSURE(faults.count == 0, ERR_DB, "a stored rollout is not readable: %.100s",
           faults.count > 0 ? faults.items[0].detail : "");
    return OK;
}
