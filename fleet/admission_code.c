/* A code that a device shows. Who does not know its secret learns nothing but "not valid"; who knows it is
 * told why it is not good. Uses are counted in the transaction that issues the certificate, so that two who
 * race for the last one do not both get in. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "db/code_rows.h"
#include "db/product_rows.h"
#include "fleet/admission_internal.h"
#include "fleet/code_text.h"
#include "fleet/contact_internal.h"
#include "fleet/internal.h"
#include "fleet/source_limits.h"

static bool is_of(const struct code_row *row, const struct device_id *id)
{
    return !row->has_device || memcmp(row->device.b, id->b, sizeof id->b) == 0;
}

/* Why the code is not good for this device now; NULL when it is. */
static const char *flaw_of(const struct code_row *row, const struct device_id *id, int64_t now_ms)
{
    if (row->revoked_at != 0) {
        return "revoked";
    }
    if (now_ms < row->not_before) {
        return "not valid yet";
    }
    if (now_ms >= row->not_after) {
        return "expired";
    }
    if (!is_of(row, id)) {
        return "another device's";
    }
    return row->used >= row->use_limit ? "used up" : NULL;
}

struct search {
    struct code_parts parts;
    bool is_found;
    struct code_row row;
    struct product_row product;
};

static err_t find_in(struct db_tx *tx, void *arg)
{
    struct search *search = arg;
    err_t found = code_rows_find(tx, search->parts.id, &search->row);
    search->is_found = found.code == ERR_OK;
    if (found.code == ERR_NOT_FOUND) {
        return OK;
    }
    TRY(found);
    return product_rows_find_by_id(tx, search->row.product, &search->product);
}

static err_t find(struct fleet *fleet, struct bytes text, struct search *search)
{
    struct sha256 hash;
    TRY(code_text_read(text, &search->parts));
    err_t error = sha256_of(BYTES_OF(search->parts.secret), &hash);
    bytes_wipe(search->parts.secret, sizeof search->parts.secret);
    TRY(error);
    TRY(db_read(fleet->db, find_in, search));
    bool is_right = search->is_found && bytes_equal_ct(BYTES_OF(hash.b), BYTES_OF(search->row.secret_sha256));
    ENSURE(is_right, ERR_ENROLMENT_CODE, "the enrolment code is not valid");
    return OK;
}

static err_t judge(const struct search *search, const struct device_id *id, const struct uuid *label_tenant,
                   int64_t now_ms)
{
    const struct code_row *row = &search->row;
    const char *flaw = flaw_of(row, id, now_ms);
    bool is_here = label_tenant == NULL || uuid_equal(*label_tenant, row->tenant);
    ENSURE(is_here, ERR_ENROLMENT_CODE, "the enrolment code is not valid");
    ENSURE(flaw == NULL, ERR_ENROLMENT_CODE, "the enrolment code is %s", flaw);
    ENSURE(search->product.admission == ADMISSION_TOKEN, ERR_ENROLMENT_CODE,
           "the enrolment code's product does not admit by code any more");
    return OK;
}

static void take(const struct search *search, struct admissions *out)
{
    struct admission *admission = &out->items[0];
    *admission = (struct admission){.by = ADMISSION_TOKEN,
                                    .tenant = search->row.tenant,
                                    .product = search->row.product,
                                    .batch = search->row.batch,
                                    .must_be_listed = search->product.must_be_listed};
    memcpy(admission->code, search->row.id, sizeof admission->code);
    memcpy(admission->serial, search->row.serial, sizeof admission->serial);
    out->count = 1;
}

err_t admission_by_code(struct fleet *fleet, const struct contact_facts *facts, const struct device_id *id,
                        const struct uuid *label_tenant, struct admissions *out)
{
    struct source source;
    struct search search = {.is_found = false};
    int64_t now_ms = clock_now_ms(fleet->clock);
    out->count = 0;
    TRY(source_limits_check(fleet->source_limits, facts->address, now_ms, &source));
    err_t error = find(fleet, facts->code, &search);
    if (error.code == ERR_ENROLMENT_CODE) {
        source_limits_failed(fleet->source_limits, &source, now_ms);
    }
    TRY(error);
    error = judge(&search, id, label_tenant, now_ms);
    if (error.code ==
        ERR_ENROLMENT_CODE) { /* whoever knows the secret guesses nothing, and waits for nothing */
        contact_alarm_code(fleet, facts, &search.row, id, error);
    }
    TRY(error);
    take(&search, out);
    return OK;
}

/* --- in the transaction ----------------------------------------------------------------------------- */

err_t admission_code_holds(struct db_tx *tx, const struct admission *admission, const struct device_id *id,
                           bool *out)
{
    struct code_row row;
    TRY(code_rows_find(tx, admission->code, &row));
    *out = flaw_of(&row, id, db_tx_now_ms(tx)) == NULL;
    return OK;
}

err_t admission_code_use(struct db_tx *tx, const struct admission *admission, const struct device_id *id)
{
    struct code_row row;
    bool is_used = false;
    TRY(code_rows_find(tx, admission->code, &row));
    TRY(code_rows_use(tx, admission->code, row.kind == CODE_DEVICE ? id : NULL, &is_used));
    ENSURE(is_used, ERR_ENROLMENT_CODE, "the enrolment code is used up");
    return OK;
}
