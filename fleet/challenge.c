/* Nonces and proofs of possession (docs/identity.md, rule 7). Keeps nothing per device: a flood of
 * challenges for one id costs the victim nothing. Called by api/; enrol consumes nonces in its transaction.
 */
#include "fleet/challenge.h"

#include <string.h>

#include "db/challenge_rows.h"
#include "fleet/authority_set.h"
#include "fleet/challenge_keys.h"
#include "fleet/challenge_text.h"
#include "fleet/claims.h"
#include "fleet/internal.h"
#include "fleet/nonce.h"
#include "fleet/registry.h"

enum {
    SPKI_MAX = 1024,
    SIGNATURE_MAX = 1024,
    CSR_MAX = 16384,
    SWEEP_ROWS = 1000,
    SWEEP_MARGIN_MS = 60 * 1000, /* a transaction that waits may still meet the nonce */
    EXPIRY_SIZE = 8,
    SALT_SIZE = 8,
    MAC_OFFSET = EXPIRY_SIZE + SALT_SIZE
};

static err_t pop_failed(void)
{
    return ERR(ERR_POP_FAILED, "the proof does not hold");
}

static err_t nonce_mac(const struct fleet *fleet, enum challenge_purpose purpose, const struct device_id *id,
                       const uint8_t *nonce, struct sha256 *out)
{
    uint8_t text[1 + DEVICE_ID_SIZE + MAC_OFFSET];
    text[0] = (uint8_t)purpose;
    (void)memcpy(text + 1, id->b, DEVICE_ID_SIZE);
    (void)memcpy(text + 1 + DEVICE_ID_SIZE, nonce, MAC_OFFSET);
    return challenge_keys_mac(fleet->challenge_keys, BYTES_OF(text), out);
}

/* One that devices may stand on: those that trust only a new root must be able to come before it is the
 * default. */
static bool is_root_in_use(const struct authority_member *member)
{
    return member->role == AUTHORITY_ROOT && !member->is_external && member->state != AUTHORITY_RETIRED &&
           member->state != AUTHORITY_COMPROMISED;
}

static const struct sha256 *key_of(const struct authority_member *member)
{
    return authority_spki_sha256(member->authority);
}

static void choose_server_id(const struct fleet *fleet, const struct challenge_question *question,
                             struct sha256 *out)
{
    AUTO_PTR(authority_set) *set = authority_set_take(fleet);
    const struct authority_member *member = NULL;
    *out = *key_of(authority_set_root(set));
    for (size_t i = 0; question->has_server_id && (member = authority_set_at(set, i)) != NULL; i++) {
        if (is_root_in_use(member) && memcmp(key_of(member)->b, question->server_id.b, SHA256_SIZE) == 0) {
            *out = question->server_id;
        }
    }
}

err_t challenge_make(struct fleet *fleet, const struct challenge_question *question, struct challenge *out)
{
    uint64_t expires_at = (uint64_t)(clock_now_ms(fleet->clock) + fleet->options.challenge_ttl_ms);
    for (size_t i = 0; i < EXPIRY_SIZE; i++) {
        out->nonce[i] = (uint8_t)(expires_at >> (8 * (EXPIRY_SIZE - 1 - i)));
    }
    TRY(random_fill(fleet->random, out->nonce + EXPIRY_SIZE, SALT_SIZE));
    struct sha256 mac;
    TRY(nonce_mac(fleet, question->purpose, &question->device_id, out->nonce, &mac));
    (void)memcpy(out->nonce + MAC_OFFSET, mac.b, sizeof mac.b);
    out->expires_in_s = fleet->options.challenge_ttl_ms / 1000;
    choose_server_id(fleet, question, &out->server_id);
    return OK;
}

static int64_t nonce_expires_at(struct bytes nonce)
{
    uint64_t at = 0;
    for (size_t i = 0; i < EXPIRY_SIZE; i++) {
        at = at << 8 | nonce.p[i];
    }
    return (int64_t)at;
}

/* --- checking --------------------------------------------------------------------------------------- */

static err_t check_form(const struct challenge_proof *proof)
{
    bool is_enrol = proof->purpose == PURPOSE_ENROL;
    bool has_sizes = proof->nonce.n == NONCE_SIZE && proof->spki.n > 0 && proof->spki.n <= SPKI_MAX &&
                     proof->signature.n > 0 && proof->signature.n <= SIGNATURE_MAX;
    bool has_request = proof->csr.n > 0 && proof->csr.n <= CSR_MAX && proof->new_spki.n > 0;
    bool has_none = proof->csr.n == 0 && proof->new_spki.n == 0 && proof->generation == 0;
    bool has_generation = proof->generation >= 0 && proof->generation <= UINT32_MAX;
    return has_sizes && has_generation && (is_enrol ? has_request : has_none) ? OK : pop_failed();
}

static err_t check_nonce(const struct fleet *fleet, const struct challenge_proof *proof)
{
    struct sha256 mac;
    TRY(nonce_mac(fleet, proof->purpose, &proof->device_id, proof->nonce.p, &mac));
    struct bytes given = {proof->nonce.p + MAC_OFFSET, sizeof mac.b};
    if (!bytes_equal_ct(given, BYTES_OF(mac.b))) {
        return pop_failed();
    }
    return nonce_expires_at(proof->nonce) > clock_now_ms(fleet->clock) ? OK : pop_failed();
}

struct claims_query {
    const struct device_id *id;
    struct claims *out;
};

