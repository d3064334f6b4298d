/* The transaction of an enrolment: looks and decides again, uses the nonce, stores the key, the certificate
 * and the device with their audit record, or finds the certificate that waits. May run twice; nothing is
 * disclosed before it is durable. */
#include <stdio.h>
#include <string.h>

#include "db/authority_rows.h"
#include "db/challenge_rows.h"
#include "fleet/cmp_code_proof.h"
#include "fleet/device_change.h"
#include "fleet/enrol_internal.h"
#include "fleet/event.h"
#include "fleet/nonce.h"
#include "fleet/profile_cache.h"

static const char *proof_name(const struct enrol_order *order)
{
    if (order->contact->proof == PROOF_CODE) {
        return "code";
    }
    if (order->message != NULL) {
        return "message";
    }
    if (order->contact->proof == PROOF_OPERATIONAL) {
        return "certificate";
    }
    if (order->proof == NULL) {
        return "tls";
    }
    return order->proof->is_bound ? "challenge" : "challenge-unbound";
}

static const char *event_kind(const struct enrol_decision *decision)
{
    if (decision->is_first) {
        return "device.enrolled";
    }
    return decision->is_recovery ? "device.recovered" : "certificate.issued";
}

static err_t record(struct db_tx *tx, const struct enrol_run *run)
{
    const struct certificate_row *row = &run->row;
    char serial[2 * CERTIFICATE_SERIAL_SIZE + 1];
    char key[2 * SHA256_SIZE + 1];
    char fingerprint[2 * SHA256_SIZE + 1];
    struct sha256 hash;
    TRY(sha256_of(buf_view(&run->prepared->issued.der), &hash));
    hex_encode(BYTES_OF(row->serial), serial);
    hex_encode(BYTES_OF(row->spki_sha256), key);
    hex_encode(BYTES_OF(hash.b), fingerprint);
    struct event event = {.kind = event_kind(&run->decision),
                          .result = "ok",
                          .actor = run->order->actor.name,
                          .request_id = run->order->actor.request_id,
                          .tenant = &row->tenant,
                          .device = &row->device};
    return event_append(tx, &event,
                        "{\"serial\":\"%s\",\"authority\":\"%s\",\"generation\":%lld,\"fingerprint\":\"%s\","
                        "\"key\":\"%s\",\"proof\":\"%s\",\"profile\":\"%s\",\"profile_version\":%lld}",
                        serial, row->authority, (long long)row->generation, fingerprint, key,
                        proof_name(run->order), row->profile, (long long)row->profile_version);
}

static void row_fill(struct enrol_run *run)
{
    const struct issued *issued = &run->prepared->issued;
    const struct enrol_view *view = &run->view;
    struct certificate_row *row = &run->row;
    *row = (struct certificate_row){.tenant = view->device.tenant,
                                    .device = view->device.id,
                                    .generation = run->decision.generation,
                                    .state = run->decision.state,
                                    .not_before = issued->not_before_ms,
                                    .not_after = issued->not_after_ms,
                                    .issued_at = view->now_ms,
                                    .revocation_reason = -1,
                                    .ver = 1};
    (void)memcpy(row->serial, issued->serial, sizeof row->serial);
    (void)memcpy(row->spki_sha256, csr_borrow_key(run->order->csr)->spki_sha256.b, sizeof row->spki_sha256);
    (void)memcpy(row->authority, run->prepared->authority, sizeof row->authority);
    (void)memcpy(row->profile, run->prepared->profile->name, sizeof row->profile);
    row->profile_version = run->prepared->profile->version;
    row->confirmed_at = row->state == CERTIFICATE_CONFIRMED ? row->issued_at : 0;
}

static struct bytes proved_key(const struct enrol_order *order)
{
    const struct contact_facts *facts = order->facts;
    return facts->proved_spki.n > 0 ? facts->proved_spki : buf_view(&facts->peer->spki);
}

/* The first certificate uses what the device showed, and registers it when no list did. */
static err_t admit(struct db_tx *tx, struct enrol_run *run)
{
    const struct enrol_order *order = run->order;
    const struct admission *shown = &order->contact->admission;
    struct device_row *device = &run->view.device;
    if (!run->decision.is_first || !run->view.is_shown_good) {
        return OK;
    }
    TRY(admission_use(tx, shown, &device->id));
    if (run->view.is_new) {
        return admission_register(tx, shown, &order->actor, device, proved_key(order));
    }
    device->key_origin = shown->by == ADMISSION_VENDOR_CA ? KEY_ORIGIN_ATTESTED : device->key_origin;
    return OK;
}

