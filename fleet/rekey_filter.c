/* A filter against the inventory: what it names, and how many devices it can mean by the kept counts. */
#include <string.h>

#include "db/batch_rows.h"
#include "db/device_count_rows.h"
#include "db/product_rows.h"
#include "fleet/rekey_plans.h"

static err_t note_missing(struct faults *faults, const char *place, const char *what, err_t found)
{
    if (found.code == ERR_NOT_FOUND) {
        faults_add(faults, place, "there is no such %s", what);
        return OK;
    }
    return found;
}

static err_t resolve_product(struct db_tx *tx, struct uuid tenant, struct faults *faults,
                             struct rekey_filter *filter)
{
    struct product_row row = {.ver = 0};
    bool is_named = filter->product_name[0] != '\0';
    if (!is_named && !filter->has_product) {
        return OK;
    }
    err_t found = is_named ? product_rows_find(tx, tenant, bytes_str(filter->product_name), &row)
                           : product_rows_find_by_id(tx, filter->product, &row);
    if (found.code == ERR_OK && !uuid_equal(row.tenant, tenant)) {
        found = ERR(ERR_NOT_FOUND, "no such product");
    }
    filter->has_product = true;
    filter->product = row.id;
    filter->product_name[0] = '\0';
    return note_missing(faults, is_named ? "/filter/product" : "/filter/product_id", "product", found);
}

static err_t resolve_batch(struct db_tx *tx, struct uuid tenant, struct faults *faults,
                           struct rekey_filter *filter)
{
    struct batch_row row = {.ver = 0};
    bool is_named = filter->batch_name[0] != '\0';
    if (!is_named && !filter->has_batch) {
        return OK;
    }
    err_t found = is_named ? batch_rows_find_by_name(tx, tenant, filter->batch_name, &row)
                           : batch_rows_find(tx, tenant, filter->batch, &row);
    filter->has_batch = true;
    filter->batch = row.id;
    filter->batch_name[0] = '\0';
    if (found.code == ERR_OK && filter->has_product && !uuid_equal(row.product, filter->product)) {
        faults_add(faults, is_named ? "/filter/batch" : "/filter/batch_id",
                   "the batch is of another product: the filter means no device");
    }
    return note_missing(faults, is_named ? "/filter/batch" : "/filter/batch_id", "batch", found);
}

err_t rekey_filter_resolve(struct db_tx *tx, struct uuid tenant, struct faults *faults,
                           struct rekey_filter *filter)
{
    TRY(resolve_product(tx, tenant, faults, filter));
    TRY(resolve_batch(tx, tenant, faults, filter));
    return faults_error(faults);
}

err_t rekey_filter_most(struct db_tx *tx, const struct rekey_filter *filter, int64_t *out)
{
    int64_t counts[DEVICE_STATES];
    *out = -1;
    if (!filter->has_batch && !filter->has_product) {
        return OK;
    }
    TRY(device_count_rows_read(tx, filter->has_batch ? filter->batch : filter->product, counts));
    *out = counts[DEVICE_ENROLLED];
    return OK;
}
