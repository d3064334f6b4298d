/* The rules of enrolment as one pure function of what was read (docs/identity.md, rules 1 and 2):
 * who may, for which key, as which generation. Touches no row, no clock, no key. */
#include <string.h>

#include "fleet/certificate_steps.h"
#include "fleet/enrol_internal.h"
#include "fleet/policy_words.h"
#include "fleet/renewal.h"

enum { GENERATION_STEP_MAX = 8 }; /* a device may lose that many writes of its own counter */

err_t enrol_refused(void)
{
    return ERR(ERR_DEVICE_REFUSED, "the device is not admitted");
}

static bool is_identity_proof(const struct enrol_order *order)
{
    return order->contact->proof == PROOF_IDENTITY;
}

static bool is_key_of_device(const struct enrol_order *order, const struct enrol_view *view)
{
    const struct key_info *key = csr_borrow_key(order->csr);
    return memcmp(key->spki_sha256.b, view->device.id.b, DEVICE_ID_SIZE) == 0;
}

static bool is_renewal(const struct enrol_order *order, const struct enrol_view *view)
{
    const struct key_info *key = csr_borrow_key(order->csr);
    return order->contact->proof == PROOF_OPERATIONAL &&
           memcmp(key->spki_sha256.b, view->caller.spki_sha256, SHA256_SIZE) == 0;
}

/* --- who -------------------------------------------------------------------------------------------- */

static err_t check_identity(const struct enrol_view *view)
{
    bool is_open = device_action_check(ACTION_ENROL, view->device.state).code == ERR_OK;
    bool is_allowed_back = device_action_check(ACTION_REENROL, view->device.state).code == ERR_OK &&
                           view->device.reenrol_allowed;
    return (is_open || is_allowed_back) && !view->is_lost_claim ? OK : enrol_refused();
}

/* A code made for CMP lets in the device that it was made for, with the key that it was first used for. It
 * gives a first certificate, and that one again while it was not used: it never recovers or replaces. */
static err_t check_code(const struct enrol_view *view)
{
    bool is_open = device_action_check(ACTION_ENROL, view->device.state).code == ERR_OK;
    bool is_by_code = view->product.admission == ADMISSION_TOKEN;
    if (!is_open || view->is_lost_claim || !is_by_code) {
        return enrol_refused();
    }
    ENSURE(view->is_code_good, ERR_ENROLMENT_CODE, "the code is another key's, or has ended");
    return !view->history.has_any || view->has_repeat ? OK : enrol_refused();
}

/* The certificate that speaks must still be the confirmed one: a rekey or a revocation may have been faster.
 */
static err_t check_operational(const struct enrol_view *view)
{
    const struct certificate_row *caller = &view->caller;
    bool is_valid = view->now_ms >= caller->not_before && view->now_ms < caller->not_after;
    bool is_honoured = view->device.state == DEVICE_ENROLLED && caller->state == CERTIFICATE_CONFIRMED;
    return is_honoured && is_valid ? OK : enrol_refused();
}

/* What the first certificate needs besides the key. Later ones need none of it: a code that ended, or a CA
 * that was retired, takes nothing from those whom they let in. */
static err_t check_admission(const struct enrol_order *order, const struct enrol_view *view)
{
    const struct admission *shown = &order->contact->admission;
    const struct product_row *product = &view->product;
    if (view->history.has_any) {
        return OK;
    }
    if (product->admission == ADMISSION_LISTED) {
        return view->is_new ? enrol_refused() : OK;
    }
    bool is_for_it = shown->by == product->admission && uuid_equal(shown->product, product->id);
    bool is_placed = !view->is_new || !product->must_be_listed;
    bool is_named = shown->serial[0] == '\0' || strcmp(shown->serial, view->device.serial) == 0;
    if (is_for_it && !view->is_shown_good && shown->by == ADMISSION_TOKEN) {
        return ERR(ERR_ENROLMENT_CODE, "the enrolment code is used up, or has ended");
    }
    return is_for_it && view->is_shown_good && is_placed && is_named ? OK : enrol_refused();
}

/* When the identity key may ask for another certificate without anybody's word: by what became of those that
 * were issued. docs/lifecycle.md is made from this table. */
static const struct recovery_rule {
    bool if_none_was_used, if_no_used_one_is_valid, if_a_used_one_is_valid;
} recovery_rules[] = {
    [RECOVERY_NEVER] = {true, false, false},
    [RECOVERY_EXPIRED] = {true, true, false},
    [RECOVERY_ALWAYS] = {true, true, true},
    [RECOVERY_APPROVE] = {true, false, false},
};

/* Whether the identity key may give a device one more certificate (docs/identity.md, rule 2). What it was
 * once allowed to ask for and never used it may ask for again: that answer may have been lost. */
static err_t check_recovery(const struct enrol_view *view)
{
    bool is_allowed = view->device.reenrol_allowed || view->recovery.allowed_until > view->now_ms;
    if (!view->history.has_any || is_allowed || view->links.has_waiting_recovery) {
        return OK;
    }
    const struct recovery_rule *rule = &recovery_rules[view->product.recovery];
    bool passes = !view->history.was_used ? rule->if_none_was_used
                  : !view->has_used_valid ? rule->if_no_used_one_is_valid
                                          : rule->if_a_used_one_is_valid;
    return passes ? OK : enrol_refused();
}

