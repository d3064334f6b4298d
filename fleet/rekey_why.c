/* The reasons, from the one that holds longest to the one that may pass within a second. */
#include "fleet/rekey_why.h"

#include "db/certificate_rows.h"
#include "db/device_key_rows.h"
#include "db/device_rows.h"
#include "fleet/clock_guard.h"
#include "fleet/device_contacts.h"
#include "fleet/internal.h"
#include "fleet/policy_words.h"
#include "fleet/rekey_plans_internal.h"
#include "pki/certificate.h"

/* --- the device's key --------------------------------------------------------------------------------- */

static err_t take_confirmed(const struct certificate_row *row, void *arg)
{
    struct rekey_key *key = arg;
    if (row->state == CERTIFICATE_CONFIRMED && !key->is_found) { /* they come newest first */
        key->certificate = *row;
        key->is_found = true;
    }
    return OK;
}

static err_t read_algorithm(struct db_tx *tx, struct rekey_key *key)
{
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(certificate_facts) facts = {.serial_size = 0};
    TRY(certificate_rows_read_der(tx, key->certificate.authority, key->certificate.serial, &der));
    TRY(certificate_read(buf_view(&der), &facts));
    key->algorithm = key_algorithm_bit(facts.key.alg);
    return OK;
}

err_t rekey_key_read(struct db_tx *tx, const struct device_row *device, bool wants_algorithm,
                     struct rekey_key *out)
{
    struct device_key_row row = {.first_seen_at = 0};
    *out = (struct rekey_key){.is_found = false};
    TRY(certificate_rows_list_live(tx, device->tenant, &device->id, take_confirmed, out));
    if (!out->is_found) {
        return OK;
    }
    err_t found = device_key_rows_find(tx, out->certificate.spki_sha256, &row);
    TRY(found.code == ERR_NOT_FOUND ? OK : found);
    out->since = row.first_seen_at;
    return wants_algorithm ? read_algorithm(tx, out) : OK;
}

/* --- one campaign ------------------------------------------------------------------------------------- */

struct view {
    const struct device_row *device;
    struct rekey_key key; /* with its algorithm, once a filter asked for it */
    bool is_held;         /* the clock is in doubt */
    int64_t seen_at;      /* the last contact; 0: never */
};

static err_t read_outside(struct fleet *fleet, const struct device_row *device, struct view *out)
{
    struct device_contact_row contact;
    TRY(device_contacts_find(fleet, device, &contact));
    out->seen_at = contact.seen_at;
    out->is_held = clock_guard_check(fleet).code != ERR_OK;
    return OK;
}

static enum rekey_verdict judge_need(const struct rekey_plan *plan, const struct view *view)
{
    const struct rekey_course course = {plan->row.id, plan->row.started_at, plan->row.wave};
    const struct rekey_subject subject = {.device = view->device,
                                          .certificate = view->key.is_found ? &view->key.certificate : NULL,
                                          .key_algorithm = view->key.algorithm,
                                          .key_since = view->key.since};
    bool is_draft = plan->row.state == REKEY_PLAN_DRAFT;
    return is_draft ? rekey_filter_judge(&plan->spec.filter, &subject)
                    : rekey_need_judge(&plan->spec, &course, &subject);
}

static enum rekey_verdict judge_turn(struct rekey_plan *plan, const struct view *view, int64_t wave,
                                     int64_t now_ms)
{
    if (plan->row.state != REKEY_PLAN_RUNNING) {
        return REKEY_NOT_RUNNING;
    }
    if (now_ms < plan->row.started_at) {
        return REKEY_NOT_BEGUN;
    }
    if (wave > plan->row.wave) {
        return REKEY_OTHER_WAVE;
    }
    if (view->device->rekey_requested_at != 0) {
        return REKEY_ORDERED_ALREADY;
    }
    if (view->is_held) {
        return REKEY_HELD;
    }
    /* who came since and was not told found no room: anything else is excluded above */
    const int64_t since = plan->row.wave_at > plan->row.updated_at ? plan->row.wave_at : plan->row.updated_at;
    bool has_come = plan->spec.rate.devices != 0 && view->seen_at > since;
    bool may = !has_come && rekey_rate_take(&plan->spec.rate, now_ms, &plan->tally.window);
    return may ? REKEY_NO_CONTACT : REKEY_RATE_USED_UP;
}