static err_t read_claims(struct db_tx *tx, void *arg)
{
    struct claims_query *query = arg;
    const struct claims_question question = {.id = query->id};
    return claims_choose(tx, &question, query->out);
}

/* What the device's product lets a proof be. For an id that nobody registered there is nothing to gain but
 * the truth that it is unknown; of several equal claims the strictest counts. */
static err_t read_rules(struct fleet *fleet, const struct device_id *id, struct key_policy *policy,
                        bool *allow_unbound)
{
    struct claims claims;
    struct claims_query query = {id, &claims};
    TRY(db_read(fleet->db, read_claims, &query));
    *policy = (struct key_policy){.allow_rsa = true, .allow_rsa_2048 = claims.count > 0};
    *allow_unbound = true;
    for (size_t i = 0; i < claims.count; i++) {
        struct product_row product;
        TRY(product_by_id(fleet, claims.products[i], &product));
        policy->allow_rsa_2048 = policy->allow_rsa_2048 && product.allow_rsa_2048;
        *allow_unbound = *allow_unbound && product.allow_unbound_challenge;
    }
    return OK;
}

static err_t check_key(const struct challenge_proof *proof, const struct key_policy *policy)
{
    struct sha256 hash;
    TRY(sha256_of(proof->spki, &hash));
    if (memcmp(hash.b, proof->device_id.b, sizeof hash.b) != 0) {
        return pop_failed();
    }
    struct key_info info;
    err_t checked = key_check_spki(proof->spki, policy, &info);
    bool is_canonical = checked.code == ERR_OK && memcmp(info.spki_sha256.b, hash.b, sizeof hash.b) == 0;
    return is_canonical ? OK : pop_failed();
}

static err_t verify_under(const struct sha256 *server_id, const struct challenge_proof *proof,
                          const uint8_t exporter[32])
{
    AUTO_VAL(buf) text = {0};
    TRY(challenge_text(proof, server_id, exporter, &text));
    err_t verified = key_verify(proof->spki, buf_view(&text), proof->signature);
    return verified.code == ERR_OK || err_status(verified.code) >= 500 ? verified : pop_failed();
}

/* The signed text names a root; which of ours it was, only the signature tells. There is one, but for the
 * time of a roll-over. */
static err_t verify_with(const struct fleet *fleet, const struct challenge_proof *proof,
                         const uint8_t exporter[32])
{
    AUTO_PTR(authority_set) *set = authority_set_take(fleet);
    const struct authority_member *first = authority_set_root(set);
    const struct authority_member *member = NULL;
    err_t verified = verify_under(key_of(first), proof, exporter);
    for (size_t i = 0; verified.code == ERR_POP_FAILED && (member = authority_set_at(set, i)) != NULL; i++) {
        if (member != first && is_root_in_use(member)) {
            verified = verify_under(key_of(member), proof, exporter);
        }
    }
    return verified;
}

static err_t check(struct fleet *fleet, const struct challenge_proof *proof, bool *is_bound)
{
    static const uint8_t zeros[32] = {0};
    TRY(check_form(proof));
    TRY(check_nonce(fleet, proof));
    struct key_policy policy;
    bool allow_unbound = false;
    TRY(read_rules(fleet, &proof->device_id, &policy, &allow_unbound));
    TRY(check_key(proof, &policy));
    *is_bound = proof->is_bound;
    if (proof->is_bound) {
        err_t verified = verify_with(fleet, proof, proof->exporter);
        if (verified.code != ERR_POP_FAILED) {
            return verified;
        }
    }
    *is_bound = false;
    return allow_unbound ? verify_with(fleet, proof, zeros) : pop_failed();
}

err_t challenge_check(struct fleet *fleet, const struct challenge_proof *proof, bool *is_bound)
{
    *is_bound = false;
    err_t result = check(fleet, proof, is_bound);
    if (result.code == ERR_POP_FAILED) {
        atomic_fetch_add(&fleet->counters.pop_failed, 1);
    }
    return result;
}

/* --- consuming -------------------------------------------------------------------------------------- */

err_t nonce_use(struct db_tx *tx, struct bytes nonce)
{
    ENSURE(nonce.n == NONCE_SIZE, ERR_POP_FAILED, "the proof does not hold");
    int64_t expires_at = nonce_expires_at(nonce);
    if (expires_at <= db_tx_now_ms(tx)) {
        return pop_failed(); /* it waited too long: the sweep may have forgotten an earlier use */
    }
    err_t used = challenge_rows_use(tx, nonce, expires_at);
    return used.code == ERR_CONFLICT ? pop_failed() : used;
}

static err_t consume(struct db_tx *tx, void *arg)
{
    const struct challenge_proof *proof = arg;
    return nonce_use(tx, proof->nonce);
}

err_t challenge_consume(struct fleet *fleet, const struct challenge_proof *proof)
{
    struct challenge_proof copy = *proof;
    err_t result = db_write(fleet->db, consume, &copy);
    if (result.code == ERR_POP_FAILED) {
        atomic_fetch_add(&fleet->counters.pop_failed, 1);
    }
    return result;
}

struct sweep {
    int64_t before, count;
};

static err_t sweep(struct db_tx *tx, void *arg)
{
    struct sweep *run = arg;
    return challenge_rows_sweep(tx, run->before, SWEEP_ROWS, &run->count);
}

err_t challenge_sweep(struct fleet *fleet, int64_t now_ms)
{
    struct sweep run = {.before = now_ms - SWEEP_MARGIN_MS};
    return db_write(fleet->db, sweep, &run);
}
