/* Batches that fill up one device at a time. Registers no device. */
#include "fleet/admission_batch.h"

#include <stdio.h>

#include "db/batch_rows.h"
#include "fleet/event.h"
#include "fleet/names.h"

enum { PRODUCT_PART_MAX = NAME_SIZE - (int)sizeof "-admitted" };

static err_t insert(struct db_tx *tx, const struct terms *terms, const struct product_row *product,
                    struct batch_row *row)
{
    char id[UUID_TEXT_SIZE];
    row->tenant = product->tenant;
    row->product = product->id;
    row->created_at = row->updated_at = db_tx_now_ms(tx);
    row->ver = 1;
    TRY(db_tx_uuid(tx, &row->id));
    TRY(batch_rows_insert(tx, row));
    uuid_format(row->id, id);
    struct event event = {.kind = "batch.registered",
                          .result = "ok",
                          .actor = terms->actor.name,
                          .request_id = terms->actor.request_id,
                          .tenant = &row->tenant};
    return event_append(tx, &event, "{\"batch\":\"%s\",\"name\":\"%s\",\"product\":\"%s\",\"count\":0}", id,
                        row->name, product->name);
}

err_t admission_batch_ensure(struct db_tx *tx, const struct terms *terms, const struct product_row *product,
                             struct bytes name, struct batch_row *out)
{
    struct batch_row fresh = {.device_count = 0};
    if (name.n > 0) {
        name_copy(name, fresh.name);
    } else {
        (void)snprintf(fresh.name, sizeof fresh.name, "%.*s-admitted", PRODUCT_PART_MAX, product->name);
    }
    err_t found = batch_rows_find_by_name(tx, product->tenant, fresh.name, out);
    if (found.code == ERR_NOT_FOUND) {
        *out = fresh;
        return insert(tx, terms, product, out);
    }
    TRY(found);
    if (!uuid_equal(out->product, product->id)) {
        faults_add(terms->faults, "/batch", "the batch %s is another product's: give another name",
                   fresh.name);
    }
    return faults_error(terms->faults);
}
