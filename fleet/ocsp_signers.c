/* The delegates that sign OCSP answers: one for each authority whose key is here, with a key of its own in
 * memory, a week's certificate, and the next one after half of it. */
#include <stdlib.h>
#include <string.h>

#include "fleet/event.h"
#include "fleet/ocsp_internal.h"

enum { LIFE_MS = 7 * 24 * 3600 * 1000 };

/* Half over, or of another time: a clock that was wrong and was set right since. */
static bool is_due(const struct ocsp_signer *signer, int64_t now_ms)
{
    if (signer == NULL) {
        return true;
    }
    const struct ocsp_signer_facts *facts = ocsp_signer_facts(signer);
    int64_t half_ms = (facts->not_after_ms - facts->not_before_ms) / 2;
    return now_ms < facts->not_before_ms || now_ms >= facts->not_before_ms + half_ms;
}

static bool is_usable(const struct ocsp_signer *signer, int64_t now_ms)
{
    return signer != NULL && now_ms >= ocsp_signer_facts(signer)->not_before_ms &&
           now_ms < ocsp_signer_facts(signer)->not_after_ms;
}

/* The caller's reference, or NULL. */
static struct ocsp_signer *signer_of(struct ocsp *ocsp, size_t index)
{
    (void)pthread_mutex_lock(&ocsp->mutex);
    struct ocsp_signer *signer = ocsp->places[index]->signer;
    signer = signer != NULL ? ocsp_signer_ref(signer) : NULL;
    (void)pthread_mutex_unlock(&ocsp->mutex);
    return signer;
}

struct record {
    const char *authority;
    const struct ocsp_signer_facts *facts;
};

static err_t record(struct db_tx *tx, void *arg)
{
    const struct record *run = arg;
    char serial[2 * SERIAL_SIZE + 1];
    char not_after[32];
    hex_encode(BYTES_OF(run->facts->serial), serial);
    time_format(run->facts->not_after_ms, not_after);
    struct event event = {.kind = "ocsp.signer_certified", .result = "ok", .actor = "whorld"};
    return event_append(tx, &event, "{\"authority\":\"%s\",\"serial\":\"%s\",\"not_after\":\"%s\"}",
                        run->authority, serial, not_after);
}

static void tell_missing(struct fleet *fleet, struct ocsp_place *place)
{
    if (!place->is_told) {
        place->is_told = true;
        LOG(fleet->log, LOG_WARN, "ocsp.no_signer", LOG_STR("authority", place->id),
            LOG_STR("reason",
                    "its key is not here: OCSP requests about what it issued are answered unauthorized"));
    }
}

/* Recorded, then used. */
static err_t renew(struct fleet *fleet, size_t index, const struct authority *authority, int64_t now_ms)
{
    struct ocsp *ocsp = fleet->ocsp;
    struct ocsp_place *place = ocsp->places[index];
    AUTO_PTR(ocsp_signer) *next = NULL;
    const struct ocsp_signer_spec spec = {.random = fleet->random, .now_ms = now_ms, .life_ms = LIFE_MS};
    err_t made = ocsp_signer_new(authority, &spec, &next);
    if (made.code == ERR_UNAVAILABLE) {
        tell_missing(fleet, place);
    }
    TRY(made);
    struct record run = {.authority = place->id, .facts = ocsp_signer_facts(next)};
    TRY(db_write(fleet->db, record, &run));
    place->is_told = false;
    (void)pthread_mutex_lock(&ocsp->mutex);
    struct ocsp_signer *former = place->signer;
    place->signer = TAKE(next);
    (void)pthread_mutex_unlock(&ocsp->mutex);
    ocsp_signer_unref(former);
    return OK;
}

/* The key of an authority may be elsewhere for good; that is no failure of a job. */
static err_t refresh_place(struct fleet *fleet, size_t index, const struct authority *authority,
                           int64_t now_ms)
{
    struct ocsp *ocsp = fleet->ocsp;
    (void)pthread_mutex_lock(&ocsp->renewing);
    AUTO_PTR(ocsp_signer) *present = signer_of(ocsp, index);
    err_t result = is_due(present, now_ms) ? renew(fleet, index, authority, now_ms) : OK;
    (void)pthread_mutex_unlock(&ocsp->renewing);
    return result;
}

