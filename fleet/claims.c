/* The choice between tenants that registered the same id. Reads only; writes no event about what it finds. */
#include "fleet/claims.h"

#include "db/device_rows.h"

struct search {
    const struct uuid *label_tenant;
    struct claims *out;
    bool is_done; /* weaker claims follow */
    enum device_claim strongest;
};

/* Rows come strongest first. */
static err_t take_claim(const struct device_row *row, void *arg)
{
    struct search *search = arg;
    struct claims *out = search->out;
    if (out->count == 0) {
        search->strongest = row->claim;
    }
    search->is_done = search->is_done || row->claim != search->strongest;
    if (search->is_done) {
        return OK;
    }
    if (search->label_tenant == NULL || uuid_equal(*search->label_tenant, row->tenant)) {
        out->is_contested = out->is_contested || out->is_found;
        out->is_found = true;
        out->device = *row;
    }
    if (out->count < CLAIMS_CONTESTED_MAX) {
        out->tenants[out->count] = row->tenant;
        out->products[out->count] = row->product;
        out->count++;
    }
    return OK;
}

err_t claims_choose(struct db_tx *tx, const struct device_id *id, const struct uuid *label_tenant,
                    struct claims *out)
{
    *out = (struct claims){0};
    struct search search = {.label_tenant = label_tenant, .out = out};
    TRY(device_rows_find_claims(tx, id, take_claim, &search));
    out->is_found = out->is_found && !out->is_contested;
    return OK;
}
