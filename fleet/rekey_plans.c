/* Campaigns drafted, changed and looked at. What is ordered of one is in rekey_orders.c. */
#include "fleet/rekey_plans.h"

#include <stdio.h>
#include <string.h>

#include "fleet/internal.h"
#include "fleet/names.h"
#include "fleet/rekey_live.h"
#include "fleet/rekey_plans_internal.h"

static const char OP_KIND[] = "rekey_plan.add";

static const char *const STATES[] = {[REKEY_PLAN_DRAFT] = "draft",         [REKEY_PLAN_RUNNING] = "running",
                                     [REKEY_PLAN_PAUSED] = "paused",       [REKEY_PLAN_FINISHED] = "finished",
                                     [REKEY_PLAN_CANCELLED] = "cancelled", [REKEY_PLAN_STOPPED] = "stopped"};

const char *rekey_plan_state_name(enum rekey_plan_state state)
{
    return STATES[state];
}

err_t rekey_plan_state_parse(struct bytes text, enum rekey_plan_state *out)
{
    for (size_t i = 0; i < REKEY_PLAN_STATES; i++) {
        if (bytes_is(text, STATES[i])) {
            *out = (enum rekey_plan_state)i;
            return OK;
        }
    }
    return ERR(ERR_BAD_REQUEST, "a rekey plan is draft, running, paused, finished, cancelled or stopped");
}

/* --- the record --------------------------------------------------------------------------------------- */

err_t rekey_plan_record(struct db_tx *tx, const struct actor *actor, const struct rekey_plan *plan,
                        const char *kind)
{
    const struct rekey_tally_row *tally = &plan->tally;
    AUTO(json_t) *body = json_object();
    TRY(json_set_uuid(body, "rekey_plan", plan->row.id));
    TRY(json_set_text(body, "name", plan->row.name));
    TRY(json_set_text(body, "state", rekey_plan_state_name(plan->row.state)));
    TRY(json_set_int(body, "wave", plan->row.wave + 1)); /* people count from 1 */
    TRY(json_set_int(body, "ver", plan->row.ver));
    TRY(plan->row.reason[0] != '\0' ? json_set_text(body, "reason", plan->row.reason) : OK);
    TRY(json_set_int(body, "told", tally->told));
    TRY(json_set_int(body, "confirmed", tally->confirmed));
    TRY(json_set_int(body, "failed", tally->failed));
    TRY(rekey_spec_write(&plan->spec, body));
    struct event event = {.kind = kind,
                          .result = "ok",
                          .actor = actor->name,
                          .request_id = actor->request_id,
                          .tenant = &plan->row.tenant};
    return event_append_value(tx, &event, body);
}

err_t rekey_plan_find_in(struct db_tx *tx, struct uuid tenant, struct uuid id, struct rekey_plan *out)
{
    TRY(rekey_plan_rows_find(tx, tenant, id, &out->row));
    TRY(rekey_tally_rows_find(tx, id, &out->tally));
    return rekey_spec_parse(out->row.spec, &out->spec);
}

/* --- drafted ------------------------------------------------------------------------------------------ */

struct run {
    const struct terms *terms;
    const json_t *document;
    struct uuid id;
    struct rekey_spec spec; /* of a new one, checked */
    const char *name;
    struct rekey_plan *out;
};

static err_t check_name(const char *name, struct faults *faults)
{
    return name == NULL ? OK : faults_note(faults, "/name", name_check(bytes_str(name), "rekey plan's name"));
}

static err_t find_repeat(struct db_tx *tx, const struct run *run, bool *is_repeat)
{
    struct uuid id;
    TRY(idempotency_find_id(tx, &run->terms->idempotency, OP_KIND, &id, is_repeat));
    return *is_repeat ? rekey_plan_find_in(tx, run->terms->tenant, id, run->out) : OK;
}

static err_t store(struct db_tx *tx, struct run *run)
{
    char id[UUID_TEXT_SIZE];
    const int64_t now_ms = db_tx_now_ms(tx);
    struct rekey_plan_row *row = &run->out->row;
    *row = (struct rekey_plan_row){
        .tenant = run->terms->tenant, .created_at = now_ms, .updated_at = now_ms, .ver = 1};
    name_copy(bytes_str(run->name), row->name);
    run->out->spec = run->spec;
    TRY(rekey_filter_resolve(tx, row->tenant, run->terms->faults, &run->out->spec.filter));
    TRY(rekey_spec_format(&run->out->spec, row->spec));
    TRY(db_tx_uuid(tx, &row->id));
    TRY(rekey_plan_rows_insert(tx, row));
    TRY(rekey_tally_rows_find(tx, row->id, &run->out->tally));
    uuid_format(row->id, id);
    TRY(idempotency_keep(tx, &run->terms->idempotency, OP_KIND, id));
    return rekey_plan_record(tx, &run->terms->actor, run->out, "rekey_plan.added");
}

static err_t add_in(struct db_tx *tx, void *arg)
{
    struct run *run = arg;
    bool is_repeat = false;
    TRY(find_repeat(tx, run, &is_repeat));
    return is_repeat ? OK : store(tx, run);
}

err_t rekey_plan_add(struct fleet *fleet, const struct terms *terms, const json_t *document,
                     struct rekey_plan *out)
{
    struct run run = {.terms = terms, .document = document, .out = out};
    rekey_spec_init(&run.spec);
    TRY(rekey_spec_read(document, terms->faults, &run.name, &run.spec));
    TRY(check_name(run.name, terms->faults));
    TRY(faults_error(terms->faults));
    ENSURE(run.name != NULL && json_object_get(document, "filter") != NULL, ERR_INTERNAL,
           "a rekey plan without name or filter");
    return db_write(fleet->db, add_in, &run);
}

