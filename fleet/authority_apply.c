/* What an order about an authority changes, in one transaction with its records. A default is taken away
 * before another one gets it: the inventory holds one for each role and owner. */
#include "fleet/authority_apply.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "db/tenant_rows.h"
#include "fleet/authorities.h"
#include "fleet/device_terms.h"
#include "fleet/event.h"
#include "fleet/policy_words.h"
#include "pki/certificate.h"

enum { STEM_SIZE = 16, SECOND_MS = 1000 };

void authority_run_clear(struct authority_run *run)
{
    authority_view_clear(&run->view);
}

/* --- judged -----------------------------------------------------------------------------------------------
 */

/* A tenant's name begins the ids of its authorities. */
static err_t read_stem(struct db_tx *tx, const struct authority_run *run, char out[STEM_SIZE])
{
    struct tenant_row tenant;
    out[0] = '\0';
    if (run->order->verb != AUTHORITY_CREATE || !run->order->is_of_tenant) {
        return OK;
    }
    TRY(tenant_rows_find_by_id(tx, run->terms->tenant, &tenant));
    bool begins_well = islower((unsigned char)tenant.name[0]) != 0;
    (void)snprintf(out, STEM_SIZE, "%s%.12s", begins_well ? "" : "t-", tenant.name);
    for (size_t i = 0; out[i] != '\0'; i++) {
        unsigned char c = (unsigned char)tolower((unsigned char)out[i]);
        out[i] = isalnum(c) != 0 ? (char)c : '-';
    }
    return OK;
}

err_t authority_judge(struct db_tx *tx, struct authority_run *run)
{
    char stem[STEM_SIZE];
    TRY(read_stem(tx, run, stem));
    TRY(authority_view_read(tx, &run->view));
    const struct authority_question question = {.view = &run->view,
                                                .order = run->order,
                                                .tenant = run->terms->tenant,
                                                .faults = run->terms->faults,
                                                .stem = stem,
                                                .now_ms = db_tx_now_ms(tx)};
    TRY(authority_rules_judge(&question, &run->plan));
    const struct authority_plan *plan = &run->plan;
    bool shows_made = plan->makes && run->order->verb != AUTHORITY_COMPROMISE;
    const char *id = shows_made ? plan->made.id : plan->subject->id;
    id = run->order->verb == AUTHORITY_FINISH_ROLL ? plan->next->id : id;
    (void)snprintf(run->id, sizeof run->id, "%s", id);
    return plan->subject == NULL ? OK : terms_check_version(run->terms, plan->subject->ver);
}

/* --- records and rows -------------------------------------------------------------------------------------
 */

err_t authority_record(struct db_tx *tx, const struct authority_brief *about,
                       const struct authority_word *word)
{
    AUTO(json_t) *body = json_object();
    const struct event event = {.kind = word->kind,
                                .result = "ok",
                                .actor = word->actor,
                                .request_id = word->request_id,
                                .tenant = about->has_tenant ? &about->tenant : NULL};
    TRY(json_set_text(body, "authority", about->id));
    TRY(json_set_text(body, "role", about->role));
    TRY(about->issuer[0] != '\0' ? json_set_text(body, "issuer", about->issuer) : OK);
    if (word->other_name != NULL) {
        TRY(json_set_text(body, word->other_name, word->other));
    }
    TRY(word->note[0] != '\0' ? json_set_text(body, "note", word->note) : OK);
    return event_append_value(tx, &event, body);
}

static struct authority_word word_of(const struct authority_run *run, const char *kind)
{
    return (struct authority_word){.kind = kind,
                                   .actor = run->terms->actor.name,
                                   .request_id = run->terms->actor.request_id,
                                   .note = run->order->note};
}

err_t authority_edit(struct db_tx *tx, const char *id, const struct authority_edit *edit)
{
    AUTO_VAL(authority_copy) copy = {.crl_base = ""};
    TRY(authority_copy_find(tx, id, &copy));
    copy.row.state = edit->state;
    copy.row.is_default = edit->is_default;
    if (edit->state == AUTHORITY_COMPROMISED) {
        copy.row.compromised_at = db_tx_now_ms(tx);
        copy.row.rekey_by = edit->rekey_by;
    }
    if (edit->predecessor != NULL && edit->predecessor[0] != '\0') {
        (void)snprintf(copy.row.predecessor, sizeof copy.row.predecessor, "%s", edit->predecessor);
    }
    return authority_rows_update(tx, &copy.row);
}

/* --- a new one
 * ---------------------------------------------------------------------------------------------- */

