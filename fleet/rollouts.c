/* Rollouts drafted, changed and looked at. What is ordered of one is in rollout_orders.c. */
#include "fleet/rollouts.h"

#include <stdio.h>
#include <string.h>

#include "db/batch_rows.h"
#include "fleet/internal.h"
#include "fleet/names.h"
#include "fleet/rollout_live.h"
#include "fleet/rollouts_internal.h"

static const char OP_KIND[] = "rollout.add";

static const char *const STATES[] = {
    [ROLLOUT_DRAFT] = "draft",       [ROLLOUT_RUNNING] = "running",     [ROLLOUT_PAUSED] = "paused",
    [ROLLOUT_FINISHED] = "finished", [ROLLOUT_CANCELLED] = "cancelled", [ROLLOUT_STOPPED] = "stopped"};

const char *rollout_state_name(enum rollout_state state)
{
    return STATES[state];
}

err_t rollout_state_parse(struct bytes text, enum rollout_state *out)
{
    for (size_t i = 0; i < ROLLOUT_STATES; i++) {
        if (bytes_is(text, STATES[i])) {
            *out = (enum rollout_state)i;
            return OK;
        }
    }
    return ERR(ERR_BAD_REQUEST, "a rollout is draft, running, paused, finished, cancelled or stopped");
}

err_t rollout_filter_resolve(struct db_tx *tx, const struct offer_release_row *release, struct faults *faults,
                             struct rollout_filter *filter)
{
    struct batch_row row = {.ver = 0};
    bool is_named = filter->batch_name[0] != '\0';
    const char *place = is_named ? "/filter/batch" : "/filter/batch_id";
    if (!is_named && !filter->has_batch) {
        return OK;
    }
    err_t found = is_named ? batch_rows_find_by_name(tx, release->tenant, filter->batch_name, &row)
                           : batch_rows_find(tx, release->tenant, filter->batch, &row);
    filter->has_batch = true;
    filter->batch = row.id;
    filter->batch_name[0] = '\0';
    if (found.code == ERR_NOT_FOUND) {
        faults_add(faults, place, "there is no such batch");
    } else if (found.code != ERR_OK) {
        return found;
    } else if (!uuid_equal(row.product, release->product)) {
        faults_add(faults, place, "the batch is of another product than the release");
    }
    return faults_error(faults);
}

err_t rollout_release_find(struct db_tx *tx, const struct terms *terms, struct uuid id,
                           struct offer_release_row *out)
{
    err_t found = firmware_offer_rows_release(tx, id, out);
    if (found.code == ERR_NOT_FOUND || (found.code == ERR_OK && !uuid_equal(out->tenant, terms->tenant))) {
        faults_add(terms->faults, "/release_id", "there is no such release");
        return faults_error(terms->faults);
    }
    return found;
}

/* --- the record --------------------------------------------------------------------------------------- */

err_t rollout_record(struct db_tx *tx, const struct actor *actor, const struct rollout *rollout,
                     const char *kind)
{
    const struct rollout_tally_row *tally = &rollout->tally;
    AUTO(json_t) *body = json_object();
    TRY(json_set_uuid(body, "rollout", rollout->row.id));
    TRY(json_set_text(body, "name", rollout->row.name));
    TRY(json_set_text(body, "state", rollout_state_name(rollout->row.state)));
    TRY(json_set_int(body, "wave", rollout->row.wave + 1)); /* people count from 1 */
    TRY(json_set_int(body, "ver", rollout->row.ver));
    TRY(rollout->row.reason[0] != '\0' ? json_set_text(body, "reason", rollout->row.reason) : OK);
    TRY(json_set_int(body, "offered", tally->offered));
    TRY(json_set_int(body, "succeeded", tally->succeeded));
    TRY(json_set_int(body, "failed", tally->failed));
    TRY(json_set_uuid(body, "release", rollout->row.release));
    TRY(json_set_text(body, "version", rollout->release.version));
    TRY(json_set_int(body, "sequence", rollout->release.sequence));
    TRY(rollout_spec_write(&rollout->spec, body));
    struct event event = {.kind = kind,
                          .result = "ok",
                          .actor = actor->name,
                          .request_id = actor->request_id,
                          .tenant = &rollout->row.tenant};
    return event_append_value(tx, &event, body);
}

