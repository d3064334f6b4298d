/* Reads what an enrolment is decided on. The same function serves the snapshot before signing and the
 * transaction that stores, so that both look at the same things. Decides nothing. */
#include <string.h>

#include "db/device_rows.h"
#include "db/hub_rows.h"
#include "db/product_rows.h"
#include "fleet/authority_set.h"
#include "fleet/claims.h"
#include "fleet/cmp_code_proof.h"
#include "fleet/enrol_internal.h"

struct search {
    struct enrol_view *view;
    const uint8_t *spki_sha256;
};

/* Rows come newest first, so the newest of several wins. */
static err_t take_live(const struct certificate_row *row, void *arg)
{
    struct search *search = arg;
    struct enrol_view *view = search->view;
    bool is_valid = view->now_ms >= row->not_before && view->now_ms < row->not_after;
    bool is_used = row->state == CERTIFICATE_CONFIRMED && row->first_used_at != 0;
    bool is_same_key = memcmp(row->spki_sha256, search->spki_sha256, sizeof row->spki_sha256) == 0;
    view->has_used_valid = view->has_used_valid || (is_valid && is_used);
    if (is_valid && !is_used && is_same_key && !view->has_repeat) {
        view->has_repeat = true;
        view->repeat = *row;
    }
    return OK;
}

static err_t read_claim(struct db_tx *tx, const struct enrol_order *order, struct enrol_view *view)
{
    struct claims claims;
    /* whether it is still good is another question, with an answer of its own */
    const struct admission *admission = &order->contact->admission;
    const struct admissions shown = {.count = admission->by == ADMISSION_LISTED ? 0 : 1,
                                     .items = {*admission}};
    const struct claims_question question = {
        .id = &view->device.id, .label_tenant = &view->device.tenant, .shown = &shown};
    TRY(claims_choose(tx, &question, &claims));
    view->is_lost_claim = !claims.is_found;
    return OK;
}

const uint8_t *enrol_link_key(const struct enrol_order *order)
{
    const struct contact *contact = order->contact;
    if (contact->proof == PROOF_CODE) {
        return order->facts->code_proof->name.b;
    }
    return contact->proof == PROOF_OPERATIONAL ? contact->certificate.spki_sha256 : contact->device.id.b;
}

/* Which key asked for what, and what an operator said of the identity key's. */
static err_t read_links(struct db_tx *tx, const struct enrol_order *order, struct enrol_view *view)
{
    const struct certificate_links_question question = {.tenant = view->device.tenant,
                                                        .device = &view->device.id,
                                                        .now_ms = view->now_ms,
                                                        .by = enrol_link_key(order),
                                                        .generation = order->generation,
                                                        .spki_sha256 =
                                                            csr_borrow_key(order->csr)->spki_sha256.b};
    TRY(certificate_link_rows_read(tx, &question, &view->links));
    if (order->contact->proof != PROOF_IDENTITY) {
        return OK;
    }
    err_t found = recovery_rows_find(tx, view->device.tenant, &view->device.id, &view->recovery);
    return found.code == ERR_NOT_FOUND ? OK : found;
}

static err_t read_key(struct db_tx *tx, const uint8_t spki_sha256[32], struct enrol_view *view)
{
    err_t found = device_key_rows_find(tx, spki_sha256, &view->key);
    view->has_key = found.code == ERR_OK;
    if (found.code != ERR_NOT_FOUND) {
        TRY(found);
    }
    return device_rows_is_identity(tx, spki_sha256, &view->is_identity);
}

/* The device as it stands, or as it would come in. */
static err_t read_device(struct db_tx *tx, const struct contact *contact, struct enrol_view *view)
{
    err_t found = device_rows_find(tx, contact->device.tenant, &contact->device.id, &view->device);
    view->is_new = found.code == ERR_NOT_FOUND && contact->is_admissible;
    if (!view->is_new) {
        return found;
    }
    view->device = contact->device;
    return OK;
}

err_t enrol_view_read(struct db_tx *tx, const struct enrol_order *order, struct enrol_view *out)
{
    const struct contact *contact = order->contact;
    const uint8_t *spki_sha256 = csr_borrow_key(order->csr)->spki_sha256.b;
    *out = (struct enrol_view){.now_ms = db_tx_now_ms(tx)};
    TRY(read_device(tx, contact, out));
    TRY(admission_holds(tx, &contact->admission, &out->device.id, &out->is_shown_good));
    TRY(product_rows_find_by_id(tx, out->device.product, &out->product));
    if (out->product.has_hub) {
        TRY(hub_rows_find_by_id(tx, out->product.tenant, out->product.hub, &out->hub));
    }
    if (contact->proof == PROOF_OPERATIONAL) {
        TRY(certificate_rows_find(tx, contact->certificate.authority, contact->certificate.serial,
                                  &out->caller));
    }
    if (contact->proof == PROOF_CODE) {
        TRY(cmp_code_holds(tx, order->facts->code_proof, spki_sha256, &out->is_code_good));
    }
    TRY(read_claim(tx, order, out));
    TRY(read_key(tx, spki_sha256, out));
    TRY(read_links(tx, order, out));
    TRY(certificate_rows_read_history(tx, out->device.tenant, &out->device.id, spki_sha256, &out->history));
    struct search search = {.view = out, .spki_sha256 = spki_sha256};
    return certificate_rows_list_live(tx, out->device.tenant, &out->device.id, take_live, &search);
}

void enrol_view_drop_lost(const struct fleet *fleet, struct enrol_view *view)
{
    AUTO_PTR(authority_set) *set = authority_set_take(fleet);
    const struct authority_member *issuer = authority_set_find(set, bytes_str(view->repeat.authority));
    bool is_lost = issuer != NULL && issuer->state == AUTHORITY_COMPROMISED;
    view->has_repeat = view->has_repeat && !is_lost;
}
