/* A device at the door: from a key or a certificate (or a code that it shows) to rows of the inventory, on
 * every request. A certificate counts only with all three: the chain verified, the inventory knows issuer,
 * serial and key, the device's state allows it. Records no refusal by itself (contact_refused.c) and issues
 * nothing. */
#include "fleet/contact.h"

#include <string.h>

#include "db/certificate_rows.h"
#include "db/clone_rows.h"
#include "db/device_rows.h"
#include "db/device_term_rows.h"
#include "fleet/authority_set.h"
#include "fleet/claims.h"
#include "fleet/clock_guard.h"
#include "fleet/clones.h"
#include "fleet/cmp_code_proof.h"
#include "fleet/contact_internal.h"
#include "fleet/device_contacts.h"
#include "fleet/internal.h"
#include "fleet/registry.h"
#include "fleet/rekey_contact.h"

/* --- the label -------------------------------------------------------------------------------------- */

struct label {
    bool is_given, is_known;
    struct uuid tenant;
};

static err_t label_read(struct fleet *fleet, const char *label, struct label *out)
{
    *out = (struct label){0};
    if (label == NULL || label[0] == '\0') {
        return OK;
    }
    struct tenant_row tenant;
    err_t found = tenant_find(fleet, label, &tenant);
    out->is_given = true;
    if (found.code == ERR_NOT_FOUND) {
        return OK;
    }
    TRY(found);
    out->is_known = true;
    out->tenant = tenant.id;
    return OK;
}

/* --- the identity key ------------------------------------------------------------------------------- */

struct claims_query {
    struct device_id id;
    const struct uuid *tenant;
    struct admissions shown;
    struct claims claims;
};

static err_t read_claims(struct db_tx *tx, void *arg)
{
    struct claims_query *query = arg;
    const struct claims_question question = {
        .id = &query->id, .label_tenant = query->tenant, .shown = &query->shown};
    return claims_choose(tx, &question, &query->claims);
}

/* Whether what the device shows can matter: it admits, and never does anything for one that has had a
 * certificate. */
static bool is_before_first(const struct claims *claims)
{
    return !claims->is_found || claims->device.enrolled_at == 0;
}

/* A code names its tenant as well as a label does. */
static err_t read_shown(struct fleet *fleet, const struct contact_facts *facts, struct claims_query *query)
{
    bool is_chip = facts->peer != NULL && facts->peer->kind == PEER_FOREIGN && !facts->is_resumed;
    if (facts->code.n > 0) {
        TRY(admission_by_code(fleet, facts, &query->id, query->tenant, &query->shown));
        query->tenant = &query->shown.items[0].tenant;
    } else if (is_chip) {
        TRY(admission_by_vendor_ca(fleet, facts, &query->id, query->tenant, &query->shown));
    }
    return query->shown.count == 0 ? OK : db_read(fleet->db, read_claims, query);
}

static void take_claims(const struct claims_query *query, struct contact *out)
{
    const struct claims *claims = &query->claims;
    if (!claims->is_found) {
        return;
    }
    for (size_t i = 0; i < query->shown.count; i++) {
        const struct admission *admission = &query->shown.items[i];
        bool is_for_it = uuid_equal(admission->tenant, claims->device.tenant) &&
                         uuid_equal(admission->product, claims->device.product);
        out->admission = is_for_it ? *admission : out->admission;
    }
    out->is_known = !claims->is_new;
    out->is_admissible = claims->is_new;
    out->device = out->is_known ? claims->device : admission_row(&out->admission, &query->id);
}

static err_t resolve_identity(struct fleet *fleet, const struct contact_facts *facts,
                              const struct sha256 *key, struct contact *out)
{
    struct label label;
    struct claims_query query = {0};
    (void)memcpy(query.id.b, key->b, sizeof query.id.b);
    out->proof = PROOF_IDENTITY;
    out->device.id = query.id;
    TRY(label_read(fleet, facts->label, &label));
    if (label.is_given && !label.is_known) {
        return OK;
    }
    query.tenant = label.is_given ? &label.tenant : NULL;
    TRY(db_read(fleet->db, read_claims, &query));
    if (is_before_first(&query.claims)) {
        TRY(read_shown(fleet, facts, &query));
    }
    if (query.claims.is_contested) {
        contact_alarm_contested(fleet, facts, &query.id, &query.claims);
        return ERR(ERR_DEVICE_REFUSED, "the device is not admitted");
    }
    take_claims(&query, out);
    return OK;
}

