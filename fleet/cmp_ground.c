/* The signer of CMP answers and the authorities that senders are judged by, made together and replaced
 * together. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/authorities.h"
#include "fleet/cmp_internal.h"
#include "fleet/event.h"
#include "fleet/ocsp.h"
#include "fleet/source_rates.h"

enum {
    LIFE_MS = 7 * 24 * 3600 * 1000,
    UNEARNED_PER_SECOND = 20, /* of one source; a millisecond each */
    UNEARNED_AT_ONCE = 200,
    RETRY_MS = 5 * 1000, /* after the first failure; twice as long after each that follows */
    RETRY_MAX_MS = 5 * 60 * 1000
};

struct cmp_state {
    pthread_mutex_t mutex; /* of `present`, and held while a new one is made */
    struct cmp_ground *present;
    int64_t retry_at_ms;        /* monotonic; no renewal is tried before, while one will do */
    int64_t retry_ms;           /* how long the next failure makes it wait; 0: the last renewal succeeded */
    struct source_rates *rates; /* of what nobody has earned */
};

err_t cmp_state_new(const struct random *random, struct cmp_state **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "the CMP service");
    (void)pthread_mutex_init(&(*out)->mutex, NULL);
    return source_rates_new(random, UNEARNED_PER_SECOND, UNEARNED_AT_ONCE, &(*out)->rates);
}

void cmp_state_free(struct cmp_state *state)
{
    if (state != NULL) {
        cmp_ground_unref(state->present);
        source_rates_free(state->rates);
        (void)pthread_mutex_destroy(&state->mutex);
        free(state);
    }
}

void cmp_ground_unref(struct cmp_ground *ground)
{
    if (ground != NULL && atomic_fetch_sub(&ground->holders, 1) == 1) {
        cmp_signer_unref(ground->signer);
        peer_trust_free(ground->trust);
        free(ground);
    }
}

/* Half over, or of another time, or of other authorities. */
static bool is_due(const struct cmp_ground *ground, const struct authority_set *set, int64_t now_ms)
{
    if (ground == NULL || ground->is_stopgap || ground->version != authority_set_version(set)) {
        return true;
    }
    const struct cmp_signer_facts *facts = cmp_signer_facts(ground->signer);
    int64_t half_ms = (facts->not_after_ms - facts->not_before_ms) / 2;
    return now_ms < facts->not_before_ms || now_ms >= facts->not_before_ms + half_ms;
}

/* Not over, and nobody took back what its certificate rests on. */
static bool will_do(const struct cmp_ground *ground, const struct authority_set *set, int64_t now_ms)
{
    if (ground == NULL) {
        return false;
    }
    const struct cmp_signer_facts *facts = cmp_signer_facts(ground->signer);
    const struct authority_member *issuer = authority_set_find(set, bytes_str(ground->issuer));
    return issuer != NULL && (issuer->state == AUTHORITY_ACTIVE || issuer->state == AUTHORITY_RETIRING) &&
           now_ms >= facts->not_before_ms && now_ms < facts->not_after_ms;
}

struct issuers {
    const struct authority *authorities[AUTHORITIES_MAX];
    struct bytes ders[AUTHORITIES_MAX];
    size_t count;
};

static void issuers_free(struct issuers *issuers)
{
    free(issuers);
}
DEFINE_AUTO_PTR(issuers, issuers_free);

/* Whoever ever issued to devices. */
static void find_issuers(const struct authority_set *set, struct issuers *out)
{
    const struct authority_member *member = NULL;
    out->count = 0;
    for (size_t i = 0; (member = authority_set_at(set, i)) != NULL && out->count < AUTHORITIES_MAX; i++) {
        bool is_issuer = member->role != AUTHORITY_ROOT && member->role != AUTHORITY_INFRASTRUCTURE;
        if (is_issuer && member->state != AUTHORITY_RETIRED) {
            out->ders[out->count] = authority_borrow_der(member->authority);
            out->authorities[out->count++] = member->authority;
        }
    }
}

static err_t record(struct db_tx *tx, void *arg)
{
    const struct cmp_signer_facts *facts = arg;
    char serial[2 * SERIAL_SIZE + 1];
    char not_after[32];
    hex_encode(BYTES_OF(facts->serial), serial);
    time_format(facts->not_after_ms, not_after);
    struct event event = {.kind = "cmp.signer_certified", .result = "ok", .actor = "whorld"};
    return event_append(tx, &event, "{\"serial\":\"%s\",\"not_after\":\"%s\"}", serial, not_after);
}

static err_t make_signer(struct fleet *fleet, const struct authority_set *set, const struct issuers *issuers,
                         int64_t now_ms, struct cmp_ground *out)
{
    struct bytes path[AUTHORITY_PATH_MAX + 1];
    const struct authority_member *infrastructure = NULL;
    TRY(authority_set_issuer(set, AUTHORITY_INFRASTRUCTURE, NULL, "", &infrastructure));
    const struct authority_member *root = authority_set_find(set, bytes_str(infrastructure->issuer));
    ENSURE(root != NULL, ERR_UNAVAILABLE, "the root above the infrastructure authority is not known");
    size_t count = authority_set_path(set, infrastructure, path);
    path[count++] = authority_borrow_der(root->authority);
    const struct cmp_signer_spec spec = {.random = fleet->random,
                                         .now_ms = now_ms,
                                         .life_ms = LIFE_MS,
                                         .publication = {.public_url = fleet->public_url},
                                         .path = path,
                                         .path_count = count,
                                         .root = authority_borrow_der(root->authority),
                                         .issuers = issuers->ders,
                                         .issuer_count = issuers->count};
    memcpy(out->issuer, infrastructure->id, sizeof out->issuer);
    return cmp_signer_new(infrastructure->authority, &spec, &out->signer);
}