err_t rollout_find_in(struct db_tx *tx, struct uuid tenant, struct uuid id, struct rollout *out)
{
    TRY(rollout_rows_find(tx, tenant, id, &out->row));
    TRY(rollout_tally_rows_find(tx, id, &out->tally));
    TRY(firmware_offer_rows_release(tx, out->row.release, &out->release));
    return rollout_spec_parse(out->row.spec, &out->spec);
}

/* --- drafted ------------------------------------------------------------------------------------------ */

struct run {
    const struct terms *terms;
    const json_t *document;
    struct uuid id;
    struct rollout_spec spec; /* of a new one, checked */
    struct rollout_names names;
    struct rollout *out;
};

static err_t check_name(const char *name, struct faults *faults)
{
    return name == NULL ? OK : faults_note(faults, "/name", name_check(bytes_str(name), "rollout's name"));
}

static err_t find_repeat(struct db_tx *tx, const struct run *run, bool *is_repeat)
{
    struct uuid id;
    TRY(idempotency_find_id(tx, &run->terms->idempotency, OP_KIND, &id, is_repeat));
    return *is_repeat ? rollout_find_in(tx, run->terms->tenant, id, run->out) : OK;
}

static err_t store(struct db_tx *tx, struct run *run)
{
    char id[UUID_TEXT_SIZE];
    const int64_t now_ms = db_tx_now_ms(tx);
    struct rollout_row *row = &run->out->row;
    TRY(rollout_release_find(tx, run->terms, run->names.release, &run->out->release));
    *row = (struct rollout_row){.tenant = run->terms->tenant,
                                .product = run->out->release.product,
                                .release = run->out->release.id,
                                .created_at = now_ms,
                                .updated_at = now_ms,
                                .ver = 1};
    name_copy(bytes_str(run->names.name), row->name);
    (void)snprintf(row->created_by, sizeof row->created_by, "%s", run->terms->actor.name);
    run->out->spec = run->spec;
    TRY(rollout_filter_resolve(tx, &run->out->release, run->terms->faults, &run->out->spec.filter));
    TRY(rollout_spec_format(&run->out->spec, row->spec));
    TRY(db_tx_uuid(tx, &row->id));
    TRY(rollout_rows_insert(tx, row));
    TRY(rollout_tally_rows_find(tx, row->id, &run->out->tally));
    uuid_format(row->id, id);
    TRY(idempotency_keep(tx, &run->terms->idempotency, OP_KIND, id));
    return rollout_record(tx, &run->terms->actor, run->out, "rollout.added");
}

static err_t add_in(struct db_tx *tx, void *arg)
{
    struct run *run = arg;
    bool is_repeat = false;
    TRY(find_repeat(tx, run, &is_repeat));
    return is_repeat ? OK : store(tx, run);
}

err_t rollout_add(struct fleet *fleet, const struct terms *terms, const json_t *document, struct rollout *out)
{
    struct run run = {.terms = terms, .document = document, .out = out};
    rollout_spec_init(&run.spec);
    TRY(rollout_spec_read(document, terms->faults, &run.names, &run.spec));
    TRY(check_name(run.names.name, terms->faults));
    TRY(faults_error(terms->faults));
    ENSURE(run.names.name != NULL && run.names.has_release && json_object_get(document, "filter") != NULL,
           ERR_INTERNAL, "a rollout without name, release or filter");
    return db_write(fleet->db, add_in, &run);
}

/* --- changed ------------------------------------------------------------------------------------------ */

static bool is_open(enum rollout_state state)
{
    return state == ROLLOUT_DRAFT || state == ROLLOUT_RUNNING || state == ROLLOUT_PAUSED;
}

static err_t check_changeable(const struct run *run)
{
    static const char *const settled[] = {"filter", "waves", "late_joiners", "starts_at", "min_source"};
    const enum rollout_state state = run->out->row.state;
    ENSURE(is_open(state), ERR_WRONG_STATE, "the rollout is %s: nothing of it changes any more",
           STATES[state]);
    bool is_other = json_object_get(run->document, "release_id") != NULL &&
                    !uuid_equal(run->names.release, run->out->row.release);
    ENSURE(!is_other, ERR_WRONG_STATE, "a rollout keeps its release; make another rollout");
    for (size_t i = 0; i < sizeof settled / sizeof settled[0]; i++) {
        bool is_given = json_object_get(run->document, settled[i]) != NULL;
        ENSURE(!is_given || state == ROLLOUT_DRAFT, ERR_WRONG_STATE,
               "the rollout is %s: %s changes in a draft only; make another rollout", STATES[state],
               settled[i]);
    }
    return OK;
}