/* --- a code that was made for one device ------------------------------------------------------------- */

struct device_query {
    struct uuid tenant;
    struct device_id id;
    struct contact *out;
};

static err_t read_device(struct db_tx *tx, void *arg)
{
    struct device_query *query = arg;
    err_t found = device_rows_find(tx, query->tenant, &query->id, &query->out->device);
    query->out->is_known = found.code == ERR_OK;
    return found.code == ERR_NOT_FOUND ? OK : found;
}

/* It names tenant and device, so nothing is chosen between claims; the enrolment asks whose the device is. */
static err_t resolve_code(struct fleet *fleet, const struct contact_facts *facts, struct contact *out)
{
    struct label label;
    const struct cmp_code_row *code = &facts->code_proof->row;
    struct device_query query = {.tenant = code->tenant, .id = code->device, .out = out};
    out->proof = PROOF_CODE;
    out->device.id = code->device;
    TRY(label_read(fleet, facts->label, &label));
    bool is_elsewhere = label.is_given && (!label.is_known || !uuid_equal(label.tenant, code->tenant));
    return is_elsewhere ? OK : db_read(fleet->db, read_device, &query);
}

/* --- an issued certificate -------------------------------------------------------------------------- */

void contact_judge(struct contact *contact, int64_t now_ms)
{
    const struct certificate_row *row = &contact->certificate;
    contact->is_expired = contact->is_expired || now_ms >= row->not_after || now_ms < row->not_before;
    contact->is_superseded = row->state == CERTIFICATE_SUPERSEDED;
    contact->is_revoked = row->state == CERTIFICATE_REVOKED || contact->device.state == DEVICE_REVOKED;
    bool is_live = row->state == CERTIFICATE_UNCONFIRMED || row->state == CERTIFICATE_CONFIRMED;
    bool is_honoured = is_live && !contact->is_expired && contact->device.state == DEVICE_ENROLLED;
    contact->proof = is_honoured ? PROOF_OPERATIONAL : PROOF_NONE;
}

err_t contact_read_renewal(struct db_tx *tx, struct contact *contact)
{
    struct device_term_row term;
    contact->has_renewal = false;
    err_t found = device_term_rows_find(tx, &contact->device, &term);
    if (found.code == ERR_NOT_FOUND) {
        return OK;
    }
    TRY(found);
    contact->has_renewal = term.expires_at == contact->certificate.not_after;
    contact->renewal = (struct renewal){.due_at = term.renew_at, .new_key_at = term.new_key_at};
    return OK;
}

bool contact_renewal(const struct contact *contact, struct renewal *out)
{
    if (contact->proof != PROOF_OPERATIONAL || !contact->has_renewal) {
        return false;
    }
    *out = renewal_with_order(contact->renewal, &contact->device, &contact->certificate);
    return true;
}

struct certificate_query {
    const char *authority;
    uint8_t serial[CERTIFICATE_SERIAL_SIZE];
    struct contact *out;
    bool is_found;
};

static err_t read_rival(struct db_tx *tx, struct contact *out)
{
    const struct certificate_row *row = &out->certificate;
    struct clone_sighting_row seen;
    err_t found = clone_rows_find(tx, row->tenant, &row->device, &seen);
    out->has_rival =
        found.code == ERR_OK && memcmp(seen.current_serial, row->serial, sizeof row->serial) == 0;
    return found.code == ERR_NOT_FOUND ? OK : found;
}

static err_t read_certificate(struct db_tx *tx, void *arg)
{
    struct certificate_query *query = arg;
    struct contact *out = query->out;
    err_t found = certificate_rows_find(tx, query->authority, query->serial, &out->certificate);
    query->is_found = found.code == ERR_OK;
    if (found.code == ERR_NOT_FOUND) {
        return OK;
    }
    TRY(found);
    TRY(read_rival(tx, out));
    TRY(device_rows_find(tx, out->certificate.tenant, &out->certificate.device, &out->device));
    return contact_read_renewal(tx, out);
}

/* A DER INTEGER drops leading zeros; a row's serial has 16 bytes. */
static bool serial_widen(const struct certificate_facts *facts, uint8_t out[CERTIFICATE_SERIAL_SIZE])
{
    if (facts->serial_size == 0 || facts->serial_size > CERTIFICATE_SERIAL_SIZE) {
        return false;
    }
    (void)memset(out, 0, CERTIFICATE_SERIAL_SIZE);
    (void)memcpy(out + CERTIFICATE_SERIAL_SIZE - facts->serial_size, facts->serial, facts->serial_size);
    return true;
}