/* --- for which key ---------------------------------------------------------------------------------- */

/* Invariant I4: a key belongs to one device for ever. */
static err_t check_key(const struct enrol_order *order, const struct enrol_view *view)
{
    bool is_own_identity = is_key_of_device(order, view);
    bool is_others = view->has_key && memcmp(view->key.device.b, view->device.id.b, DEVICE_ID_SIZE) != 0;
    ENSURE(!is_others && (is_own_identity || !view->is_identity), ERR_CONFLICT,
           "the key of the request belongs to another device");
    ENSURE(!is_own_identity || view->product.identity_key_certificates, ERR_UNPROCESSABLE,
           "the request is over the identity key: make a new key pair for the certificate");
    if ((view->product.key_algorithms & key_algorithm_bit(csr_borrow_key(order->csr)->alg)) == 0) {
        char accepted[KEY_ALGORITHMS_TEXT_SIZE];
        key_algorithms_format(view->product.key_algorithms, accepted);
        return ERR(ERR_UNPROCESSABLE, "the product certifies keys of %s only", accepted);
    }
    ENSURE(!view->history.is_key_compromised, ERR_UNPROCESSABLE,
           "the key of the request was revoked as compromised: make a new key pair");
    return OK;
}

/* Only where the product asks for it: a client that never makes a new key goes on otherwise, and is overdue.
 */
static err_t check_key_age(const struct enrol_view *view)
{
    bool is_over =
        view->has_key && renewal_is_key_over(&view->product, view->key.first_seen_at, view->now_ms);
    ENSURE(!is_over, ERR_UNPROCESSABLE,
           "the key of the request was certified for as long as its product allows: make a new key pair");
    return OK;
}

/* --- as which generation ---------------------------------------------------------------------------- */

static err_t take_generation(const struct enrol_order *order, int64_t generation, struct enrol_decision *out)
{
    ENSURE(order->generation == 0 || order->generation == generation, ERR_UNPROCESSABLE,
           "generation %lld was asked for, but the key is of generation %lld", (long long)order->generation,
           (long long)generation);
    out->generation = generation;
    return OK;
}

/* A key that was certified before keeps its number, and an old one does not come back (invariant I3). */
static err_t decide_known_key(const struct enrol_order *order, int64_t generation, int64_t last,
                              struct enrol_decision *out)
{
    ENSURE(generation >= last, ERR_UNPROCESSABLE,
           "the key is of generation %lld, but %lld was issued: use a newer key", (long long)generation,
           (long long)last);
    return take_generation(order, generation, out);
}

static err_t decide_generation(const struct enrol_order *order, const struct enrol_view *view,
                               struct enrol_decision *out)
{
    int64_t last = view->device.generation;
    if (is_renewal(order, view)) {
        return take_generation(order, view->caller.generation, out);
    }
    if (is_key_of_device(order, view)) {
        return decide_known_key(order, 0, last, out);
    }
    if (view->has_key) {
        return decide_known_key(order, view->key.generation, last, out);
    }
    if (order->generation == 0) {
        out->generation = last + 1;
        return OK;
    }
    ENSURE(order->generation > last && order->generation - last <= GENERATION_STEP_MAX, ERR_UNPROCESSABLE,
           "generation %lld was asked for: %lld to %lld is possible", (long long)order->generation,
           (long long)(last + 1), (long long)(last + GENERATION_STEP_MAX));
    out->generation = order->generation;
    return OK;
}

/* One key asks twice for the generation that it names, each time for another key. Who makes keys at random
 * names no generation, so this is no lost answer. A key that was certified before is no second one. */
static bool is_fork(const struct enrol_order *order, const struct enrol_view *view)
{
    return order->generation != 0 && view->links.is_forked && !view->has_key &&
           !is_key_of_device(order, view);
}

err_t enrol_decide(const struct enrol_order *order, const struct enrol_view *view, struct enrol_decision *out)
{
    *out = (struct enrol_decision){0};
    if (is_identity_proof(order)) {
        TRY(check_identity(view));
        TRY(check_admission(order, view));
    } else if (order->contact->proof == PROOF_CODE) {
        TRY(check_code(view));
    } else {
        TRY(check_operational(view));
    }
    TRY(check_key(order, view));
    if (view->has_repeat) {
        out->is_repeat = true;
        return OK;
    }
    TRY(check_key_age(view));
    if (is_fork(order, view)) {
        out->is_fork = true;
        return OK;
    }
    if (is_identity_proof(order)) {
        err_t recovery = check_recovery(view);
        out->is_recovery_refused = recovery.code != ERR_OK;
        TRY(recovery);
    }
    out->is_first = !view->history.has_any;
    out->is_recovery = is_identity_proof(order) && view->history.has_any;
    /* with nothing older to keep alive, the issue itself is the confirmation (§0.2) */
    out->state = certificate_step_begin(out->is_first ? STEP_ISSUE_FIRST : STEP_ISSUE);
    return decide_generation(order, view, out);
}