static size_t index_named(const struct ocsp *ocsp, const char *id)
{
    size_t count = atomic_load(&ocsp->count);
    size_t i = 0;
    while (i < count && strcmp(ocsp->places[i]->id, id) != 0) {
        i++;
    }
    return i;
}

static err_t add_place(struct ocsp *ocsp, const struct authority_member *member)
{
    size_t count = atomic_load(&ocsp->count);
    ENSURE(count < AUTHORITIES_MAX, ERR_INTERNAL, "more than %d authorities", AUTHORITIES_MAX);
    struct ocsp_place *place = calloc(1, sizeof *place);
    ENSURE(place != NULL, ERR_NO_MEMORY, "the OCSP responder");
    memcpy(place->id, member->id, sizeof place->id);
    place->role = member->role;
    err_t read = ocsp_issuer_of(member->authority, &place->issuer);
    if (read.code != ERR_OK) {
        free(place);
        return read;
    }
    ocsp->places[count] = place;
    atomic_store(&ocsp->count, count + 1); /* what is read by others is whole */
    return OK;
}

err_t ocsp_see_authorities(struct fleet *fleet)
{
    struct ocsp *ocsp = fleet->ocsp;
    AUTO_PTR(authority_set) *set = authority_set_take(fleet);
    const struct authority_member *member = NULL;
    err_t result = OK;
    (void)pthread_mutex_lock(&ocsp->renewing);
    for (size_t i = 0; result.code == ERR_OK && (member = authority_set_at(set, i)) != NULL; i++) {
        if (index_named(ocsp, member->id) == ocsp->count) {
            result = add_place(ocsp, member);
        }
    }
    (void)pthread_mutex_unlock(&ocsp->renewing);
    return result;
}

err_t ocsp_refresh(struct fleet *fleet, int64_t now_ms)
{
    err_t first = OK; /* one authority that fails leaves the others their signers */
    AUTO_PTR(authority_set) *set = authority_set_take(fleet);
    const struct authority_member *member = NULL;
    for (size_t i = 0; (member = authority_set_at(set, i)) != NULL; i++) {
        if (member->state == AUTHORITY_RETIRED) {
            continue; /* nothing that it issued is still valid */
        }
        err_t result = refresh_place(fleet, index_named(fleet->ocsp, member->id), member->authority, now_ms);
        first = first.code == ERR_OK && result.code != ERR_UNAVAILABLE ? result : first;
    }
    return first;
}

/* When the delegate is old, or of another time. */
static err_t refresh_now(struct fleet *fleet, size_t index, int64_t now_ms)
{
    AUTO_PTR(authority_set) *set = authority_set_take(fleet);
    const struct authority_member *member =
        authority_set_find(set, bytes_str(fleet->ocsp->places[index]->id));
    ENSURE(member != NULL, ERR_UNAVAILABLE, "no such authority any more");
    return refresh_place(fleet, index, member->authority, now_ms);
}

err_t ocsp_signer_take(struct fleet *fleet, size_t index, int64_t now_ms, struct ocsp_signer **out)
{
    *out = NULL;
    AUTO_PTR(ocsp_signer) *signer = signer_of(fleet->ocsp, index);
    if (!is_usable(signer, now_ms)) {
        TRY(refresh_now(fleet, index, now_ms));
        ocsp_signer_unref(TAKE(signer));
        signer = signer_of(fleet->ocsp, index);
    }
    ENSURE(is_usable(signer, now_ms), ERR_BUSY, "no signer of this time");
    *out = TAKE(signer);
    return OK;
}

bool ocsp_signer_life(struct fleet *fleet, const char *authority, int64_t *from_ms, int64_t *to_ms)
{
    size_t i = index_named(fleet->ocsp, authority);
    AUTO_PTR(ocsp_signer) *signer = i < fleet->ocsp->count ? signer_of(fleet->ocsp, i) : NULL;
    if (signer == NULL) {
        return false;
    }
    *from_ms = ocsp_signer_facts(signer)->not_before_ms;
    *to_ms = ocsp_signer_facts(signer)->not_after_ms;
    return true;
}
