/* The choice between tenants that claim the same id, by a row or by what the device shows. Reads only; writes
 * no event about what it finds. */
#include "fleet/claims.h"

#include "db/device_rows.h"

struct search {
    const struct uuid *label_tenant;
    const struct admissions *shown;
    struct claims *out;
    bool has_strongest;
    enum device_claim strongest;
    unsigned with_row; /* bits of what was shown for tenants that have a row */
};

/* What a device shows for its own product makes a bare id as good as a key that was handed over. */
static enum device_claim strength_of(struct search *search, const struct device_row *row)
{
    bool is_shown = false;
    for (size_t i = 0; i < search->shown->count; i++) {
        const struct admission *admission = &search->shown->items[i];
        bool is_own = uuid_equal(admission->tenant, row->tenant);
        search->with_row |= is_own ? 1U << i : 0U;
        is_shown = is_shown || (is_own && uuid_equal(admission->product, row->product));
    }
    return is_shown && row->claim < CLAIM_SPKI ? CLAIM_SPKI : row->claim;
}

/* Of two products of one tenant, the CA nearest to the chip decides. */
static bool is_nearest(const struct admissions *shown, size_t i)
{
    for (size_t j = 0; j < shown->count; j++) {
        const struct admission *other = &shown->items[j];
        if (!other->must_be_listed && uuid_equal(other->tenant, shown->items[i].tenant) &&
            other->depth < shown->items[i].depth) {
            return false;
        }
    }
    return true;
}

/* Needs no row, and its tenant has none. */
static bool is_claim_alone(const struct search *search, size_t i)
{
    bool has_row = (search->with_row & 1U << i) != 0;
    return !has_row && !search->shown->items[i].must_be_listed && is_nearest(search->shown, i);
}

static void note(struct search *search, enum device_claim claim)
{
    search->strongest = search->has_strongest && search->strongest > claim ? search->strongest : claim;
    search->has_strongest = true;
}

/* Who gave a device away claims nothing, and takes it back in by nothing that it shows. */
static err_t note_row(const struct device_row *row, void *arg)
{
    struct search *search = arg;
    enum device_claim strength = strength_of(search, row);
    if (row->transferred_at == 0) {
        note(search, strength);
    }
    return OK;
}

static bool is_noted(const struct claims *out, struct uuid tenant)
{
    for (size_t i = 0; i < out->count; i++) {
        if (uuid_equal(out->tenants[i], tenant)) {
            return true;
        }
    }
    return false;
}

/* @param row or NULL: the tenant has none */
static void take(struct search *search, const struct uuid *tenant, const struct uuid *product,
                 const struct device_row *row)
{
    struct claims *out = search->out;
    if (search->label_tenant == NULL || uuid_equal(*search->label_tenant, *tenant)) {
        out->is_contested = out->is_contested || out->is_found;
        out->is_found = true;
        out->is_new = row == NULL;
        out->device = row != NULL ? *row : (struct device_row){.tenant = *tenant, .product = *product};
    }
    if (out->count < CLAIMS_CONTESTED_MAX && !is_noted(out, *tenant)) {
        out->tenants[out->count] = *tenant;
        out->products[out->count] = *product;
        out->count++;
    }
}

static err_t take_row(const struct device_row *row, void *arg)
{
    struct search *search = arg;
    enum device_claim strength = strength_of(search, row);
    if (row->transferred_at != 0) {
        return OK;
    }
    if (!search->has_strongest) { /* rows come strongest first, and nothing shown changes that */
        note(search, strength);
    }
    if (strength == search->strongest) {
        take(search, &row->tenant, &row->product, row);
    }
    return OK;
}

err_t claims_choose(struct db_tx *tx, const struct claims_question *question, struct claims *out)
{
    static const struct admissions nothing = {.count = 0};
    *out = (struct claims){0};
    struct search search = {.label_tenant = question->label_tenant,
                            .shown = question->shown != NULL ? question->shown : &nothing,
                            .out = out};
    if (search.shown->count > 0) {
        TRY(device_rows_find_claims(tx, question->id, note_row, &search));
    }
    for (size_t i = 0; i < search.shown->count; i++) {
        if (is_claim_alone(&search, i)) {
            note(&search, CLAIM_SPKI);
        }
    }
    TRY(device_rows_find_claims(tx, question->id, take_row, &search));
    for (size_t i = 0; i < search.shown->count && search.strongest == CLAIM_SPKI; i++) {
        if (is_claim_alone(&search, i)) {
            take(&search, &search.shown->items[i].tenant, &search.shown->items[i].product, NULL);
        }
    }
    out->is_found = out->is_found && !out->is_contested;
    return OK;
}
