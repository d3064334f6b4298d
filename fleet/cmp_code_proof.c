/* Checks MACs. What takes time is done for every message alike: one look-up, one unsealing, one derivation of
 * as many rounds as the message asks for. Nothing is written on the way: failed attempts are noted in memory,
 * since a commit takes longer than all of that and would tell which references there are. */
#include "fleet/cmp_code_proof.h"

#include <string.h>

#include "fleet/cmp_code_tries.h"
#include "fleet/cmp_codes_internal.h"
#include "fleet/internal.h"
#include "fleet/source_limits.h"
#include "pki/cmp_mac.h"
#include "pki/secret_seal.h"

void cmp_code_proof_clear(struct cmp_code_proof *proof)
{
    secret_clear(&proof->code);
}

struct search {
    uint8_t reference[CMP_REFERENCE_SIZE];
    bool is_reference, is_found;
    struct cmp_code_proof *proof;
};

/* Where the reference is none, the next one is read, so that there is a row to read as well. */
static err_t find_in(struct db_tx *tx, void *arg)
{
    struct search *search = arg;
    struct cmp_code_row *row = &search->proof->row;
    err_t found = cmp_code_rows_find_from(tx, search->reference, row);
    bool is_it = found.code == ERR_OK && search->is_reference &&
                 memcmp(row->reference, search->reference, sizeof row->reference) == 0;
    search->is_found = is_it && cmp_code_is_live(cmp_code_judge(row, db_tx_now_ms(tx)));
    return found.code == ERR_NOT_FOUND ? OK : found;
}

/* Where there is no code, one that nobody knows stands in for it, as long as a real one; it is made in any
 * case, and something is unsealed in any case. */
static err_t take_code(const struct fleet *fleet, const struct search *search, struct secret *out)
{
    const struct cmp_code_row none = {.sealed = {SEAL_FORM},
                                      .sealed_size = CMP_CODE_TEXT_SIZE - 1 + SEAL_OVERHEAD};
    struct sha256 stand_in;
    TRY(hmac_sha256(BYTES_OF(fleet->salt_secret), BYTES_OF(search->reference), &stand_in));
    err_t opened = cmp_code_unseal(fleet, search->is_found ? &search->proof->row : &none, out);
    if (search->is_found) {
        return opened;
    }
    ENSURE(opened.code == ERR_CRYPTO, ERR_INTERNAL, "zeros were unsealed");
    secret_clear(out);
    TRY(buf_append(&out->bytes, stand_in.b, sizeof stand_in.b));
    return buf_append(&out->bytes, stand_in.b, CMP_CODE_TEXT_SIZE - 1 - sizeof stand_in.b);
}

static err_t look(struct fleet *fleet, struct bytes sender_kid, struct search *search)
{
    search->is_reference = hex_decode(sender_kid, search->reference, sizeof search->reference).code == ERR_OK;
    TRY(db_read(fleet->db, find_in, search));
    return take_code(fleet, search, &search->proof->code);
}

static err_t name(const struct search *search)
{
    static const uint8_t domain[] = "CMP code";
    const struct bytes parts[] = {BYTES_OF(domain), BYTES_OF(search->reference)};
    return sha256_of_parts(parts, 2, &search->proof->name);
}

err_t cmp_code_prove(struct fleet *fleet, const struct cmp_header *header, const char *address,
                     struct cmp_code_proof *out)
{
    struct source source;
    struct search search = {.proof = out};
    int64_t now_ms = clock_now_ms(fleet->clock);
    bool is_good = false;
    *out = (struct cmp_code_proof){.row = {.ver = 0}};
    TRY(source_limits_check(fleet->source_limits, address, now_ms, &source));
    TRY(look(fleet, header->sender_kid, &search));
    TRY(cmp_mac_verify(header, buf_view(&out->code.bytes), &is_good));
    if (!is_good || !search.is_found) {
        secret_clear(&out->code);
        atomic_fetch_add(&fleet->counters.pop_failed, 1);
        cmp_code_tries_note(fleet->cmp_code_tries, search.reference, now_ms);
        source_limits_failed(fleet->source_limits, &source, now_ms);
        return ERR(ERR_POP_FAILED, "the protection does not hold");
    }
    return name(&search);
}

/* --- in the transaction ----------------------------------------------------------------------------- */

static err_t find_good(struct db_tx *tx, const struct cmp_code_proof *proof, const uint8_t spki_sha256[32],
                       struct cmp_code_row *row, bool *out)
{
    *out = false;
    err_t found = cmp_code_rows_find_by_reference(tx, proof->row.reference, row);
    if (found.code == ERR_NOT_FOUND) {
        return OK;
    }
    TRY(found);
    bool is_its = !row->is_bound || memcmp(row->spki_sha256, spki_sha256, sizeof row->spki_sha256) == 0;
    *out = is_its && cmp_code_is_live(cmp_code_judge(row, db_tx_now_ms(tx)));
    return OK;
}

err_t cmp_code_holds(struct db_tx *tx, const struct cmp_code_proof *proof, const uint8_t spki_sha256[32],
                     bool *out)
{
    struct cmp_code_row row;
    return find_good(tx, proof, spki_sha256, &row, out);
}

err_t cmp_code_bind(struct db_tx *tx, const struct cmp_code_proof *proof, const uint8_t spki_sha256[32])
{
    struct cmp_code_row row = {.ver = 0};
    bool is_good = false;
    TRY(find_good(tx, proof, spki_sha256, &row, &is_good));
    ENSURE(is_good, ERR_ENROLMENT_CODE, "the code is bound to another key, or has ended");
    if (row.is_bound) {
        return OK;
    }
    row.is_bound = true;
    memcpy(row.spki_sha256, spki_sha256, sizeof row.spki_sha256);
    row.bound_at = db_tx_now_ms(tx);
    row.ver++;
    return cmp_code_rows_put(tx, &row);
}
