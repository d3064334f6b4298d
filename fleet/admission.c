/* What a device showed, turned into a row of the inventory: in the transaction of its first certificate, so
 * that neither is there without the other. Judges codes in admission_code.c, certificates of chip makers in
 * admission_vendor.c. */
#include "fleet/admission.h"

#include <stdio.h>
#include <string.h>

#include "db/batch_rows.h"
#include "db/code_rows.h"
#include "db/device_count_rows.h"
#include "db/product_rows.h"
#include "db/vendor_ca_rows.h"
#include "fleet/admission_internal.h"
#include "fleet/code_text.h"
#include "fleet/contact.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/policy_words.h"
#include "fleet/registration.h"
#include "fleet/registry.h"

struct device_row admission_row(const struct admission *admission, const struct device_id *id)
{
    bool is_attested = admission->by == ADMISSION_VENDOR_CA;
    struct device_row row = {.id = *id,
                             .tenant = admission->tenant,
                             .batch = admission->batch,
                             .product = admission->product,
                             .state = DEVICE_REGISTERED,
                             .claim = CLAIM_SPKI,
                             .key_origin = is_attested ? KEY_ORIGIN_ATTESTED : KEY_ORIGIN_CLAIMED,
                             .attributes = "{}",
                             .labels = "{}",
                             .ver = 1};
    memcpy(row.serial, is_attested ? admission->name : admission->serial, sizeof row.serial);
    return row;
}

err_t admission_holds(struct db_tx *tx, const struct admission *admission, const struct device_id *id,
                      bool *out)
{
    *out = false;
    switch (admission->by) {
    case ADMISSION_LISTED:
        return OK;
    case ADMISSION_VENDOR_CA:
        return admission_vendor_holds(tx, admission, out);
    case ADMISSION_TOKEN:
        return admission_code_holds(tx, admission, id, out);
    }
    return OK;
}

err_t admission_use(struct db_tx *tx, const struct admission *admission, const struct device_id *id)
{
    switch (admission->by) {
    case ADMISSION_LISTED:
        return OK;
    case ADMISSION_VENDOR_CA:
        return vendor_ca_rows_count(tx, admission->vendor_ca);
    case ADMISSION_TOKEN:
        return admission_code_use(tx, admission, id);
    }
    return OK;
}

static err_t record(struct db_tx *tx, const struct admission *admission, const struct actor *actor,
                    const struct device_row *row)
{
    char batch[UUID_TEXT_SIZE], product[UUID_TEXT_SIZE], by[UUID_TEXT_SIZE];
    uuid_format(row->batch, batch);
    uuid_format(row->product, product);
    if (admission->by == ADMISSION_TOKEN) {
        code_id_format(admission->code, by);
    } else {
        uuid_format(admission->vendor_ca, by);
    }
    struct event event = {.kind = "device.registered",
                          .result = "ok",
                          .actor = actor->name,
                          .request_id = actor->request_id,
                          .tenant = &row->tenant,
                          .device = &row->id};
    return event_append(tx, &event,
                        "{\"batch\":\"%s\",\"product\":\"%s\",\"%s\":\"%s\",\"key_origin\":\"%s\"}", batch,
                        product, admission->by == ADMISSION_TOKEN ? "code" : "vendor_ca", by,
                        key_origin_name(row->key_origin));
}

err_t admission_register(struct db_tx *tx, const struct admission *admission, const struct actor *actor,
                         struct device_row *row, struct bytes spki)
{
    struct batch_row batch;
    row->registered_at = row->updated_at = db_tx_now_ms(tx);
    TRY(registration_insert(tx, row, spki));
    TRY(batch_rows_find(tx, row->tenant, row->batch, &batch));
    TRY(batch_rows_add_devices(tx, &batch, 1));
    TRY(device_count_rows_add(tx, &batch, DEVICE_REGISTERED, 1));
    return record(tx, admission, actor, row);
}

struct wants {
    struct uuid tenant;
    bool out;
};

static err_t wants_in(struct db_tx *tx, void *arg)
{
    struct wants *wants = arg;
    return product_rows_want_code(tx, wants->tenant, &wants->out);
}

err_t admission_label_wants_code(struct fleet *fleet, const char *label, bool *out)
{
    struct tenant_row tenant;
    *out = false;
    TRY(tenant_find(fleet, label[0] != '\0' ? label : "default", &tenant));
    struct wants wants = {.tenant = tenant.id};
    TRY(db_read(fleet->db, wants_in, &wants));
    *out = wants.out;
    return OK;
}

err_t admission_wants_code(struct fleet *fleet, const struct contact_facts *facts,
                           const struct contact *contact, bool *out)
{
    bool is_first =
        contact->proof == PROOF_IDENTITY && (!contact->is_known || contact->device.enrolled_at == 0);
    *out = false;
    if (!is_first || facts->code.n > 0) {
        return OK;
    }
    if (!contact->is_known) {
        return admission_label_wants_code(fleet, facts->label, out);
    }
    struct product_row product;
    TRY(product_by_id(fleet, contact->device.product, &product));
    *out = product.admission == ADMISSION_TOKEN;
    return OK;
}
