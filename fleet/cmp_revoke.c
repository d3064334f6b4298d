/* What an rr means to the inventory (RFC 9483 §4.2): a device gives up a certificate of its own, in the name
 * of one that is in force. What follows is what follows when an operator revokes it. One transaction judges
 * both certificates and revokes, so of two at once one comes second, and an rr that is sent again changes
 * nothing. */
#include <stdio.h>
#include <string.h>

#include "db/certificate_rows.h"
#include "db/device_rows.h"
#include "fleet/cmp_internal.h"
#include "fleet/contact_internal.h"
#include "fleet/revocation.h"
#include "pki/cmp_revocation.h"

struct revoke_run {
    const struct contact *sender; /* as it was found */
    char authority[AUTHORITY_ID_SIZE];
    uint8_t serial[CERTIFICATE_SERIAL_SIZE];
    struct revocation revocation;
    enum cmp_failure failure;
};

/* A device has no other keys than its own, nothing is taken back here, and why a CA is not trusted is not its
 * to say. */
static err_t check_reason(int reason)
{
    static const int taken[] = {0, 1, 3, 4, 5, 9};
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        if (reason == taken[i]) {
            return OK;
        }
    }
    return ERR(ERR_UNPROCESSABLE,
               "reasonCode %d is not taken: unspecified, keyCompromise, affiliationChanged, superseded, "
               "cessationOfOperation and privilegeWithdrawn are",
               reason);
}

/* --- which certificate ------------------------------------------------------------------------------ */

/* One refusal for all that the device has no say in, so that nobody learns what else is there. */
static err_t not_own(void)
{
    return ERR(ERR_FORBIDDEN, "the sender has no certificate of this issuer and serial number");
}

/* Names as they stand in certificates first; who writes one again in its own encoding is understood too. */
static const struct authority_member *issuer_of(const struct authority_set *set, struct bytes name)
{
    const struct authority_member *member = NULL;
    for (size_t i = 0; (member = authority_set_at(set, i)) != NULL; i++) {
        if (bytes_equal(authority_borrow_subject(member->authority), name)) {
            return member;
        }
    }
    for (size_t i = 0; (member = authority_set_at(set, i)) != NULL; i++) {
        if (name_is_same(authority_borrow_subject(member->authority), name)) {
            return member;
        }
    }
    return NULL;
}

static err_t find_names(const struct fleet *fleet, const struct cmp_revocation *asked, struct revoke_run *run)
{
    struct bytes serial = asked->serial;
    AUTO_PTR(authority_set) *set = authority_set_take(fleet);
    const struct authority_member *issuer = issuer_of(set, asked->issuer);
    if (serial.n > 1 && serial.p[0] == 0) { /* for the sign */
        serial = (struct bytes){serial.p + 1, serial.n - 1};
    }
    if (issuer == NULL || serial.n > sizeof run->serial) {
        return not_own();
    }
    (void)snprintf(run->authority, sizeof run->authority, "%s", issuer->id);
    (void)memcpy(run->serial + sizeof run->serial - serial.n, serial.p, serial.n);
    return OK;
}

/* --- the transaction -------------------------------------------------------------------------------- */

/* As it is now: another rr, an operator or a newer certificate may have been faster. */
static err_t check_sender(struct db_tx *tx, struct revoke_run *run)
{
    struct contact now = *run->sender;
    run->failure = CMP_FAILURE_NOT_AUTHORIZED;
    TRY(certificate_rows_find(tx, run->sender->certificate.authority, run->sender->certificate.serial,
                              &now.certificate));
    TRY(device_rows_find(tx, now.certificate.tenant, &now.certificate.device, &now.device));
    contact_judge(&now, db_tx_now_ms(tx));
    if (now.proof == PROOF_OPERATIONAL) {
        return OK;
    }
    run->failure =
        now.is_revoked || now.is_superseded ? CMP_FAILURE_CERT_REVOKED : CMP_FAILURE_NOT_AUTHORIZED;
    const char *why = now.is_revoked      ? "was revoked"
                      : now.is_superseded ? "was superseded"
                                          : "is not in force";
    return ERR(ERR_DEVICE_REFUSED, "the certificate that protects the message %s", why);
}

