/* The delegates that sign OCSP answers: one for each authority whose key is here, with a key of its own in
 * memory, a week's certificate, and the next one after half of it. */
#include <stdio.h>
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
    struct ocsp_signer *signer = ocsp->places[index].signer;
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
        LOG(fleet->log, LOG_WARN, "ocsp.no_signer", LOG_STR("authority", authority_id(place->authority)),
            LOG_STR("reason",
                    "its key is not here: OCSP requests about what it issued are answered unauthorized"));
    }
}

/* Recorded, then used. */
static err_t renew(struct fleet *fleet, size_t index, int64_t now_ms)
{
    struct ocsp *ocsp = fleet->ocsp;
    struct ocsp_place *place = &ocsp->places[index];
    AUTO_PTR(ocsp_signer) *next = NULL;
    const struct ocsp_signer_spec spec = {.random = fleet->random, .now_ms = now_ms, .life_ms = LIFE_MS};
    err_t made = ocsp_signer_new(place->authority, &spec, &next);
    if (made.code == ERR_UNAVAILABLE) {
        tell_missing(fleet, place);
    }
    TRY(made);
    struct record run = {.authority = authority_id(place->authority), .facts = ocsp_signer_facts(next)};
    TRY(db_write(fleet->db, record, &run));
    (void)pthread_mutex_lock(&ocsp->mutex);
    struct ocsp_signer *former = place->signer;
    place->signer = TAKE(next);
    (void)pthread_mutex_unlock(&ocsp->mutex);
    ocsp_signer_unref(former);
    return OK;
}

/* The key of an authority may be elsewhere for good; that is no failure of a job. */
static err_t refresh_place(struct fleet *fleet, size_t index, int64_t now_ms)
{
    struct ocsp *ocsp = fleet->ocsp;
    (void)pthread_mutex_lock(&ocsp->renewing);
    AUTO_PTR(ocsp_signer) *present = signer_of(ocsp, index);
    err_t result = is_due(present, now_ms) ? renew(fleet, index, now_ms) : OK;
    (void)pthread_mutex_unlock(&ocsp->renewing);
    return result;
}

err_t ocsp_refresh(struct fleet *fleet, int64_t now_ms)
{
    err_t first = OK; /* one authority that fails leaves the others their signers */
    for (size_t i = 0; i < fleet->ocsp->count; i++) {
        err_t result = refresh_place(fleet, i, now_ms);
        first = first.code == ERR_OK && result.code != ERR_UNAVAILABLE ? result : first;
    }
    return first;
}

err_t ocsp_signer_take(struct fleet *fleet, size_t index, int64_t now_ms, struct ocsp_signer **out)
{
    *out = NULL;
    AUTO_PTR(ocsp_signer) *signer = signer_of(fleet->ocsp, index);
    if (!is_usable(signer, now_ms)) {
        TRY(refresh_place(fleet, index, now_ms));
        ocsp_signer_unref(TAKE(signer));
        signer = signer_of(fleet->ocsp, index);
    }
    ENSURE(is_usable(signer, now_ms), ERR_BUSY, "no signer of this time");
    *out = TAKE(signer);
    return OK;
}

bool ocsp_signer_life(struct fleet *fleet, const char *authority, int64_t *from_ms, int64_t *to_ms)
{
    size_t i = 0;
    while (i < fleet->ocsp->count && strcmp(authority_id(fleet->ocsp->places[i].authority), authority) != 0) {
        i++;
    }
    AUTO_PTR(ocsp_signer) *signer = i < fleet->ocsp->count ? signer_of(fleet->ocsp, i) : NULL;
    if (signer == NULL) {
        return false;
    }
    *from_ms = ocsp_signer_facts(signer)->not_before_ms;
    *to_ms = ocsp_signer_facts(signer)->not_after_ms;
    return true;
}
