/* Enrolment, renewal and rekey in order: cheap checks, a look, a decision, a signature, a transaction that
 * decides again. The rules are in enrol_decide.c; this file holds the order of the steps and the answer. */
#include "fleet/enrol.h"

#include <stdio.h>

#include "fleet/authority_set.h"
#include "fleet/clock_guard.h"
#include "fleet/clones.h"
#include "fleet/enrol_internal.h"
#include "fleet/profile_cache.h"
#include "fleet/recovery.h"
#include "fleet/registry.h"
#include "fleet/renewal.h"

enum { ATTEMPTS = 4 }; /* the inventory may change between the look and the transaction */

void enrolment_clear(struct enrolment *enrolment)
{
    certificate_row_clear(&enrolment->certificate);
}

/* --- the steps -------------------------------------------------------------------------------------- */

static err_t look(struct db_tx *tx, void *arg)
{
    struct enrol_run *run = arg;
    TRY(enrol_view_read(tx, run->order, &run->view));
    enrol_view_drop_lost(run->fleet, &run->view);
    TRY(enrol_check_new(run->order, &run->view));
    TRY(enrol_check_identity_key(run->order, &run->view.product));
    TRY(enrol_check_binding(run->order, &run->view.product));
    TRY(enrol_decide(run->order, &run->view, &run->decision));
    return run->decision.is_repeat ? enrol_repeat(tx, run) : OK;
}

static err_t take_profile(struct enrol_run *run)
{
    kept_profile_unref(run->prepared->profile);
    run->prepared->profile = NULL;
    TRY(profile_cache_take(run->fleet, &run->view.product, &run->prepared->profile));
    return enrol_check_profile(run->order, &run->view, &run->decision, run->prepared->profile);
}

static err_t attempt(struct enrol_run *run)
{
    run->must_sign = false;
    TRY(db_read(run->fleet->db, look, run));
    if (run->decision.is_repeat && run->order->proof == NULL && run->order->message == NULL) {
        return OK; /* it changes nothing, so it needs no transaction that writes */
    }
    if (run->decision.is_fork) {
        return clone_by_fork(run);
    }
    if (!run->decision.is_repeat) {
        TRY(take_profile(run));
        if (run->prepared->is_there) { /* once more: perhaps because an authority is another one now */
            TRY(authority_set_reload(run->fleet));
        }
        TRY(enrol_sign(run->fleet, run->order, &run->view, run->prepared));
    }
    return enrol_store(run);
}

static void count(struct fleet *fleet, const struct enrol_decision *decision, bool is_new)
{
    struct fleet_counters *counters = &fleet->counters;
    atomic_llong *counter = &counters->renewed;
    if (decision->is_repeat) {
        counter = &counters->repeated;
    } else if (decision->is_first) {
        counter = &counters->enrolled;
    } else if (decision->is_recovery) {
        counter = &counters->recovered;
    }
    atomic_fetch_add(counter, 1);
    atomic_fetch_add(&counters->registered, is_new ? 1 : 0);
}

static void answer(struct enrol_run *run, struct enrolment *out)
{
    const struct product_row *product = &run->view.product;
    out->certificate = run->row;
    out->is_repeat = run->decision.is_repeat;
    struct buf *der = out->is_repeat ? &run->repeated_der : &run->prepared->issued.der;
    out->certificate.der = *der; /* moves */
    *der = (struct buf){0};
    int64_t key_since = run->view.has_key ? run->view.key.first_seen_at : out->certificate.issued_at;
    struct renewal renewal = renewal_of(product, &run->view.device, &out->certificate, key_since);
    out->renew_after = renewal.due_at;
    out->needs_new_key = renewal_needs_new_key(&renewal, run->view.now_ms);
    if (product->has_hub) {
        hub_url_format(&run->view.hub, out->hub_url);
        (void)snprintf(out->hub_ca, sizeof out->hub_ca, "%s", run->view.hub.ca);
    }
}

static void enrol_signed_clear(struct enrol_signed *prepared)
{
    issued_clear(&prepared->issued);
    kept_profile_unref(prepared->profile);
}
DEFINE_AUTO_VAL(enrol_signed, enrol_signed_clear);

static void enrol_run_clear(struct enrol_run *run)
{
    buf_clear(&run->repeated_der);
}
DEFINE_AUTO_VAL(enrol_run, enrol_run_clear);

err_t enrol(struct fleet *fleet, const struct enrol_order *order, struct enrolment *out)
{
    *out = (struct enrolment){0};
    TRY(clock_guard_check(fleet)); /* its dates would be wrong */
    err_t proof = enrol_check_proof(order);
    if (proof.code != ERR_OK) {
        clone_by_request(fleet, order->facts, order->contact);
        return proof;
    }
    TRY(enrol_check_names(order));
    AUTO_VAL(enrol_signed) prepared = {0};
    AUTO_VAL(enrol_run) run = {.fleet = fleet, .order = order, .prepared = &prepared};
    err_t result = attempt(&run);
    for (int i = 1; i < ATTEMPTS && result.code == ERR_BUSY && run.must_sign; i++) {
        result = attempt(&run);
    }
    if (result.code == ERR_DEVICE_REFUSED && run.decision.is_recovery_refused) {
        recovery_note_request(&run);
    }
    TRY(result);
    answer(&run, out);
    count(fleet, &run.decision, run.view.is_new);
    return OK;
}

/* --- what a client asks before ---------------------------------------------------------------------- */

err_t enrol_key_policy(struct fleet *fleet, const struct contact *contact, struct key_policy *out)
{
    *out = (struct key_policy){.allow_rsa = true};
    if (!contact->is_known && !contact->is_admissible) {
        return OK;
    }
    struct product_row product;
    TRY(product_by_id(fleet, contact->device.product, &product));
    out->allow_rsa_2048 = product.allow_rsa_2048;
    return OK;
}