/* Of what kind the key is: as ordered, or as its predecessor's is. */
static err_t choose_algorithm(struct db_tx *tx, const struct authority_run *run, uint32_t *out)
{
    AUTO_VAL(authority_copy) copy = {.crl_base = ""};
    AUTO_VAL(certificate_facts) facts = {.serial_size = 0};
    *out = run->order->key_algorithm != 0 ? run->order->key_algorithm : key_algorithm_bit(KEY_ALG_P256);
    if (run->order->key_algorithm != 0 || run->plan.made.predecessor[0] == '\0') {
        return OK;
    }
    TRY(authority_copy_find(tx, run->plan.made.predecessor, &copy));
    TRY(certificate_read(copy.row.certificate, &facts));
    *out = key_algorithm_bit(facts.key.alg);
    return OK;
}

/* Where the shards of its CRL will be: where those of the one like it are. */
static err_t read_crl_base(struct db_tx *tx, const struct authority_run *run, char out[AUTHORITY_URL_SIZE])
{
    const struct authority_brief *made = &run->plan.made;
    const struct authority_brief *like = authority_view_find(&run->view, made->predecessor);
    AUTO_VAL(authority_copy) copy = {.crl_base = ""};
    out[0] = '\0';
    like = like != NULL ? like : authority_view_default(&run->view, made->role, NULL);
    if (like == NULL || made->crl_shards == 0) {
        return OK;
    }
    TRY(authority_copy_find(tx, like->id, &copy));
    (void)snprintf(out, AUTHORITY_URL_SIZE, "%s", copy.crl_base);
    return OK;
}

static err_t insert_pending(struct db_tx *tx, const struct authority_run *run)
{
    const struct authority_brief *made = &run->plan.made;
    char crl_base[AUTHORITY_URL_SIZE];
    struct authority_row row = {.role = made->role,
                                .state = AUTHORITY_PENDING,
                                .crl_shards = made->crl_shards,
                                .crl_base = crl_base,
                                .has_tenant = made->has_tenant,
                                .tenant = made->tenant,
                                .key_purposes = made->key_purposes};
    TRY(read_crl_base(tx, run, crl_base));
    memcpy(row.id, made->id, sizeof row.id);
    memcpy(row.issuer, made->issuer, sizeof row.issuer);
    memcpy(row.predecessor, made->predecessor, sizeof row.predecessor);
    return authority_rows_insert(tx, &row);
}

static err_t make(struct db_tx *tx, const struct authority_run *run)
{
    const struct authority_order *order = run->order;
    const struct actor *actor = &run->terms->actor;
    struct authority_order_row row = {.kind = run->plan.kind,
                                      .lifetime_days = order->lifetime_days,
                                      .is_external = order->is_external,
                                      .created_at = db_tx_now_ms(tx)};
    TRY(choose_algorithm(tx, run, &row.key_algorithm));
    memcpy(row.authority, run->plan.made.id, sizeof row.authority);
    memcpy(row.permitted_dns, order->permitted_dns, sizeof row.permitted_dns);
    (void)snprintf(row.actor, sizeof row.actor, "%s", actor->name);
    (void)snprintf(row.request_id, sizeof row.request_id, "%s",
                   actor->request_id != NULL ? actor->request_id : "");
    TRY(insert_pending(tx, run));
    TRY(authority_order_rows_insert(tx, &row));
    struct authority_word word = word_of(run, "authority.ordered");
    if (run->plan.subject != NULL) {
        word.other_name = "predecessor";
        word.other = run->plan.subject->id;
    }
    return authority_record(tx, &run->plan.made, &word);
}

/* --- verb by verb
 * ------------------------------------------------------------------------------------------- */

/* @param becomes "retiring" or "retired", as records have it */
static err_t retire(struct db_tx *tx, const struct authority_run *run, const struct authority_brief *who,
                    enum authority_state state)
{
    const struct authority_edit edit = {.state = state};
    const struct authority_word word =
        word_of(run, state == AUTHORITY_RETIRING ? "authority.retiring" : "authority.retired");
    TRY(authority_edit(tx, who->id, &edit));
    return authority_record(tx, who, &word);
}

