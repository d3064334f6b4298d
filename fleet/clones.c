/* From a proof that two hold a device's keys to what the product asks for: an alert, or quarantine. Judges no
 * request (enrol_decide.c finds a fork, contact.c a certificate without rights). */
#include "fleet/clones.h"

#include <string.h>

#include "db/certificate_rows.h"
#include "db/clone_rows.h"
#include "db/device_rows.h"
#include "db/product_rows.h"
#include "fleet/alarms.h"
#include "fleet/clock_guard.h"
#include "fleet/contact_internal.h"
#include "fleet/device_change.h"
#include "fleet/enrol_internal.h"
#include "fleet/event.h"
#include "fleet/nonce.h"
#include "fleet/policy_words.h"
#include "fleet/refusals.h"

/* --- what follows from a proof ---------------------------------------------------------------------- */

struct suspicion {
    const char *rule;
    const struct contact_facts *facts;
    struct device_row *device;
    enum clone_response response;
    int64_t generation;
    const uint8_t *key;           /* that the second one asked for; or NULL */
    const uint8_t *old, *current; /* serials; or NULL */
};

static err_t set_hex_if(json_t *body, const char *name, const uint8_t *value, size_t size)
{
    return value != NULL ? json_set_hex(body, name, (struct bytes){value, size}) : OK;
}

static err_t record(struct db_tx *tx, const struct suspicion *found)
{
    char network[NETWORK_TEXT_SIZE];
    refusals_network(found->facts->address, network);
    AUTO(json_t) *body = json_object();
    TRY(json_set_text(body, "rule", found->rule));
    TRY(json_set_text(body, "response", clone_response_name(found->response)));
    TRY(json_set_int(body, "generation", found->generation));
    TRY(set_hex_if(body, "key", found->key, SHA256_SIZE));
    TRY(set_hex_if(body, "old_serial", found->old, CERTIFICATE_SERIAL_SIZE));
    TRY(set_hex_if(body, "current_serial", found->current, CERTIFICATE_SERIAL_SIZE));
    TRY(json_set_text(body, "network", network));
    struct event event = {.kind = "device.clone_suspected",
                          .result = "ok",
                          .actor = "whorld",
                          .request_id = found->facts->request_id,
                          .tenant = &found->device->tenant,
                          .device = &found->device->id};
    return event_append_value(tx, &event, body);
}

static err_t quarantine(struct db_tx *tx, const struct suspicion *found)
{
    enum device_state before = found->device->state;
    TRY(device_change(tx, found->device, DEVICE_QUARANTINED, BYTES_NONE));
    struct event event = {.kind = "device.quarantined",
                          .result = "ok",
                          .actor = "whorld",
                          .request_id = found->facts->request_id,
                          .tenant = &found->device->tenant,
                          .device = &found->device->id};
    return event_append(tx, &event, "{\"from\":\"%s\",\"state\":\"%s\",\"cause\":\"clone suspected\"}",
                        device_state_name(before), device_state_name(found->device->state));
}

static struct alarm alarm_of(const struct device_row *device, char subject[2 * DEVICE_ID_SIZE + 1])
{
    hex_encode(BYTES_OF(device->id.b), subject);
    return (struct alarm){.kind = "device.clone_suspected",
                          .subject = subject,
                          .tenant = &device->tenant,
                          .severity = ALARM_CRITICAL,
                          .detail = ""};
}

err_t clone_alarm_clear(struct db_tx *tx, const struct device_row *device)
{
    char subject[2 * DEVICE_ID_SIZE + 1];
    const struct alarm alarm = alarm_of(device, subject);
    return alarm_clear(tx, &alarm);
}

static err_t suspect(struct db_tx *tx, const struct suspicion *found)
{
    char subject[2 * DEVICE_ID_SIZE + 1];
    struct alarm alarm = alarm_of(found->device, subject);
    alarm.detail = found->rule;
    TRY(alarm_raise(tx, &alarm));
    bool can_stop = device_action_check(ACTION_QUARANTINE, found->device->state).code == ERR_OK;
    TRY(clone_rows_delete(tx, found->device->tenant, &found->device->id));
    TRY(record(tx, found));
    return found->response == CLONE_QUARANTINE && can_stop ? quarantine(tx, found) : OK;
}

