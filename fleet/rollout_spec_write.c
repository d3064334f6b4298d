/* A rollout as JSON: what rollout_spec_read.c reads. */
#include <string.h>

#include "fleet/rollout_spec.h"

enum { SECOND_MS = 1000 };

static err_t write_labels(const struct rekey_label *labels, size_t count, const char *member, json_t *out)
{
    AUTO(json_t) *object = json_object();
    for (size_t i = 0; i < count; i++) {
        TRY(json_set_text(object, labels[i].name, labels[i].value));
    }
    return json_take(out, member, TAKE(object));
}

static err_t set_text_if(json_t *out, const char *name, const char *text)
{
    return text[0] != '\0' ? json_set_text(out, name, text) : OK;
}

static err_t set_int_if(json_t *out, const char *name, int64_t value)
{
    return value > 0 ? json_set_int(out, name, value) : OK;
}

static err_t write_filter(const struct rollout_filter *filter, json_t *out)
{
    AUTO(json_t) *object = json_object();
    TRY(filter->is_all ? json_set_bool(object, "all", true) : OK);
    TRY(filter->has_batch ? json_set_uuid(object, "batch_id", filter->batch) : OK);
    TRY(set_text_if(object, "model", filter->model));
    TRY(set_text_if(object, "installed_version", filter->installed_version));
    TRY(set_int_if(object, "sequence_below", filter->sequence_below));
    TRY(filter->label_count > 0 ? write_labels(filter->labels, filter->label_count, "labels", object) : OK);
    return json_take(out, "filter", TAKE(object));
}

static err_t write_waves(const struct rollout_spec *spec, json_t *out)
{
    AUTO(json_t) *list = json_array();
    for (size_t i = 0; i < spec->wave_count; i++) {
        const struct rollout_wave *wave = &spec->waves[i];
        AUTO(json_t) *object = json_object();
        TRY(set_int_if(object, "percent", wave->percent));
        TRY(set_int_if(object, "count", wave->count));
        TRY(wave->label.name[0] != '\0' ? write_labels(&wave->label, 1, "label", object) : OK);
        ENSURE(json_array_append_new(list, TAKE(object)) == 0, ERR_NO_MEMORY, "a list of waves");
    }
    return json_take(out, "waves", TAKE(list));
}

static err_t write_rate(const struct rollout_spec *spec, json_t *out)
{
    if (spec->rate.devices == 0) {
        return OK;
    }
    AUTO(json_t) *object = json_object();
    TRY(json_set_int(object, "devices", spec->rate.devices));
    TRY(json_set_text(object, "per", spec->rate.window_ms == SECOND_MS ? "second" : "minute"));
    return json_take(out, "rate_limit", TAKE(object));
}

static err_t write_rules(const struct rollout_spec *spec, json_t *out)
{
    if (spec->stop_percent > 0) {
        AUTO(json_t) *stop = json_object();
        TRY(json_set_int(stop, "percent", spec->stop_percent));
        TRY(json_set_int(stop, "min_devices", spec->stop_min));
        TRY(json_take(out, "stop_on_failure", TAKE(stop)));
    }
    if (spec->soak_s > 0) {
        AUTO(json_t) *advance = json_object();
        TRY(json_set_int(advance, "soak_s", spec->soak_s));
        TRY(json_set_int(advance, "success_percent", spec->success_percent));
        TRY(json_set_int(advance, "min_devices", spec->advance_min));
        TRY(json_take(out, "advance", TAKE(advance)));
    }
    if (spec->source_min_sequence > 0 || spec->source_min_version[0] != '\0') {
        AUTO(json_t) *source = json_object();
        TRY(set_int_if(source, "sequence", spec->source_min_sequence));
        TRY(set_text_if(source, "version", spec->source_min_version));
        TRY(json_take(out, "min_source", TAKE(source)));
    }
    return OK;
}

err_t rollout_spec_write(const struct rollout_spec *spec, json_t *out)
{
    TRY(write_filter(&spec->filter, out));
    TRY(write_waves(spec, out));
    TRY(write_rate(spec, out));
    TRY(json_set_time_if(out, "starts_at", spec->starts_at));
    TRY(json_set_int(out, "silent_after_s", spec->silent_after_s));
    TRY(write_rules(spec, out));
    TRY(spec->window_count > 0 ? rollout_windows_write(spec, out) : OK);
    TRY(json_set_int(out, "finish_after_quiet_s", spec->finish_after_quiet_s));
    TRY(json_set_bool(out, "forced", spec->is_forced));
    return json_set_bool(out, "late_joiners", spec->has_late_joiners);
}

err_t rollout_spec_format(const struct rollout_spec *spec, char out[ROLLOUT_SPEC_SIZE])
{
    AUTO(json_t) *object = json_object();
    AUTO_VAL(buf) text = {0};
    TRY(rollout_spec_write(spec, object));
    TRY(json_append(&text, object));
    ENSURE(text.n < ROLLOUT_SPEC_SIZE, ERR_UNPROCESSABLE,
           "the rollout is too long: fewer labels, waves or windows");
    memcpy(out, buf_str(&text), text.n + 1);
    return OK;
}