static err_t find_certificate(struct fleet *fleet, const struct peer_identity *peer, struct contact *out,
                              bool *is_found)
{
    struct certificate_query query = {.authority = peer->authority, .out = out};
    *is_found = false;
    if (!serial_widen(&peer->certificate, query.serial)) {
        return OK;
    }
    TRY(db_read(fleet->db, read_certificate, &query));
    const uint8_t *key = peer->certificate.key.spki_sha256.b;
    *is_found = query.is_found && memcmp(out->certificate.spki_sha256, key, SHA256_SIZE) == 0;
    return OK;
}

/* The inventory still tells a certificate that was issued from one that a thief made: serial and key are
 * known (docs/authorities.md). */
static bool is_issuer_lost(const struct fleet *fleet, const struct certificate_row *row)
{
    AUTO_PTR(authority_set) *set = authority_set_take(fleet);
    const struct authority_member *issuer = authority_set_find(set, bytes_str(row->authority));
    return issuer != NULL && issuer->state == AUTHORITY_COMPROMISED;
}

err_t contact_peek(struct fleet *fleet, const struct peer_identity *peer, struct contact *out)
{
    bool is_found = false;
    *out = (struct contact){0};
    TRY(find_certificate(fleet, peer, out, &is_found));
    if (!is_found) {
        *out = (struct contact){0};
        return OK;
    }
    out->is_known = true;
    out->is_expired = peer->is_expired;
    out->is_issuer_lost = is_issuer_lost(fleet, &out->certificate);
    contact_judge(out, clock_now_ms(fleet->clock));
    return OK;
}

/* The holder of the key is here, with a certificate that is honoured or not. */
static err_t use(struct fleet *fleet, const struct contact_facts *facts, struct contact *out)
{
    bool is_first_use =
        out->certificate.state == CERTIFICATE_UNCONFIRMED || out->certificate.first_used_at == 0;
    if (out->proof != PROOF_OPERATIONAL) {
        clone_by_use(fleet, facts, out);
        return OK;
    }
    if (is_first_use) {
        return contact_first_use(fleet, facts, out);
    }
    if (out->has_rival) {
        clone_prove(fleet, facts, out);
    }
    return OK;
}

static err_t resolve_issued(struct fleet *fleet, const struct contact_facts *facts, struct contact *out)
{
    struct label label;
    TRY(label_read(fleet, facts->label, &label));
    TRY(contact_peek(fleet, facts->peer, out));
    if (!out->is_known) { /* somebody else signs with our authority's key, or the inventory lost a row */
        contact_alarm_unknown_serial(fleet, facts);
        return OK;
    }
    bool is_elsewhere = label.is_given && (!label.is_known || !uuid_equal(label.tenant, out->device.tenant));
    if (is_elsewhere) {
        *out = (struct contact){0};
        return OK;
    }
    if (facts->is_resumed) {
        return OK; /* it proves no key: it is honoured, but confirms nothing, and says nothing of other
                      holders */
    }
    return use(fleet, facts, out);
}

static err_t resolve(struct fleet *fleet, const struct contact_facts *facts, struct contact *out)
{
    *out = (struct contact){0};
    if (facts->code_proof != NULL) {
        return resolve_code(fleet, facts, out);
    }
    if (facts->proved_spki.n > 0) {
        struct sha256 key;
        TRY(sha256_of(facts->proved_spki, &key));
        return resolve_identity(fleet, facts, &key, out);
    }
    enum peer_kind kind = facts->peer != NULL ? facts->peer->kind : PEER_NONE;
    switch (kind) {
    case PEER_NONE:
    case PEER_CLIENT: /* a back end is no device */
        break;
    case PEER_SELF_SIGNED:
    case PEER_FOREIGN:
        return resolve_identity(fleet, facts, &facts->peer->certificate.key.spki_sha256, out);
    case PEER_ISSUED:
        TRY(resolve_issued(fleet, facts, out));
        rekey_contact(fleet, facts, out);
        return OK;
    }
    return ERR(ERR_UNAUTHORIZED, "a client certificate or a challenge proof is needed");
}

err_t contact_resolve(struct fleet *fleet, const struct contact_facts *facts, struct contact *out)
{
    TRY(resolve(fleet, facts, out));
    device_contacts_note(fleet->device_contacts, out, clock_guard_now_ms(fleet));
    return OK;
}
