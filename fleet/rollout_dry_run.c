/* A walk with a bound. The most selective index that there is for the filter leads it: a label, the batch, or
 * the product. */
#include "fleet/rollout_dry_run.h"

#include "db/device_count_rows.h"
#include "db/device_rows.h"
#include "fleet/internal.h"

struct run {
    const struct terms *terms;
    struct rollout_question *question;
    struct rollout_dry_run *out;
    struct offer_release_row release;
    struct db_tx *tx;
};

static bool is_excluded(enum rollout_verdict verdict)
{
    return verdict >= ROLLOUT_COUNTER_TOO_HIGH && verdict <= ROLLOUT_IDS_USED_UP;
}

static void take(struct rollout_dry_run *out, const struct device_row *device, enum rollout_verdict verdict)
{
    out->looked++;
    if (verdict == ROLLOUT_MEANS_IT) {
        out->count++;
        if (out->sample_count < ROLLOUT_SAMPLE_MAX) {
            out->sample[out->sample_count++] = device->id;
        }
    } else if (is_excluded(verdict) || verdict == ROLLOUT_NOT_SOURCE) {
        out->excluded_count++;
        if (out->excluded_shown < ROLLOUT_SAMPLE_MAX) {
            out->excluded[out->excluded_shown++] = (struct rollout_excluded){device->id, verdict};
        }
    }
}

static err_t look_at(const struct device_row *device, void *arg)
{
    const struct run *run = arg;
    struct device_firmware_row firmware;
    const struct firmware_owner owner = {.device = device->id, .tenant = device->tenant};
    if (device->state != DEVICE_ENROLLED) {
        run->out->looked++; /* an index of labels knows no states */
        return OK;
    }
    TRY(device_firmware_rows_read(run->tx, &owner, &firmware));
    const struct rollout_subject subject = {device, &firmware};
    take(run->out, device, rollout_need_judge(&run->question->spec, 0, &run->release, &subject));
    return OK;
}

static err_t walk(struct db_tx *tx, struct run *run)
{
    static const enum device_state enrolled = DEVICE_ENROLLED;
    const struct rollout_filter *filter = &run->question->spec.filter;
    struct device_range range = {.tenant = run->terms->tenant, .limit = ROLLOUT_LOOK_MAX};
    if (filter->label_count > 0) {
        range.label_name = filter->labels[0].name;
        range.label_value = filter->labels[0].value;
    } else {
        range.state = &enrolled;
        range.batch = filter->has_batch ? &filter->batch : NULL;
        range.product = filter->has_batch ? NULL : &run->release.product;
    }
    return device_rows_list(tx, &range, look_at, run);
}

static err_t run_in(struct db_tx *tx, void *arg)
{
    struct run *run = arg;
    struct rollout_dry_run *out = run->out;
    struct rollout_filter *filter = &run->question->spec.filter;
    int64_t counts[DEVICE_STATES];
    *out = (struct rollout_dry_run){.is_exact = true};
    run->tx = tx;
    TRY(rollout_release_find(tx, run->terms, run->question->release, &run->release));
    TRY(rollout_filter_resolve(tx, &run->release, run->terms->faults, filter));
    TRY(device_count_rows_read(tx, filter->has_batch ? filter->batch : run->release.product, counts));
    out->most = counts[DEVICE_ENROLLED];
    TRY(walk(tx, run));
    out->is_exact = out->looked < ROLLOUT_LOOK_MAX;
    return OK;
}

err_t rollout_dry_run(struct fleet *fleet, const struct terms *terms, struct rollout_question *question,
                      struct rollout_dry_run *out)
{
    struct run run = {.terms = terms, .question = question, .out = out};
    return db_read(fleet->db, run_in, &run);
}
