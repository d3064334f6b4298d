/* What CMP requests and confirmations mean to the enrolment service: who asks is who the protection proved,
 * and what becomes of it is enrol()'s word. Called by a transaction when protection and possession hold. */
#include <stdio.h>
#include <string.h>

#include "db/certificate_rows.h"
#include "fleet/authorities.h"
#include "fleet/cmp_internal.h"
#include "fleet/contact_internal.h"
#include "fleet/event.h"
#include "fleet/revoked_rows.h"
#include "pki/cmp_request.h"

enum {
    CHECK_AFTER_S = 10,
    REVOKED_REFUSED = 5 /* cessationOfOperation (RFC 5280 §5.3.1): not needed, and its key is nobody else's */
};

/* --- words ------------------------------------------------------------------------------------------ */

static enum cmp_failure failure_of(err_code code)
{
    static const struct {
        err_code code;
        enum cmp_failure failure;
    } rows[] = {{ERR_POP_FAILED, CMP_FAILURE_BAD_POP},
                {ERR_BAD_CSR, CMP_FAILURE_BAD_CERT_TEMPLATE},
                {ERR_UNPROCESSABLE, CMP_FAILURE_BAD_CERT_TEMPLATE},
                {ERR_CONFLICT, CMP_FAILURE_DUPLICATE_CERT_REQ},
                {ERR_WRONG_STATE, CMP_FAILURE_TRANSACTION_ID_IN_USE},
                {ERR_DEVICE_REFUSED, CMP_FAILURE_NOT_AUTHORIZED},
                {ERR_UNAUTHORIZED, CMP_FAILURE_NOT_AUTHORIZED},
                {ERR_FORBIDDEN, CMP_FAILURE_NOT_AUTHORIZED},
                {ERR_ENROLMENT_CODE, CMP_FAILURE_NOT_AUTHORIZED},
                {ERR_TOO_MANY, CMP_FAILURE_SYSTEM_UNAVAIL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].code == code) {
            return rows[i].failure;
        }
    }
    return err_status(code) >= 500 ? CMP_FAILURE_SYSTEM_FAILURE : CMP_FAILURE_BAD_REQUEST;
}

static void reject(struct cmp_outcome *out, enum cmp_failure failure, const char *text)
{
    out->verdict = CMP_REJECTED;
    out->failure = failure;
    (void)snprintf(out->text, sizeof out->text, "%s", text);
}

/* What will pass is waited for; of our own failures nobody outside hears more than that. */
static void tell(struct cmp_case *c, err_t error, struct cmp_outcome *out)
{
    int status = err_status(error.code);
    if (status == 503) {
        out->verdict = CMP_WAITING;
        out->check_after_s = error.retry_after_s > 0 ? error.retry_after_s : CHECK_AFTER_S;
        return;
    }
    if (status >= 500) {
        log_error(c->fleet->log, "cmp_failed", c->question->request_id, error);
        reject(out, CMP_FAILURE_SYSTEM_FAILURE, "internal error");
        return;
    }
    reject(out, failure_of(error.code), error.detail[0] != '\0' ? error.detail : "refused");
}

struct contact_facts cmp_facts_of(const struct cmp_case *c)
{
    return (struct contact_facts){.peer = c->is_by_code ? NULL : &c->peer,
                                  .code_proof = c->is_by_code ? &c->code : NULL,
                                  .is_message = true,
                                  .label = c->question->label,
                                  .address = c->question->address,
                                  .request_id = c->question->request_id};
}

void cmp_turn_away(struct cmp_case *c, const struct contact *contact, err_t error, enum cmp_failure failure,
                   struct cmp_outcome *out)
{
    int status = err_status(error.code);
    if (status == 401 || status == 403 || status == 409 || status == 422) {
        const struct contact_facts facts = cmp_facts_of(c);
        contact_refused(c->fleet, &facts, contact, error);
    }
    tell(c, error, out);
    out->failure = status < 500 ? failure : out->failure;
}

/* --- requests --------------------------------------------------------------------------------------- */

/* A key update is the holder's of a certificate that is honoured, and of that very one when it names it (RFC
 * 9483 §4.1.3). */
static err_t check_update(const struct cmp_case *c, const struct contact *contact,
                          const struct cmp_request *request, enum cmp_failure *failure)
{
    const struct certificate_facts *own = &c->peer.certificate;
    bool is_lost = contact->is_superseded || contact->is_revoked; /* enrol() refuses it, and notes who came */
    *failure = CMP_FAILURE_NOT_AUTHORIZED;
    ENSURE(c->request.body != CMP_BODY_KUR || contact->proof == PROOF_OPERATIONAL || is_lost,
           ERR_DEVICE_REFUSED, "kur needs a certificate of this installation that is honoured");
    *failure = CMP_FAILURE_BAD_CERT_ID;
    ENSURE(!request->has_old ||
               bytes_equal(request->old_serial, (struct bytes){own->serial, own->serial_size}),
           ERR_FORBIDDEN, "oldCertID names another certificate than the one that protects the message");
    return OK;
}