/* --- two keys for one generation -------------------------------------------------------------------- */

static err_t fork_in(struct db_tx *tx, void *arg)
{
    struct enrol_run *run = arg;
    run->must_sign = false;
    if (run->order->proof != NULL) {
        TRY(nonce_use(tx, run->order->proof->nonce));
    }
    TRY(enrol_view_read(tx, run->order, &run->view));
    TRY(enrol_decide(run->order, &run->view, &run->decision));
    if (!run->decision.is_fork) {
        run->must_sign = true;
        return ERR(ERR_BUSY, "the inventory changed at the same time");
    }
    const struct suspicion found = {.rule = "same_generation",
                                    .facts = run->order->facts,
                                    .device = &run->view.device,
                                    .response = run->view.product.clone_response,
                                    .generation = run->order->generation,
                                    .key = csr_borrow_key(run->order->csr)->spki_sha256.b};
    return suspect(tx, &found);
}

/* Where nothing stops the device, it may come again and again: one event an hour. */
static bool may_alert(struct fleet *fleet, const struct device_row *device)
{
    int64_t unrecorded = 0;
    return refusals_may_record(fleet->refusals, REFUSAL_CLONE, BYTES_OF(device->id.b),
                               clock_now_ms(fleet->clock), &unrecorded);
}

err_t clone_by_fork(struct enrol_run *run)
{
    bool is_alert = run->view.product.clone_response == CLONE_ALERT;
    if (!is_alert || may_alert(run->fleet, &run->view.device)) {
        TRY(db_write(run->fleet->db, fork_in, run));
    }
    ENSURE(is_alert, ERR_DEVICE_REFUSED, "the device is not admitted");
    return ERR(ERR_UNPROCESSABLE, "generation %lld was asked for before, with another key",
               (long long)run->order->generation);
}

/* --- two lines -------------------------------------------------------------------------------------- */

struct sighting {
    struct fleet *fleet;
    const struct contact_facts *facts;
    const struct contact *contact;
    bool is_request;
    bool is_news;                   /* it is to be noted */
    struct certificate_row current; /* the confirmed one */
    bool has_current;
};

static err_t take_current(const struct certificate_row *row, void *arg)
{
    struct sighting *run = arg;
    if (row->state == CERTIFICATE_CONFIRMED && row->first_used_at != 0) {
        run->current = *row;
        run->has_current = true;
    }
    return OK;
}

/* A certificate that was renewed has the key of its successor: whoever uses it holds no other key. */
static bool is_another_line(const struct sighting *run, const struct certificate_row *old, int64_t now_ms)
{
    if (!run->has_current || old->state != CERTIFICATE_SUPERSEDED) {
        return false;
    }
    const struct certificate_row *current = &run->current;
    bool is_other_key = memcmp(current->spki_sha256, old->spki_sha256, sizeof old->spki_sha256) != 0;
    bool was_used_before = current->first_used_at < now_ms && old->superseded_at < now_ms;
    bool is_late = run->is_request || now_ms - old->superseded_at >= run->fleet->options.supersede_overlap_ms;
    return is_other_key && was_used_before && is_late;
}

static err_t look(struct db_tx *tx, void *arg)
{
    struct sighting *run = arg;
    struct certificate_row old;
    struct device_row device;
    struct clone_sighting_row known;
    run->is_news = run->has_current = false;
    TRY(certificate_rows_find(tx, run->contact->certificate.authority, run->contact->certificate.serial,
                              &old));
    TRY(device_rows_find(tx, old.tenant, &old.device, &device));
    if (device.state != DEVICE_ENROLLED) {
        return OK;
    }
    TRY(certificate_rows_list_live(tx, old.tenant, &old.device, take_current, run));
    if (!is_another_line(run, &old, db_tx_now_ms(tx))) {
        return OK;
    }
    err_t found = clone_rows_find(tx, old.tenant, &old.device, &known);
    run->is_news = found.code == ERR_NOT_FOUND ||
                   memcmp(known.current_serial, run->current.serial, sizeof known.current_serial) != 0;
    return found.code == ERR_NOT_FOUND ? OK : found;
}