/* All but the signer. */
static err_t make_trust(const struct authority_set *set, struct issuers *issuers, struct cmp_ground **out)
{
    static const struct key_policy any_key = {.allow_rsa = true, .allow_rsa_2048 = true};
    AUTO_PTR(cmp_ground) *ground = calloc(1, sizeof *ground);
    ENSURE(ground != NULL && issuers != NULL, ERR_NO_MEMORY, "the CMP service");
    atomic_init(&ground->holders, 1);
    ground->version = authority_set_version(set);
    find_issuers(set, issuers);
    TRY(peer_trust_new(issuers->authorities, issuers->count, &any_key, &ground->trust));
    TRY(peer_trust_remember(ground->trust));
    *out = TAKE(ground);
    return OK;
}

/* Recorded, then used. */
static err_t make(struct fleet *fleet, const struct authority_set *set, int64_t now_ms,
                  struct cmp_ground **out)
{
    AUTO_PTR(issuers) *issuers = calloc(1, sizeof *issuers);
    AUTO_PTR(cmp_ground) *ground = NULL;
    TRY(make_trust(set, issuers, &ground));
    TRY(make_signer(fleet, set, issuers, now_ms, ground));
    struct cmp_signer_facts facts = *cmp_signer_facts(ground->signer);
    TRY(db_write(fleet->db, record, &facts));
    TRY(ocsp_know(fleet, facts.certificate));
    *out = TAKE(ground);
    return OK;
}

/* The signer of before on the authorities of now: who lost its rights is not believed a moment longer. */
static err_t make_stopgap(const struct cmp_ground *before, const struct authority_set *set,
                          struct cmp_ground **out)
{
    AUTO_PTR(issuers) *issuers = calloc(1, sizeof *issuers);
    AUTO_PTR(cmp_ground) *ground = NULL;
    TRY(make_trust(set, issuers, &ground));
    ground->signer = cmp_signer_ref(before->signer);
    ground->is_stopgap = true;
    memcpy(ground->issuer, before->issuer, sizeof ground->issuer);
    *out = TAKE(ground);
    return OK;
}

static void replace(struct cmp_state *state, struct cmp_ground *next)
{
    cmp_ground_unref(state->present);
    state->present = next;
}

static void try_later(struct fleet *fleet, err_t failure)
{
    struct cmp_state *state = fleet->cmp;
    log_error(fleet->log, "cmp_signer_not_renewed", "", failure);
    state->retry_ms = state->retry_ms == 0 ? RETRY_MS : 2 * state->retry_ms;
    state->retry_ms = state->retry_ms > RETRY_MAX_MS ? RETRY_MAX_MS : state->retry_ms;
    state->retry_at_ms = clock_monotonic_ms(fleet->clock) + state->retry_ms;
}

/* A renewal that fails costs nobody an answer as long as the present signer will do. */
static err_t renew(struct fleet *fleet, int64_t now_ms)
{
    struct cmp_state *state = fleet->cmp;
    struct cmp_ground *next = NULL;
    AUTO_PTR(authority_set) *set = authority_set_take(fleet);
    if (!is_due(state->present, set, now_ms)) {
        return OK;
    }
    bool can_go_on = will_do(state->present, set, now_ms);
    bool is_early = state->retry_ms > 0 && clock_monotonic_ms(fleet->clock) < state->retry_at_ms;
    if (!can_go_on || !is_early) {
        err_t made = make(fleet, set, now_ms, &next);
        if (made.code == ERR_OK) {
            replace(state, next);
            state->retry_ms = 0;
            return OK;
        }
        if (!can_go_on) {
            return made;
        }
        try_later(fleet, made);
    }
    if (state->present->version != authority_set_version(set)) {
        TRY(make_stopgap(state->present, set, &next));
        replace(state, next);
    }
    return OK;
}

err_t cmp_ground_take(struct fleet *fleet, int64_t now_ms, struct cmp_ground **out)
{
    struct cmp_state *state = fleet->cmp;
    *out = NULL;
    (void)pthread_mutex_lock(&state->mutex);
    err_t renewed = renew(fleet, now_ms);
    if (renewed.code == ERR_OK) {
        *out = state->present;
        atomic_fetch_add(&state->present->holders, 1);
    }
    (void)pthread_mutex_unlock(&state->mutex);
    return renewed;
}

err_t cmp_source_check(const struct cmp_case *c)
{
    return source_rates_look(c->fleet->cmp->rates, c->question->address, clock_monotonic_ms(c->fleet->clock));
}

void cmp_source_charge(const struct cmp_case *c)
{
    err_ignore(source_rates_take(c->fleet->cmp->rates, c->question->address,
                                 clock_monotonic_ms(c->fleet->clock))); /* it owes all that it may already */
}