/* A message by a certificate, or by a code, is good as long as that; one by the identity key for ever. */
static int64_t good_until(const struct cmp_case *c)
{
    static const int64_t for_ever_ms = 253402300799000; /* the end of 9999 */
    if (c->is_by_code) {
        return cmp_code_ends_at(&c->code.row);
    }
    return c->peer.kind == PEER_ISSUED ? c->peer.certificate.not_after_ms : for_ever_ms;
}

static err_t name_message(const struct cmp_case *c, struct sha256 *name, struct enrol_message *out)
{
    AUTO_VAL(buf) whole = {0};
    TRY(buf_append_str(&whole, "CMP"));
    TRY(buf_append_bytes(&whole, BYTES_OF(c->key.b)));
    TRY(buf_append_bytes(&whole, c->request.transaction_id));
    TRY(sha256_of(buf_view(&whole), name));
    *out = (struct enrol_message){.name = BYTES_OF(name->b), .good_until = good_until(c)};
    return OK;
}

static err_t order(struct cmp_case *c, const struct contact *contact, const struct csr *csr,
                   struct enrolment *out)
{
    static const struct channel_binding none = {.unique_size = 0};
    const struct contact_facts facts = cmp_facts_of(c);
    struct sha256 name;
    struct enrol_message message;
    struct enrol_order order = {.contact = contact,
                                .facts = &facts,
                                .csr = csr,
                                .binding = &none,
                                .message = &message,
                                .profile = c->request.profile};
    TRY(name_message(c, &name, &message));
    char id[2 * DEVICE_ID_SIZE + 1];
    hex_encode(contact->is_known ? BYTES_OF(contact->device.id.b) : BYTES_OF(c->key.b), id);
    (void)snprintf(order.actor.name, sizeof order.actor.name, "device:%s", id);
    order.actor.request_id = c->question->request_id;
    if (contact->proof == PROOF_OPERATIONAL) {
        order.subject_of_peer = buf_view(&c->peer.certificate.subject);
        order.san_of_peer = buf_view(&c->peer.certificate.san);
    }
    return enrol(c->fleet, &order, out);
}

/* @param[in,out] failure what a CMP error says, where the error alone does not tell */
static err_t request(struct cmp_case *c, struct contact *contact, struct enrolment *out,
                     enum cmp_failure *failure)
{
    struct cmp_request asked;
    struct key_policy policy;
    AUTO_PTR(csr) *csr = NULL;
    const struct contact_facts facts = cmp_facts_of(c);
    TRY(cmp_request_read(&c->request, &asked, failure));
    err_t resolved = contact_resolve(c->fleet, &facts, contact);
    *failure = failure_of(resolved.code);
    TRY(resolved);
    TRY(check_update(c, contact, &asked, failure));
    TRY(enrol_key_policy(c->fleet, contact, &policy));
    struct bytes subject =
        contact->proof == PROOF_OPERATIONAL ? buf_view(&c->peer.certificate.subject) : BYTES_NONE;
    TRY(cmp_request_csr(&asked, &policy, subject, &csr, failure));
    err_t enrolled = order(c, contact, csr, out);
    bool is_lost = contact->is_superseded || contact->is_revoked;
    *failure =
        is_lost && enrolled.code == ERR_DEVICE_REFUSED ? CMP_FAILURE_CERT_REVOKED : failure_of(enrolled.code);
    return enrolled;
}

static err_t put_chain(struct cmp_case *c, struct cmp_outcome *out)
{
    authority_chain_clear(&c->chain);
    TRY(authority_chain_of(c->fleet, c->authority, &c->chain));
    for (size_t i = 0; i + 1 < c->chain.count && i < AUTHORITY_PATH_MAX; i++) {
        c->chain_ders[i] = buf_view(&c->chain.ders[i]);
        out->chain_count = i + 1;
    }
    out->chain = c->chain_ders;
    return OK;
}

static err_t grant(struct cmp_case *c, struct enrolment *enrolment, struct cmp_outcome *out)
{
    memcpy(c->authority, enrolment->certificate.authority, sizeof c->authority);
    memcpy(c->serial, enrolment->certificate.serial, sizeof c->serial);
    TRY(put_chain(c, out));
    out->verdict = CMP_GRANTED;
    out->certificate = enrolment->certificate.der; /* moves */
    enrolment->certificate.der = (struct buf){0};
    return OK;
}

void cmp_certify(void *context, struct cmp_outcome *out)
{
    struct cmp_case *c = context;
    struct contact contact = {.is_known = false};
    enum cmp_failure failure = CMP_FAILURE_BAD_REQUEST;
    AUTO_VAL(enrolment) enrolment = {0};
    err_t error = request(c, &contact, &enrolment, &failure);
    if (error.code == ERR_OK) {
        error = grant(c, &enrolment, out);
        failure = failure_of(error.code);
    }
    if (error.code == ERR_OK) {
        return;
    }
    cmp_turn_away(c, &contact, error, failure, out);
}