static err_t change_in(struct db_tx *tx, void *arg)
{
    struct run *run = arg;
    struct rollout *rollout = run->out;
    struct rollout_names names = {.name = NULL};
    TRY(rollout_find_in(tx, run->terms->tenant, run->id, rollout));
    TRY(terms_check_version(run->terms, rollout->row.ver));
    TRY(check_changeable(run));
    const struct rekey_rate before = rollout->spec.rate;
    TRY(rollout_spec_read(run->document, run->terms->faults, &names, &rollout->spec));
    TRY(rollout_filter_resolve(tx, &rollout->release, run->terms->faults, &rollout->spec.filter));
    if (names.name != NULL) {
        name_copy(bytes_str(names.name), rollout->row.name);
    }
    TRY(rollout_spec_format(&rollout->spec, rollout->row.spec));
    if (rekey_rate_change(&before, &rollout->spec.rate, db_tx_now_ms(tx), &rollout->tally.window)) {
        TRY(rollout_tally_rows_update(tx, &rollout->tally));
    }
    TRY(rollout_rows_update(tx, &rollout->row));
    return rollout_record(tx, &run->terms->actor, rollout, "rollout.changed");
}

err_t rollout_change(struct fleet *fleet, const struct terms *terms, struct uuid id, const json_t *document,
                     struct rollout *out)
{
    struct run run = {.terms = terms, .document = document, .id = id, .out = out};
    /* what is wrong in itself is told before anything is looked for */
    rollout_spec_init(&run.spec);
    TRY(rollout_spec_read(document, terms->faults, &run.names, &run.spec));
    TRY(check_name(run.names.name, terms->faults));
    TRY(faults_error(terms->faults));
    TRY(db_write(fleet->db, change_in, &run));
    return rollout_live_refresh(fleet);
}

/* --- looked at ---------------------------------------------------------------------------------------- */

struct look {
    struct uuid tenant, id;
    struct rollout *out;
};

static err_t look_in(struct db_tx *tx, void *arg)
{
    const struct look *look = arg;
    return rollout_find_in(tx, look->tenant, look->id, look->out);
}

err_t rollout_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct rollout *out)
{
    struct look look = {.tenant = tenant, .id = id, .out = out};
    return db_read(fleet->db, look_in, &look);
}

struct list {
    struct uuid tenant;
    const enum rollout_state *state;
    const struct row_window *window;
    rollout_fn fn;
    void *arg;
    struct db_tx *tx;
};

static err_t on_row(const struct rollout_row *row, void *arg)
{
    const struct list *list = arg;
    struct rollout rollout = {.row = *row};
    TRY(rollout_tally_rows_find(list->tx, row->id, &rollout.tally));
    TRY(firmware_offer_rows_release(list->tx, row->release, &rollout.release));
    TRY(rollout_spec_parse(row->spec, &rollout.spec));
    return list->fn(&rollout, list->arg);
}

static err_t list_in(struct db_tx *tx, void *arg)
{
    struct list *list = arg;
    list->tx = tx;
    return rollout_rows_list(tx, list->tenant, list->state, list->window, on_row, list);
}

err_t rollout_list(struct fleet *fleet, struct uuid tenant, const enum rollout_state *state,
                   const struct row_window *window, rollout_fn fn, void *arg)
{
    struct list list = {.tenant = tenant, .state = state, .window = window, .fn = fn, .arg = arg};
    return db_read(fleet->db, list_in, &list);
}

struct devices {
    const struct rollout_device_range *range;
    firmware_action_row_fn fn;
    void *arg;
};

static err_t devices_in(struct db_tx *tx, void *arg)
{
    const struct devices *run = arg;
    const struct rollout_device_range *range = run->range;
    const int state = range->state != NULL ? (int)*range->state : 0;
    struct rollout_row rollout;
    TRY(rollout_rows_find(tx, range->tenant, range->rollout, &rollout));
    return firmware_action_rows_list(tx, range->rollout, range->state != NULL ? &state : NULL, range->window,
                                     run->fn, run->arg);
}

err_t rollout_devices(struct fleet *fleet, const struct rollout_device_range *range,
                      firmware_action_row_fn fn, void *arg)
{
    struct devices run = {.range = range, .fn = fn, .arg = arg};
    return db_read(fleet->db, devices_in, &run);
}
