/* The first use of a certificate: from this commit on, the device is known to hold it, and the older ones
 * have no rights here. One transaction decides between this and a rekey, a revocation or another first use.
 */
#include "db/certificate_rows.h"
#include "db/device_rows.h"
#include "fleet/certificate_steps.h"
#include "fleet/cmp_codes.h"
#include "fleet/contact_internal.h"
#include "fleet/device_terms.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/rekey_contact.h"
#include "fleet/renewal.h"

struct first_use {
    const struct contact_facts *facts;
    struct contact *contact;
    bool is_confirmed; /* this one changed the state */
};

static err_t record(struct db_tx *tx, const struct first_use *run, int64_t superseded)
{
    const struct certificate_row *row = &run->contact->certificate;
    char actor[16 + 2 * DEVICE_ID_SIZE] = "device:";
    char serial[2 * CERTIFICATE_SERIAL_SIZE + 1];
    hex_encode(BYTES_OF(row->device.b), actor + sizeof "device:" - 1);
    hex_encode(BYTES_OF(row->serial), serial);
    struct event event = {.kind = run->is_confirmed ? "certificate.confirmed" : "certificate.first_used",
                          .result = "ok",
                          .actor = actor,
                          .request_id = run->facts->request_id,
                          .tenant = &row->tenant,
                          .device = &row->device};
    return event_append(tx, &event,
                        "{\"serial\":\"%s\",\"authority\":\"%s\",\"generation\":%lld,\"superseded\":%lld}",
                        serial, row->authority, (long long)row->generation, (long long)superseded);
}

/* An ordered rekey is done when a key of a newer generation is confirmed. */
static err_t end_rekey(struct db_tx *tx, const struct first_use *run)
{
    struct device_row *device = &run->contact->device;
    bool is_done = device->rekey_requested_at != 0 && !renewal_is_ordered(device, &run->contact->certificate);
    if (!run->is_confirmed || !is_done) {
        return OK;
    }
    device->rekey_requested_at = 0;
    device->rekey_above = 0;
    return device_rows_update(tx, device, BYTES_NONE);
}

static err_t first_use(struct db_tx *tx, void *arg)
{
    struct first_use *run = arg;
    struct certificate_row *row = &run->contact->certificate;
    run->is_confirmed = false;
    struct certificate_row asked = *row;
    TRY(certificate_rows_find(tx, asked.authority, asked.serial, row));
    TRY(device_rows_find(tx, row->tenant, &row->device, &run->contact->device));
    contact_judge(run->contact, db_tx_now_ms(tx));
    if (run->contact->proof != PROOF_OPERATIONAL || row->first_used_at != 0) {
        return OK; /* somebody else was faster, one way or the other */
    }
    int64_t superseded = 0;
    run->is_confirmed = row->state == CERTIFICATE_UNCONFIRMED;
    TRY(certificate_step_take(run->is_confirmed ? STEP_CONFIRM : STEP_FIRST_USE, row));
    row->first_used_at = db_tx_now_ms(tx);
    if (run->is_confirmed) {
        row->confirmed_at = row->first_used_at;
        TRY(certificate_rows_supersede_older(tx, row, row->first_used_at, &superseded));
    }
    TRY(certificate_rows_update(tx, row));
    TRY(cmp_code_spend(tx, row->tenant, &row->device));
    TRY(end_rekey(tx, run));
    TRY(run->is_confirmed ? rekey_confirmed(tx, &run->contact->device, row) : OK);
    TRY(run->is_confirmed ? device_term_refresh(tx, &run->contact->device) : OK);
    TRY(contact_read_renewal(tx, run->contact));
    return record(tx, run, superseded);
}

err_t contact_first_use(struct fleet *fleet, const struct contact_facts *facts, struct contact *contact)
{
    struct first_use run = {.facts = facts, .contact = contact};
    TRY(db_write(fleet->db, first_use, &run));
    if (run.is_confirmed) {
        atomic_fetch_add(&fleet->counters.confirmed, 1);
    }
    return OK;
}
