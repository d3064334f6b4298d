/* A campaign as JSON: what rekey_spec_read.c reads. */
#include <string.h>

#include "fleet/policy_words.h"
#include "fleet/rekey_spec.h"

enum { SECOND_MS = 1000 };

static err_t write_algorithms(const struct rekey_filter *filter, json_t *out)
{
    AUTO(json_t) *list = json_array();
    for (uint32_t bit = 1; bit <= filter->key_algorithms; bit <<= 1) {
        if ((filter->key_algorithms & bit) != 0) {
            ENSURE(json_array_append_new(list, json_string(key_algorithm_name(bit))) == 0, ERR_NO_MEMORY,
                   "a list of key algorithms");
        }
    }
    return json_take(out, "key_algorithms", TAKE(list));
}

static err_t write_labels(const struct rekey_label *labels, size_t count, const char *member, json_t *out)
{
    AUTO(json_t) *object = json_object();
    for (size_t i = 0; i < count; i++) {
        TRY(json_set_text(object, labels[i].name, labels[i].value));
    }
    return json_take(out, member, TAKE(object));
}

static err_t write_filter(const struct rekey_filter *filter, json_t *out)
{
    AUTO(json_t) *object = json_object();
    TRY(filter->is_all ? json_set_bool(object, "all", true) : OK);
    TRY(filter->has_product ? json_set_uuid(object, "product_id", filter->product) : OK);
    TRY(filter->has_batch ? json_set_uuid(object, "batch_id", filter->batch) : OK);
    TRY(filter->authority[0] != '\0' ? json_set_text(object, "authority", filter->authority) : OK);
    TRY(filter->key_algorithms != 0 ? write_algorithms(filter, object) : OK);
    TRY(json_set_time_if(object, "issued_before", filter->issued_before));
    TRY(filter->generation_below > 0 ? json_set_int(object, "generation_below", filter->generation_below)
                                     : OK);
    TRY(filter->label_count > 0 ? write_labels(filter->labels, filter->label_count, "labels", object) : OK);
    return json_take(out, "filter", TAKE(object));
}

static err_t write_waves(const struct rekey_spec *spec, json_t *out)
{
    AUTO(json_t) *list = json_array();
    for (size_t i = 0; i < spec->wave_count; i++) {
        const struct rekey_wave *wave = &spec->waves[i];
        AUTO(json_t) *object = json_object();
        TRY(wave->percent > 0 ? json_set_int(object, "percent", wave->percent) : OK);
        TRY(wave->label.name[0] != '\0' ? write_labels(&wave->label, 1, "label", object) : OK);
        ENSURE(json_array_append_new(list, TAKE(object)) == 0, ERR_NO_MEMORY, "a list of waves");
    }
    return json_take(out, "waves", TAKE(list));
}

static err_t write_rate(const struct rekey_spec *spec, json_t *out)
{
    if (spec->rate.devices == 0) {
        return OK;
    }
    AUTO(json_t) *object = json_object();
    TRY(json_set_int(object, "devices", spec->rate.devices));
    TRY(json_set_text(object, "per", spec->rate.window_ms == SECOND_MS ? "second" : "minute"));
    return json_take(out, "rate_limit", TAKE(object));
}

static err_t write_rules(const struct rekey_spec *spec, json_t *out)
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
        TRY(json_take(out, "advance", TAKE(advance)));
    }
    return OK;
}

err_t rekey_spec_write(const struct rekey_spec *spec, json_t *out)
{
    TRY(write_filter(&spec->filter, out));
    TRY(write_waves(spec, out));
    TRY(write_rate(spec, out));
    TRY(json_set_time_if(out, "starts_at", spec->starts_at));
    TRY(json_set_int(out, "confirm_within_s", spec->confirm_within_s));
    TRY(write_rules(spec, out));
    TRY(json_set_int(out, "finish_after_quiet_s", spec->finish_after_quiet_s));
    return json_set_bool(out, "late_joiners", spec->has_late_joiners);
}

err_t rekey_spec_format(const struct rekey_spec *spec, char out[REKEY_SPEC_SIZE])
{
    AUTO(json_t) *object = json_object();
    AUTO_VAL(buf) text = {0};
    TRY(rekey_spec_write(spec, object));
    TRY(json_append(&text, object));
    ENSURE(text.n < REKEY_SPEC_SIZE, ERR_UNPROCESSABLE, "the rekey plan is too long: fewer labels or waves");
    memcpy(out, buf_str(&text), text.n + 1);
    return OK;
}
