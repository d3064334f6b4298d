/* A walk with a bound. The most selective index that there is for the filter leads it: a label, a batch, a
 * product, or all that are enrolled. */
#include "fleet/rekey_dry_run.h"

#include "db/device_rows.h"
#include "fleet/internal.h"
#include "fleet/rekey_why.h"

struct run {
    const struct terms *terms;
    struct rekey_filter *filter;
    struct rekey_dry_run *out;
    struct db_tx *tx;
};

/* Nothing of a certificate and no label: product and batch are what is counted. */
static bool is_counted(const struct rekey_filter *filter)
{
    return (filter->has_product || filter->has_batch) && filter->label_count == 0 &&
           filter->authority[0] == '\0' && filter->key_algorithms == 0 && filter->issued_before == 0 &&
           filter->generation_below == 0;
}

static err_t look_at(const struct device_row *device, void *arg)
{
    const struct run *run = arg;
    struct rekey_dry_run *out = run->out;
    struct rekey_key key;
    out->looked++;
    TRY(rekey_key_read(run->tx, device, run->filter->key_algorithms != 0, &key));
    const struct rekey_subject subject = {.device = device,
                                          .certificate = key.is_found ? &key.certificate : NULL,
                                          .key_algorithm = key.algorithm,
                                          .key_since = key.since};
    if (rekey_filter_judge(run->filter, &subject) != REKEY_IS_MEANT) {
        return OK;
    }
    out->count++;
    if (out->sample_count < REKEY_SAMPLE_MAX) {
        out->sample[out->sample_count++] = device->id;
    }
    return OK;
}

static err_t walk(struct db_tx *tx, struct run *run, int64_t limit)
{
    static const enum device_state enrolled = DEVICE_ENROLLED;
    const struct rekey_filter *filter = run->filter;
    struct device_range range = {.tenant = run->terms->tenant, .limit = limit};
    if (filter->label_count > 0) {
        range.label_name = filter->labels[0].name;
        range.label_value = filter->labels[0].value;
    } else {
        range.state = &enrolled;
        range.batch = filter->has_batch ? &filter->batch : NULL;
        range.product = filter->has_product && !filter->has_batch ? &filter->product : NULL;
    }
    return device_rows_list(tx, &range, look_at, run);
}

static err_t run_in(struct db_tx *tx, void *arg)
{
    struct run *run = arg;
    struct rekey_dry_run *out = run->out;
    *out = (struct rekey_dry_run){.is_exact = true};
    run->tx = tx;
    TRY(rekey_filter_resolve(tx, run->terms->tenant, run->terms->faults, run->filter));
    TRY(rekey_filter_most(tx, run->filter, &out->most));
    if (is_counted(run->filter)) {
        TRY(walk(tx, run, REKEY_SAMPLE_MAX));
        out->count = out->most;
        out->looked = 0;
        return OK;
    }
    TRY(walk(tx, run, REKEY_LOOK_MAX));
    out->is_exact = out->looked < REKEY_LOOK_MAX;
    return OK;
}

err_t rekey_dry_run(struct fleet *fleet, const struct terms *terms, struct rekey_filter *filter,
                    struct rekey_dry_run *out)
{
    struct run run = {.terms = terms, .filter = filter, .out = out};
    return db_read(fleet->db, run_in, &run);
}