static err_t note_in(struct db_tx *tx, void *arg)
{
    struct sighting *run = arg;
    TRY(look(tx, run));
    if (!run->is_news) {
        return OK;
    }
    struct clone_sighting_row row = {
        .device = run->current.device, .tenant = run->current.tenant, .seen_at = db_tx_now_ms(tx)};
    memcpy(row.old_serial, run->contact->certificate.serial, sizeof row.old_serial);
    memcpy(row.current_serial, run->current.serial, sizeof row.current_serial);
    memcpy(row.current_authority, run->current.authority, sizeof row.current_authority);
    return clone_rows_put(tx, &row);
}

/* Reads first: a device that goes on with its old certificate shall not make the writer busy. */
static void note(struct fleet *fleet, const struct contact_facts *facts, const struct contact *contact,
                 bool is_request)
{
    struct sighting run = {.fleet = fleet, .facts = facts, .contact = contact, .is_request = is_request};
    bool is_proof = facts->peer != NULL && facts->peer->kind == PEER_ISSUED && facts->proved_spki.n == 0 &&
                    !facts->is_resumed && !facts->is_message;
    if (!is_proof || !contact->is_known || !contact->is_superseded || contact->is_expired) {
        return;
    }
    if (clock_guard_check(fleet).code != ERR_OK) {
        return; /* nobody knows whether the overlap is over */
    }
    err_t noted = db_read(fleet->db, look, &run);
    if (noted.code == ERR_OK && run.is_news) {
        noted = db_write(fleet->db, note_in, &run);
    }
    if (noted.code != ERR_OK) {
        log_error(fleet->log, "sighting_not_noted", facts->request_id, noted);
    }
}

void clone_by_use(struct fleet *fleet, const struct contact_facts *facts, const struct contact *contact)
{
    note(fleet, facts, contact, false);
}

void clone_by_request(struct fleet *fleet, const struct contact_facts *facts, const struct contact *contact)
{
    note(fleet, facts, contact, true);
}

struct proving {
    const struct contact_facts *facts;
    struct contact *contact;
};

static err_t prove_in(struct db_tx *tx, void *arg)
{
    const struct proving *run = arg;
    struct certificate_row *row = &run->contact->certificate;
    struct device_row *device = &run->contact->device;
    struct certificate_row asked = *row;
    struct clone_sighting_row seen;
    struct product_row product;
    TRY(certificate_rows_find(tx, asked.authority, asked.serial, row));
    TRY(device_rows_find(tx, row->tenant, &row->device, device));
    contact_judge(run->contact, db_tx_now_ms(tx));
    err_t found = clone_rows_find(tx, row->tenant, &row->device, &seen);
    bool is_of_it = found.code == ERR_OK && memcmp(seen.current_serial, row->serial, sizeof row->serial) == 0;
    if (run->contact->proof != PROOF_OPERATIONAL || !is_of_it) {
        return found.code == ERR_NOT_FOUND ? OK : found;
    }
    TRY(product_rows_find_by_id(tx, device->product, &product));
    const struct suspicion suspicion = {.rule = "two_lines",
                                        .facts = run->facts,
                                        .device = device,
                                        .response = product.clone_response,
                                        .generation = row->generation,
                                        .old = seen.old_serial,
                                        .current = row->serial};
    TRY(suspect(tx, &suspicion));
    contact_judge(run->contact, db_tx_now_ms(tx));
    return OK;
}

void clone_prove(struct fleet *fleet, const struct contact_facts *facts, struct contact *contact)
{
    if (facts->is_message) {
        return;
    }
    struct proving run = {.facts = facts, .contact = contact};
    err_t proved = db_write(fleet->db, prove_in, &run);
    if (proved.code != ERR_OK) { /* the sighting stands: the next use tries again */
        log_error(fleet->log, "clone_not_recorded", facts->request_id, proved);
    }
}
