/* A chip's certificate under a CA that a tenant pinned. Only the CAs that the certificate names are looked
 * at, so it costs the same however many are pinned. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/product_rows.h"
#include "db/vendor_ca_rows.h"
#include "fleet/admission_internal.h"
#include "fleet/contact_internal.h"
#include "fleet/internal.h"
#include "fleet/names.h"
#include "pki/vendor_ca.h"

/* Of one name; with a label only its tenant's are looked at, so nobody can crowd out others. */
enum { CANDIDATES_MAX = 16 };

struct candidate {
    struct vendor_ca_row ca;
    struct product_row product;
};

struct search {
    const struct uuid *label_tenant;
    uint32_t issuers[VENDOR_CHAIN_MAX];
    size_t issuer_count, count;
    struct candidate candidates[CANDIDATES_MAX];
};

static err_t take_candidate(const struct vendor_ca_row *row, void *arg)
{
    struct search *search = arg;
    if (search->count < CANDIDATES_MAX) {
        search->candidates[search->count++].ca = *row;
    }
    return OK;
}

static err_t find_in(struct db_tx *tx, void *arg)
{
    struct search *search = arg;
    search->count = 0;
    for (size_t i = 0; i < search->issuer_count; i++) {
        TRY(vendor_ca_rows_find_issuers(tx, search->issuers[i], search->label_tenant, CANDIDATES_MAX,
                                        take_candidate, search));
    }
    for (size_t i = 0; i < search->count; i++) {
        struct candidate *candidate = &search->candidates[i];
        TRY(product_rows_find_by_id(tx, candidate->ca.product, &candidate->product));
    }
    return OK;
}

/* A name that no record may hold is none. */
static void take_name(const struct vendor_chain *chain, char out[SERIAL_TEXT_SIZE])
{
    char name[VENDOR_NAME_SIZE];
    vendor_chain_name(chain, name);
    if (text_copy(bytes_str(name), "serial", out, SERIAL_TEXT_SIZE).code != ERR_OK) {
        out[0] = '\0';
    }
}

static void take(const struct candidate *candidate, unsigned depth, const struct vendor_chain *chain,
                 struct admissions *out)
{
    if (out->count == ADMISSIONS_MAX) {
        return;
    }
    struct admission *admission = &out->items[out->count++];
    *admission = (struct admission){.by = ADMISSION_VENDOR_CA,
                                    .tenant = candidate->ca.tenant,
                                    .product = candidate->ca.product,
                                    .batch = candidate->ca.batch,
                                    .must_be_listed = candidate->product.must_be_listed,
                                    .vendor_ca = candidate->ca.id,
                                    .depth = depth};
    take_name(chain, admission->name);
}

struct chip {
    const struct contact_facts *facts;
    const struct device_id *id;
    const struct vendor_chain *chain;
};

static err_t judge(struct fleet *fleet, const struct chip *chip, const struct candidate *candidate,
                   struct admissions *out)
{
    const struct vendor_ca_row *ca = &candidate->ca;
    unsigned depth = 0;
    if (candidate->product.admission != ADMISSION_VENDOR_CA) {
        return OK;
    }
    err_t error = vendor_chain_verify(chip->chain, (struct bytes){ca->der, ca->der_size},
                                      clock_now_ms(fleet->clock), &depth);
    if (error.code == ERR_UNPROCESSABLE) {
        contact_alarm_vendor_ca(fleet, chip->facts, ca, chip->id, error);
        return OK;
    }
    TRY(error);
    take(candidate, depth, chip->chain, out);
    return OK;
}

static err_t judge_all(struct fleet *fleet, const struct chip *chip, struct search *search,
                       struct admissions *out)
{
    search->issuer_count = vendor_chain_issuers(chip->chain, search->issuers);
    TRY(db_read(fleet->db, find_in, search));
    for (size_t i = 0; i < search->count; i++) {
        TRY(judge(fleet, chip, &search->candidates[i], out));
    }
    return OK;
}

err_t admission_by_vendor_ca(struct fleet *fleet, const struct contact_facts *facts,
                             const struct device_id *id, const struct uuid *label_tenant,
                             struct admissions *out)
{
    AUTO_PTR(vendor_chain) *chain = NULL;
    out->count = 0;
    err_t read = vendor_chain_new(buf_view(&facts->peer->der), buf_view(&facts->peer->chain), &chain);
    if (read.code == ERR_UNPROCESSABLE) {
        return OK; /* its key is proved all the same: a list may know it */
    }
    TRY(read);
    struct search *search = calloc(1, sizeof *search);
    ENSURE(search != NULL, ERR_NO_MEMORY, "the CAs that a chip names");
    search->label_tenant = label_tenant;
    const struct chip chip = {.facts = facts, .id = id, .chain = chain};
    err_t error = judge_all(fleet, &chip, search, out);
    free(search);
    return error;
}

/* --- in the transaction ----------------------------------------------------------------------------- */

err_t admission_vendor_holds(struct db_tx *tx, const struct admission *admission, bool *out)
{
    struct vendor_ca_row row;
    TRY(vendor_ca_rows_find(tx, admission->tenant, admission->vendor_ca, &row));
    *out = row.retired_at == 0;
    return OK;
}
