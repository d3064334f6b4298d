/* What `status` tells a device that proved a key: the truth about itself, in the words of the QuarkLink
 * client (§2 of its reference), so that a port of that loop is mechanical. Changes nothing. */
#include <stdio.h>

#include "db/certificate_rows.h"
#include "db/product_rows.h"
#include "db/tenant_rows.h"
#include "fleet/contact.h"
#include "fleet/device_terms.h"
#include "fleet/internal.h"

struct status_query {
    const struct contact *contact;
    struct device_status *out;
    struct product_row product;
    struct tenant_row tenant;
    int64_t now_ms;
    bool has_live; /* valid or not */
};

static void take_certificate(struct status_query *query, const struct certificate_row *row)
{
    query->out->has_certificate = true;
    query->out->certificate = *row;
}

static err_t read_renewal(struct db_tx *tx, struct status_query *query)
{
    struct renewal renewal;
    struct device_status *out = query->out;
    if (!out->has_certificate) {
        return OK;
    }
    TRY(device_renewal_find(tx, &query->product, &query->contact->device, &out->certificate, &renewal));
    out->renew_after = renewal.due_at;
    out->needs_new_key = renewal_needs_new_key(&renewal, query->now_ms);
    return OK;
}

static err_t take_live(const struct certificate_row *row, void *arg)
{
    struct status_query *query = arg;
    query->has_live = true;
    bool is_valid = query->now_ms >= row->not_before && query->now_ms < row->not_after;
    if (is_valid && !query->out->has_certificate) {
        take_certificate(query, row);
    }
    return OK;
}

static err_t read_status(struct db_tx *tx, void *arg)
{
    struct status_query *query = arg;
    const struct device_row *device = &query->contact->device;
    query->out->has_certificate = false;
    TRY(tenant_rows_find_by_id(tx, device->tenant, &query->tenant));
    TRY(product_rows_find_by_id(tx, device->product, &query->product));
    if (query->contact->proof == PROOF_OPERATIONAL) {
        /* the one that it holds: a newer one may have been lost on its way */
        take_certificate(query, &query->contact->certificate);
    } else {
        TRY(certificate_rows_list_live(tx, device->tenant, &device->id, take_live, query));
    }
    return read_renewal(tx, query);
}

/* An enrolled device: by the key that it came with. */
static enum device_word enrolled_word(const struct status_query *query)
{
    const struct contact *contact = query->contact;
    if (contact->proof == PROOF_OPERATIONAL) {
        return WORD_ENROLLED;
    }
    if (contact->device.reenrol_allowed || contact->is_superseded) {
        return WORD_NOT_ENROLLED;
    }
    if (contact->is_revoked) {
        return WORD_REVOKED;
    }
    if (contact->is_expired) {
        return WORD_CERTIFICATE_EXPIRED;
    }
    if (query->out->has_certificate) {
        return WORD_ENROLLED;
    }
    return query->has_live ? WORD_CERTIFICATE_EXPIRED : WORD_NOT_ENROLLED;
}

static enum device_word word(const struct status_query *query)
{
    switch (query->contact->device.state) {
    case DEVICE_REGISTERED:
        return WORD_NOT_ENROLLED;
    case DEVICE_ENROLLED:
        return enrolled_word(query);
    case DEVICE_REVOKED:
        return query->contact->device.reenrol_allowed ? WORD_NOT_ENROLLED : WORD_REVOKED;
    case DEVICE_QUARANTINED:
        return WORD_REVOKED;
    case DEVICE_RETIRED: /* where it was given away, its next owner waits for it */
        return query->contact->device.transferred_at != 0 ? WORD_NOT_ENROLLED : WORD_DEVICE_REVOKED;
    case DEVICE_COMPROMISED:
        return WORD_DEVICE_REVOKED;
    }
    return WORD_DOES_NOT_EXIST;
}

err_t contact_status(struct fleet *fleet, const struct contact *contact, struct device_status *out)
{
    *out = (struct device_status){.word = WORD_DOES_NOT_EXIST};
    if (!contact->is_known && !contact->is_admissible) {
        return OK;
    }
    struct status_query query = {.contact = contact, .out = out, .now_ms = clock_now_ms(fleet->clock)};
    TRY(db_read(fleet->db, read_status, &query));
    out->word = word(&query);
    out->generation = contact->device.generation;
    (void)snprintf(out->tenant, sizeof out->tenant, "%s", query.tenant.name);
    bool has_a_way = out->word != WORD_REVOKED && out->word != WORD_DEVICE_REVOKED;
    if (contact->proof == PROOF_IDENTITY && has_a_way) {
        TRY(fleet_owner_salt(fleet, contact->device.tenant, &contact->device.id, out->owner_salt));
        out->has_owner_salt = true;
    }
    return OK;
}