/* The one before it issues no more; another default only loses that. */
static err_t make_way(struct db_tx *tx, const struct authority_run *run)
{
    const struct authority_plan *plan = &run->plan;
    const struct authority_brief *before = authority_view_find(&run->view, plan->subject->predecessor);
    bool is_followed = before != NULL && before->state == AUTHORITY_ACTIVE && !plan->subject->is_default &&
                       strcmp(before->role, "root") != 0;
    if (is_followed) {
        TRY(retire(tx, run, before, AUTHORITY_RETIRING));
    }
    if (plan->former == NULL || plan->former == before || plan->former == plan->subject) {
        return OK;
    }
    return authority_edit(tx, plan->former->id, &(struct authority_edit){.state = plan->former->state});
}

static err_t apply_activate(struct db_tx *tx, struct authority_run *run)
{
    const struct authority_plan *plan = &run->plan;
    const struct authority_edit edit = {.state = AUTHORITY_ACTIVE, .is_default = plan->becomes_default};
    struct authority_word word = word_of(run, "authority.activated");
    if (plan->becomes_default) {
        TRY(make_way(tx, run));
    }
    TRY(authority_edit(tx, plan->subject->id, &edit));
    return authority_record(tx, plan->subject, &word);
}

static err_t apply_retire(struct db_tx *tx, struct authority_run *run)
{
    const struct authority_plan *plan = &run->plan;
    const struct authority_word word = word_of(run, "authority.dropped");
    bool is_gone = false;
    if (!plan->is_dropped) {
        return retire(tx, run, plan->subject, plan->state);
    }
    TRY(authority_order_rows_delete(tx, plan->subject->id, &is_gone));
    TRY(authority_rows_delete(tx, plan->subject->id));
    return authority_record(tx, plan->subject, &word);
}

static err_t apply_roll(struct db_tx *tx, struct authority_run *run)
{
    return make(tx, run);
}

static err_t apply_finish(struct db_tx *tx, struct authority_run *run)
{
    const struct authority_plan *plan = &run->plan;
    const struct authority_edit edit = {.state = AUTHORITY_ACTIVE, .is_default = true};
    struct authority_word word = word_of(run, "authority.roll_finished");
    word.other_name = "predecessor";
    word.other = plan->subject->id;
    TRY(retire(tx, run, plan->subject, AUTHORITY_RETIRING));
    TRY(authority_edit(tx, plan->next->id, &edit));
    return authority_record(tx, plan->next, &word);
}

/* Who stood by takes its place, and with it the products that chose it. */
static err_t take_over(struct db_tx *tx, const struct authority_run *run)
{
    const struct authority_brief *next = run->plan.next;
    const struct authority_edit edit = {.state = AUTHORITY_ACTIVE,
                                        .is_default = run->plan.becomes_default || next->is_default,
                                        .predecessor =
                                            next->predecessor[0] == '\0' ? run->plan.subject->id : NULL};
    struct authority_word word = word_of(run, "authority.activated");
    word.other_name = "predecessor";
    word.other = run->plan.subject->id;
    TRY(authority_edit(tx, next->id, &edit));
    return authority_record(tx, next, &word);
}

static err_t apply_compromise(struct db_tx *tx, struct authority_run *run)
{
    const struct authority_plan *plan = &run->plan;
    const struct authority_edit edit = {.state = AUTHORITY_COMPROMISED,
                                        .rekey_by =
                                            db_tx_now_ms(tx) + run->order->rekey_within_s * SECOND_MS};
    AUTO_VAL(authority_copy) subject = {.crl_base = ""};
    struct authority_word word = word_of(run, "authority.compromised");
    TRY(authority_copy_find(tx, plan->subject->id, &subject));
    TRY(authority_edit(tx, plan->subject->id, &edit));
    TRY(authority_revoke(tx, run, &subject));
    TRY(device_terms_renew_all(tx, subject.row.has_tenant ? &subject.row.tenant : NULL)); /* they are due */
    if (plan->next != NULL || plan->makes) {
        word.other_name = "successor";
        word.other = plan->next != NULL ? plan->next->id : plan->made.id;
    }
    TRY(authority_record(tx, plan->subject, &word));
    if (plan->next != NULL) {
        return take_over(tx, run);
    }
    return plan->makes ? make(tx, run) : OK;
}

err_t authority_apply(struct db_tx *tx, struct authority_run *run)
{
    static err_t (*const appliers[])(struct db_tx *, struct authority_run *) = {
        [AUTHORITY_CREATE] = apply_roll,        [AUTHORITY_ACTIVATE] = apply_activate,
        [AUTHORITY_RETIRE] = apply_retire,      [AUTHORITY_ROLL] = apply_roll,
        [AUTHORITY_FINISH_ROLL] = apply_finish, [AUTHORITY_COMPROMISE] = apply_compromise};
    return appliers[run->order->verb](tx, run);
}