static err_t find_member(struct db_tx *tx, const struct device_row *device, struct rekey_why *out)
{
    err_t found = rekey_member_rows_find(tx, out->plan.id, &device->id, &out->member);
    out->has_member = found.code == ERR_OK;
    return found.code == ERR_NOT_FOUND ? OK : found;
}

static err_t explain(struct db_tx *tx, struct rekey_plan *plan, struct view *view, struct rekey_why *out)
{
    bool wants_algorithm = plan->spec.filter.key_algorithms != 0 && view->key.is_found;
    *out = (struct rekey_why){.plan = plan->row, .state = view->device->state, .seen_at = view->seen_at};
    TRY(wants_algorithm && view->key.algorithm == 0 ? read_algorithm(tx, &view->key) : OK);
    TRY(find_member(tx, view->device, out));
    TRY(rekey_wave_of(&plan->spec, plan->row.id, view->device, &out->wave));
    if (out->has_member) {
        out->verdict = rekey_member_verdict(&out->member);
        return OK;
    }
    out->verdict = judge_need(plan, view);
    if (out->verdict == REKEY_IS_MEANT) {
        out->verdict = judge_turn(plan, view, out->wave, db_tx_now_ms(tx));
    }
    return OK;
}

struct ask {
    const struct rekey_question *question;
    struct view view;
    struct rekey_why *out;
};

static err_t ask_in(struct db_tx *tx, void *arg)
{
    const struct ask *ask = arg;
    const struct rekey_question *question = ask->question;
    struct rekey_plan plan;
    struct device_row device;
    struct view view = ask->view;
    view.device = &device;
    TRY(rekey_plan_find_in(tx, question->tenant, question->plan, &plan));
    TRY(device_rows_find(tx, question->tenant, &question->device, &device));
    TRY(rekey_key_read(tx, &device, false, &view.key));
    return explain(tx, &plan, &view, ask->out);
}

err_t rekey_why(struct fleet *fleet, const struct rekey_question *question, struct rekey_why *out)
{
    const struct device_row device = {.id = question->device, .tenant = question->tenant};
    struct ask ask = {.question = question, .out = out};
    TRY(read_outside(fleet, &device, &ask.view));
    return db_read(fleet->db, ask_in, &ask);
}

/* --- those of a device -------------------------------------------------------------------------------- */

struct whys {
    struct view view;
    rekey_why_fn fn;
    void *arg;
    struct db_tx *tx;
};

static err_t tell_one(struct whys *run, struct rekey_plan *plan)
{
    struct rekey_why why;
    TRY(explain(run->tx, plan, &run->view, &why));
    bool is_other = bytes_is(bytes_str(rekey_verdict_state(why.verdict)), "not_meant");
    return is_other ? OK : run->fn(&why, run->arg);
}

static err_t on_running(const struct rekey_plan_row *row, void *arg)
{
    struct whys *run = arg;
    struct rekey_plan plan = {.row = *row};
    TRY(rekey_tally_rows_find(run->tx, row->id, &plan.tally));
    TRY(rekey_spec_parse(row->spec, &plan.spec));
    return tell_one(run, &plan);
}

/* Of a plan that does not run any more, or not now. */
static err_t on_open(const struct rekey_member_row *member, void *arg)
{
    struct whys *run = arg;
    struct rekey_plan plan;
    TRY(rekey_plan_find_in(run->tx, member->tenant, member->plan, &plan));
    return plan.row.state == REKEY_PLAN_RUNNING ? OK : tell_one(run, &plan);
}

static err_t whys_in(struct db_tx *tx, void *arg)
{
    static const enum rekey_plan_state running = REKEY_PLAN_RUNNING;
    static const uint8_t first[1] = {0};
    struct whys *run = arg;
    const struct device_row *device = run->view.device;
    const struct row_window window = {.after = {first, sizeof first}, .limit = REKEY_MEMBERS_OPEN_MAX};
    run->tx = tx;
    TRY(rekey_key_read(tx, device, false, &run->view.key));
    TRY(rekey_plan_rows_list(tx, device->tenant, &running, &window, on_running, run));
    TRY(rekey_member_rows_of_device(tx, device, REKEY_MEMBER_TOLD, on_open, run));
    return rekey_member_rows_of_device(tx, device, REKEY_MEMBER_FAILED, on_open, run);
}

err_t rekey_whys(struct fleet *fleet, const struct device_row *device, rekey_why_fn fn, void *arg)
{
    struct whys run = {.view.device = device, .fn = fn, .arg = arg};
    TRY(read_outside(fleet, device, &run.view));
    return db_read(fleet->db, whys_in, &run);
}