/* --- changed ------------------------------------------------------------------------------------------ */

static bool is_open(enum rekey_plan_state state)
{
    return state == REKEY_PLAN_DRAFT || state == REKEY_PLAN_RUNNING || state == REKEY_PLAN_PAUSED;
}

static err_t check_changeable(const struct run *run)
{
    static const char *const settled[] = {"filter", "waves", "late_joiners", "starts_at"};
    const enum rekey_plan_state state = run->out->row.state;
    ENSURE(is_open(state), ERR_WRONG_STATE, "the rekey plan is %s: nothing of it changes any more",
           STATES[state]);
    for (size_t i = 0; i < sizeof settled / sizeof settled[0]; i++) {
        bool is_given = json_object_get(run->document, settled[i]) != NULL;
        ENSURE(!is_given || state == REKEY_PLAN_DRAFT, ERR_WRONG_STATE,
               "the rekey plan is %s: %s changes in a draft only; make another plan", STATES[state],
               settled[i]);
    }
    return OK;
}

static err_t change_in(struct db_tx *tx, void *arg)
{
    struct run *run = arg;
    struct rekey_plan *plan = run->out;
    const char *name = NULL;
    TRY(rekey_plan_find_in(tx, run->terms->tenant, run->id, plan));
    TRY(terms_check_version(run->terms, plan->row.ver));
    TRY(check_changeable(run));
    const struct rekey_rate before = plan->spec.rate;
    TRY(rekey_spec_read(run->document, run->terms->faults, &name, &plan->spec));
    TRY(rekey_filter_resolve(tx, plan->row.tenant, run->terms->faults, &plan->spec.filter));
    if (name != NULL) {
        name_copy(bytes_str(name), plan->row.name);
    }
    TRY(rekey_spec_format(&plan->spec, plan->row.spec));
    if (rekey_rate_change(&before, &plan->spec.rate, db_tx_now_ms(tx), &plan->tally.window)) {
        TRY(rekey_tally_rows_update(tx, &plan->tally));
    }
    TRY(rekey_plan_rows_update(tx, &plan->row));
    return rekey_plan_record(tx, &run->terms->actor, plan, "rekey_plan.changed");
}

err_t rekey_plan_change(struct fleet *fleet, const struct terms *terms, struct uuid id,
                        const json_t *document, struct rekey_plan *out)
{
    struct run run = {.terms = terms, .document = document, .id = id, .out = out};
    /* what is wrong in itself is told before anything is looked for */
    rekey_spec_init(&run.spec);
    TRY(rekey_spec_read(document, terms->faults, &run.name, &run.spec));
    TRY(check_name(run.name, terms->faults));
    TRY(faults_error(terms->faults));
    TRY(db_write(fleet->db, change_in, &run));
    return rekey_live_refresh(fleet);
}

/* --- looked at ---------------------------------------------------------------------------------------- */

struct look {
    struct uuid tenant, id;
    struct rekey_plan *out;
};

static err_t look_in(struct db_tx *tx, void *arg)
{
    const struct look *look = arg;
    return rekey_plan_find_in(tx, look->tenant, look->id, look->out);
}

err_t rekey_plan_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct rekey_plan *out)
{
    struct look look = {.tenant = tenant, .id = id, .out = out};
    return db_read(fleet->db, look_in, &look);
}

struct list {
    struct uuid tenant;
    const enum rekey_plan_state *state;
    const struct row_window *window;
    rekey_plan_fn fn;
    void *arg;
    struct db_tx *tx;
};

static err_t on_row(const struct rekey_plan_row *row, void *arg)
{
    const struct list *list = arg;
    struct rekey_plan plan = {.row = *row};
    TRY(rekey_tally_rows_find(list->tx, row->id, &plan.tally));
    TRY(rekey_spec_parse(row->spec, &plan.spec));
    return list->fn(&plan, list->arg);
}

static err_t list_in(struct db_tx *tx, void *arg)
{
    struct list *list = arg;
    list->tx = tx;
    return rekey_plan_rows_list(tx, list->tenant, list->state, list->window, on_row, list);
}

err_t rekey_plan_list(struct fleet *fleet, struct uuid tenant, const enum rekey_plan_state *state,
                      const struct row_window *window, rekey_plan_fn fn, void *arg)
{
    struct list list = {.tenant = tenant, .state = state, .window = window, .fn = fn, .arg = arg};
    return db_read(fleet->db, list_in, &list);
}

struct members {
    const struct rekey_member_range *range;
    rekey_member_row_fn fn;
    void *arg;
};

static err_t members_in(struct db_tx *tx, void *arg)
{
    const struct members *run = arg;
    const struct rekey_member_range *range = run->range;
    struct rekey_plan_row plan;
    TRY(rekey_plan_rows_find(tx, range->tenant, range->plan, &plan));
    return rekey_member_rows_list(tx, range->plan, range->state, range->window, run->fn, run->arg);
}

err_t rekey_plan_members(struct fleet *fleet, const struct rekey_member_range *range, rekey_member_row_fn fn,
                         void *arg)
{
    struct members run = {.range = range, .fn = fn, .arg = arg};
    return db_read(fleet->db, members_in, &run);
}