static err_t store_device(struct db_tx *tx, struct enrol_run *run)
{
    struct device_row device = run->view.device;
    struct bytes spki = BYTES_NONE;
    if (run->order->contact->proof == PROOF_IDENTITY) {
        spki = proved_key(run->order);
        device.claim = CLAIM_PROVED;
        device.reenrol_allowed = false; /* it passes once, like an operator's allowance */
        TRY(recovery_rows_delete(tx, device.tenant, &device.id));
    }
    device.enrolled_at = device.enrolled_at != 0 ? device.enrolled_at : run->view.now_ms;
    if (device.generation < run->decision.generation) {
        device.generation = run->decision.generation;
    }
    TRY(device_action_end(device.state == DEVICE_REVOKED ? ACTION_REENROL : ACTION_ENROL, device.state,
                          DEVICE_ENROLLED));
    return device_change(tx, &device, DEVICE_ENROLLED, spki);
}

/* A code for CMP is bound by the first certificate, and of use no more when the device came in without it. */
static err_t use_code(struct db_tx *tx, const struct enrol_run *run)
{
    if (run->order->contact->proof == PROOF_CODE) {
        return cmp_code_bind(tx, run->order->facts->code_proof, run->row.spki_sha256);
    }
    return run->decision.is_first ? cmp_code_spend(tx, run->row.tenant, &run->row.device) : OK;
}

static err_t issue(struct db_tx *tx, struct enrol_run *run)
{
    row_fill(run);
    struct device_key_row key = {
        .device = run->row.device, .generation = run->row.generation, .first_seen_at = run->view.now_ms};
    (void)memcpy(key.spki_sha256, run->row.spki_sha256, sizeof key.spki_sha256);
    TRY(admit(tx, run));
    TRY(device_key_rows_claim(tx, &key));
    TRY(use_code(tx, run));
    /* who asks anew replaces what it asked for before and never used; what the other kind of key asked for
     * stays: a recovery takes nothing from a rekey that is under way, nor the other way round */
    const bool is_by_identity = run->order->contact->proof == PROOF_IDENTITY;
    TRY(certificate_rows_supersede_unconfirmed(tx, &run->row, is_by_identity));
    const struct certificate_link link = {.by = enrol_link_key(run->order),
                                          .is_stated = run->order->generation != 0};
    struct certificate_row stored = run->row;
    stored.der = run->prepared->issued.der; /* borrowed for the call */
    TRY(certificate_rows_insert(tx, &stored, &link));
    TRY(store_device(tx, run));
    return record(tx, run);
}

err_t enrol_repeat(struct db_tx *tx, struct enrol_run *run)
{
    run->row = run->view.repeat;
    const char *profile =
        run->row.profile[0] != '\0' ? run->row.profile : product_profile_name(&run->view.product);
    TRY(enrol_check_wanted(run->order, profile));
    buf_clear(&run->repeated_der);
    return certificate_rows_read_der(tx, run->row.authority, run->row.serial, &run->repeated_der);
}

/* What was signed holds only while the one who signed it is what it was. */
static err_t check_prepared(struct db_tx *tx, const struct enrol_run *run, bool *is_good)
{
    int64_t authorities = 0;
    TRY(authority_rows_read_change(tx, &authorities));
    *is_good = run->prepared->is_there && run->prepared->product_ver == run->view.product.ver &&
               run->prepared->authorities == authorities &&
               kept_profile_is_of(run->prepared->profile, &run->view.product);
    return OK;
}

/* One that was answered before is good for the same certificate and for no other. */
static err_t use_message(struct db_tx *tx, const struct enrol_run *run)
{
    const struct enrol_message *message = run->order->message;
    if (message == NULL) {
        return OK;
    }
    err_t used = challenge_rows_use(tx, message->name, message->good_until);
    if (used.code != ERR_CONFLICT) {
        return used;
    }
    ENSURE(run->decision.is_repeat, ERR_WRONG_STATE, "this request was answered before: make a new one");
    return OK;
}

static err_t store(struct db_tx *tx, void *arg)
{
    struct enrol_run *run = arg;
    run->must_sign = false;
    if (run->order->proof != NULL) {
        TRY(nonce_use(tx, run->order->proof->nonce));
    }
    TRY(enrol_view_read(tx, run->order, &run->view));
    enrol_view_drop_lost(run->fleet, &run->view);
    TRY(enrol_check_new(run->order, &run->view));
    TRY(enrol_decide(run->order, &run->view, &run->decision));
    TRY(use_message(tx, run));
    if (run->decision.is_repeat) {
        return enrol_repeat(tx, run);
    }
    bool is_good = false;
    TRY(check_prepared(tx, run, &is_good));
    if (run->decision.is_fork || !is_good) {
        run->must_sign = true;
        return ERR(ERR_BUSY, "the inventory changed at the same time");
    }
    TRY(enrol_check_profile(run->order, &run->view, &run->decision, run->prepared->profile));
    return issue(tx, run);
}

err_t enrol_store(struct enrol_run *run)
{
    return db_write(run->fleet->db, store, run);
}