/* --- confirmations ---------------------------------------------------------------------------------- */

struct refusal {
    const struct cmp_case *c;
    bool is_in_use;
    int64_t revoked;
};

static err_t record_refusal(struct db_tx *tx, const struct cmp_case *c, const struct actor *actor,
                            const struct certificate_row *row)
{
    char serial[2 * CERTIFICATE_SERIAL_SIZE + 1];
    hex_encode(BYTES_OF(c->serial), serial);
    struct event event = {.kind = "cmp.certificate_refused",
                          .result = "ok",
                          .actor = actor->name,
                          .request_id = actor->request_id,
                          .tenant = &row->tenant,
                          .device = &row->device};
    return event_append(tx, &event, "{\"serial\":\"%s\",\"authority\":\"%s\"}", serial, c->authority);
}

/* It goes alone: a device that never used its certificate asks again as if the answer had been lost, and what
 * it used before stays in force. What was used cannot be refused any more: somebody has that key and needs no
 * word. */
static err_t refuse_in(struct db_tx *tx, void *arg)
{
    struct refusal *refusal = arg;
    const struct cmp_case *c = refusal->c;
    struct certificate_row row;
    struct actor actor = {.name = "device:", .request_id = c->question->request_id};
    struct revocation revocation = {.actor = &actor, .reason = REVOKED_REFUSED};
    TRY(certificate_rows_find(tx, c->authority, c->serial, &row));
    refusal->is_in_use = row.first_used_at != 0;
    if (refusal->is_in_use) {
        return ERR(ERR_WRONG_STATE, "the certificate is in use: it was confirmed before");
    }
    hex_encode(BYTES_OF(row.device.b), actor.name + sizeof "device:" - 1);
    TRY(record_refusal(tx, c, &actor, &row));
    TRY(cmp_code_spend(tx, row.tenant, &row.device));
    bool is_live = row.state == CERTIFICATE_UNCONFIRMED || row.state == CERTIFICATE_CONFIRMED;
    TRY(is_live ? revocation_of_row(tx, &revocation, &row) : OK);
    refusal->revoked = revocation.count;
    return OK;
}

static err_t refuse(struct cmp_case *c, enum cmp_failure *failure)
{
    struct refusal refusal = {.c = c};
    err_t refused = db_write(c->fleet->db, refuse_in, &refusal);
    *failure = refusal.is_in_use ? CMP_FAILURE_CERT_CONFIRMED : failure_of(refused.code);
    TRY(refused);
    atomic_fetch_add(&c->fleet->counters.revoked, refusal.revoked);
    return OK;
}

/* As the first use of the certificate is: the device has it, and the older ones lose their rights. */
static err_t accept(struct cmp_case *c, enum cmp_failure *failure)
{
    const struct contact_facts facts = cmp_facts_of(c);
    struct contact contact = {.is_known = true};
    memcpy(contact.certificate.authority, c->authority, sizeof contact.certificate.authority);
    memcpy(contact.certificate.serial, c->serial, sizeof contact.certificate.serial);
    err_t used = contact_first_use(c->fleet, &facts, &contact);
    *failure = failure_of(used.code);
    TRY(used);
    *failure = CMP_FAILURE_CERT_REVOKED;
    ENSURE(contact.proof == PROOF_OPERATIONAL, ERR_WRONG_STATE,
           "the certificate is not good any more: it was revoked or superseded");
    return OK;
}

/* An error leaves the transaction open, so the same word may come again. */
err_t cmp_confirm(void *context, bool is_accepted, enum cmp_failure *failure)
{
    struct cmp_case *c = context;
    err_t error = is_accepted ? accept(c, failure) : refuse(c, failure);
    int status = err_status(error.code);
    if (error.code == ERR_OK || status < 500) {
        return error;
    }
    log_error(c->fleet->log, "cmp_failed", c->question->request_id, error);
    *failure = status == 503 ? CMP_FAILURE_SYSTEM_UNAVAIL : CMP_FAILURE_SYSTEM_FAILURE;
    return ERR(error.code, status == 503 ? "not possible just now: try again" : "internal error");
}

static err_t read_der(struct db_tx *tx, void *arg)
{
    struct cmp_case *c = arg;
    buf_clear(&c->granted);
    return certificate_rows_read_der(tx, c->authority, c->serial, &c->granted);
}

err_t cmp_granted_before(struct cmp_case *c, struct cmp_outcome *out)
{
    *out = (struct cmp_outcome){.verdict = CMP_WAITING, .check_after_s = CHECK_AFTER_S};
    if (c->authority[0] == '\0') {
        return OK;
    }
    TRY(db_read(c->fleet->db, read_der, c));
    TRY(put_chain(c, out));
    out->verdict = CMP_GRANTED;
    return buf_append_bytes(&out->certificate, buf_view(&c->granted));
}