static err_t find_own(struct db_tx *tx, struct revoke_run *run, struct certificate_row *row)
{
    run->failure = CMP_FAILURE_BAD_CERT_ID;
    err_t found = certificate_rows_find(tx, run->authority, run->serial, row);
    if (found.code == ERR_NOT_FOUND) {
        return not_own();
    }
    TRY(found);
    const struct device_row *own = &run->sender->device;
    bool is_own =
        uuid_equal(row->tenant, own->tenant) && memcmp(row->device.b, own->id.b, DEVICE_ID_SIZE) == 0;
    return is_own ? OK : not_own();
}

static err_t revoke(struct db_tx *tx, void *arg)
{
    struct revoke_run *run = arg;
    struct certificate_row row;
    run->revocation.count = 0;
    TRY(check_sender(tx, run));
    TRY(find_own(tx, run, &row));
    run->failure = CMP_FAILURE_CERT_REVOKED;
    ENSURE(row.state != CERTIFICATE_REVOKED, ERR_WRONG_STATE, "the certificate is revoked already");
    run->failure = CMP_FAILURE_BAD_REQUEST;
    ENSURE(row.not_after > db_tx_now_ms(tx), ERR_WRONG_STATE,
           "the certificate has expired: there is nothing to revoke");
    run->failure = CMP_FAILURE_SYSTEM_FAILURE;
    return certificate_revoke_in(tx, &run->revocation, &row);
}

/* --- a request -------------------------------------------------------------------------------------- */

static bool names_its_own_protection(const struct cmp_case *c, const struct revoke_run *run)
{
    const struct certificate_facts *own = &c->peer.certificate;
    size_t zeros = sizeof run->serial - own->serial_size;
    static const uint8_t none[CERTIFICATE_SERIAL_SIZE] = {0};
    return own->serial_size <= sizeof run->serial && strcmp(c->peer.authority, run->authority) == 0 &&
           memcmp(run->serial, none, zeros) == 0 &&
           memcmp(run->serial + zeros, own->serial, own->serial_size) == 0;
}

/* A certificate that a device gives up without ever having used it takes nothing with it: this is no first
 * use. In the name of the newest one, which it is then, the others lose their rights before they are revoked,
 * so that the device does not lose its place with the one before. */
static err_t find_sender(struct cmp_case *c, const struct revoke_run *run, struct contact *out)
{
    struct contact_facts facts = cmp_facts_of(c);
    ENSURE(c->message.protection_kind == CMP_SIGNED && c->peer.kind == PEER_ISSUED, ERR_DEVICE_REFUSED,
           "rr needs a certificate of this installation that is honoured");
    facts.is_resumed = names_its_own_protection(c, run);
    TRY(contact_resolve(c->fleet, &facts, out));
    ENSURE(out->is_known, ERR_DEVICE_REFUSED, "the device is not admitted");
    ENSURE(!out->is_issuer_lost, ERR_DEVICE_REFUSED,
           "the authority above the certificate is compromised: it may ask for the next one only");
    return OK;
}

static err_t run_request(struct cmp_case *c, struct contact *sender, enum cmp_failure *failure)
{
    struct cmp_revocation asked;
    struct actor actor = {.request_id = c->question->request_id};
    struct revoke_run run = {.sender = sender, .revocation = {.actor = &actor}};
    char id[2 * DEVICE_ID_SIZE + 1];
    TRY(cmp_revocation_read(&c->message, &asked, failure));
    *failure = CMP_FAILURE_BAD_REQUEST;
    TRY(check_reason(asked.reason));
    err_t named = find_names(c->fleet, &asked, &run);
    *failure = CMP_FAILURE_NOT_AUTHORIZED;
    TRY(find_sender(c, &run, sender));
    *failure = CMP_FAILURE_BAD_CERT_ID;
    TRY(named);
    run.revocation.reason = asked.reason;
    hex_encode(BYTES_OF(sender->device.id.b), id);
    (void)snprintf(actor.name, sizeof actor.name, "device:%s", id);
    err_t revoked = db_write(c->fleet->db, revoke, &run);
    *failure = run.failure;
    TRY(revoked);
    atomic_fetch_add(&c->fleet->counters.revoked, run.revocation.count);
    return OK;
}

void cmp_revoke(void *context, struct cmp_outcome *out)
{
    struct cmp_case *c = context;
    struct contact sender = {.is_known = false};
    enum cmp_failure failure = CMP_FAILURE_BAD_REQUEST;
    err_t error = run_request(c, &sender, &failure);
    if (error.code == ERR_OK) {
        out->verdict = CMP_GRANTED;
        return;
    }
    cmp_turn_away(c, &sender, error, failure, out);
}
