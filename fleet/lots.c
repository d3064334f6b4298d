/* Looking at batches and renaming them. The counts are kept where devices change (device_change.c). */
#include "fleet/lots.h"

#include "db/device_count_rows.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/names.h"

struct list {
    struct uuid tenant;
    const struct row_window *window;
    batch_row_fn fn;
    void *arg;
};

static err_t list_in(struct db_tx *tx, void *arg)
{
    const struct list *run = arg;
    return batch_rows_list(tx, run->tenant, run->window, run->fn, run->arg);
}

err_t batch_list(struct fleet *fleet, struct uuid tenant, const struct row_window *window, batch_row_fn fn,
                 void *arg)
{
    struct list run = {.tenant = tenant, .window = window, .fn = fn, .arg = arg};
    return db_read(fleet->db, list_in, &run);
}

struct rename {
    const struct terms *terms;
    struct uuid id;
    struct bytes name;
    struct batch_row *out;
};

static err_t rename_in(struct db_tx *tx, void *arg)
{
    struct rename *run = arg;
    TRY(batch_rows_find(tx, run->terms->tenant, run->id, run->out));
    TRY(terms_check_version(run->terms, run->out->ver));
    char id[UUID_TEXT_SIZE];
    char before[NAME_SIZE];
    uuid_format(run->id, id);
    name_copy(bytes_str(run->out->name), before);
    name_copy(run->name, run->out->name);
    err_t error = batch_rows_rename(tx, run->out);
    ENSURE(error.code != ERR_CONFLICT, ERR_CONFLICT, "a batch named %s is there already", run->out->name);
    TRY(error);
    struct event event = {.kind = "batch.renamed",
                          .result = "ok",
                          .actor = run->terms->actor.name,
                          .request_id = run->terms->actor.request_id,
                          .tenant = &run->out->tenant};
    return event_append(tx, &event, "{\"batch\":\"%s\",\"from\":\"%s\",\"name\":\"%s\"}", id, before,
                        run->out->name);
}

err_t batch_rename(struct fleet *fleet, const struct terms *terms, struct uuid id, struct bytes name,
                   struct batch_row *out)
{
    struct rename run = {.terms = terms, .id = id, .name = name, .out = out};
    TRY(faults_note(terms->faults, "/name", name_check(name, "batch name")));
    TRY(faults_error(terms->faults));
    return db_write(fleet->db, rename_in, &run);
}

struct counts {
    struct uuid owner;
    struct device_counts *out;
};

static err_t counts_in(struct db_tx *tx, void *arg)
{
    const struct counts *run = arg;
    TRY(device_count_rows_read(tx, run->owner, run->out->states));
    TRY(device_term_rows_overdue(tx, run->owner, &run->out->overdue));
    return device_term_rows_counts(tx, run->owner, run->out->terms);
}

err_t device_counts_read(struct fleet *fleet, struct uuid owner, struct device_counts *out)
{
    struct counts run = {.owner = owner, .out = out};
    return db_read(fleet->db, counts_in, &run);
}
