/* The issuer's keys: fetched by a job before they are due, by a request only when there are none or when a
 * token names one that is not known. However many ask, one fetches, and none for an unknown name within a
 * minute of the last such one: unknown names of keys cost the issuer nothing. An issuer that is down leaves
 * the keys at hand in force for a day. */
#include <stdio.h>
#include <string.h>

#include "fleet/oidc_internal.h"

enum {
    MINUTE_MS = 60 * 1000,
    RETRY_MS = MINUTE_MS,
    RETRY_WITHOUT_MS = 5 * 1000,
    FRESH_MIN_MS = 5 * MINUTE_MS,
    FRESH_DEFAULT_MS = 60 * MINUTE_MS,
    FRESH_MAX_MS = 24 * 60 * MINUTE_MS,
    STALE_MS = 24 * 60 * MINUTE_MS,
    WAITING_MAX = 8, /* workers that may sit and wait for a fetch of another */
    DOCUMENT_MAX = 64 * 1024
};

static err_t get(struct oidc *oidc, const char *url, size_t limit, struct outbound_answer *answer)
{
    TRY(oidc->fetch(oidc->fetch_context, url, limit, answer));
    ENSURE(answer->status == 200, ERR_UNAVAILABLE, "%.100s answers %d", url, answer->status);
    return OK;
}

static int64_t freshness(int64_t max_age_s)
{
    if (max_age_s < 0) {
        return FRESH_DEFAULT_MS;
    }
    int64_t ms = max_age_s > FRESH_MAX_MS / 1000 ? FRESH_MAX_MS : max_age_s * 1000;
    return ms < FRESH_MIN_MS ? FRESH_MIN_MS : ms;
}

/* @param[out] fresh_ms how long the keys are good without asking again */
static err_t fetch_keys(struct oidc *oidc, struct jwk_set **out, int64_t *fresh_ms)
{
    AUTO_VAL(outbound_answer) discovery = {0};
    AUTO_VAL(outbound_answer) keys = {0};
    char url[OIDC_URL_SIZE + 64], keys_url[OIDC_URL_SIZE];
    size_t n = strlen(oidc->issuer);
    bool has_slash = n > 0 && oidc->issuer[n - 1] == '/';
    (void)snprintf(url, sizeof url, "%s%s.well-known/openid-configuration", oidc->issuer,
                   has_slash ? "" : "/");
    TRY(get(oidc, url, DOCUMENT_MAX, &discovery));
    TRY(oidc_read_discovery(buf_view(&discovery.body), oidc->issuer, keys_url));
    TRY(get(oidc, keys_url, JWK_SET_SIZE_MAX, &keys));
    *fresh_ms = freshness(keys.max_age_s);
    return jwk_set_read(buf_view(&keys.body), out);
}

/* A clock that was set back does not stop the fetching. */
static bool is_early(const struct oidc_try *last, int64_t now_ms, int64_t pause_ms)
{
    return last->is_set && now_ms >= last->at_ms && now_ms < last->at_ms + pause_ms;
}

/* Under the lock. Without keys every caller is turned away, so then it is tried more often. */
static bool may_fetch(const struct oidc *oidc, int64_t now_ms, bool is_unknown_key)
{
    if (is_unknown_key) {
        return !is_early(&oidc->unknown, now_ms, RETRY_MS);
    }
    bool is_due = oidc->keys == NULL || now_ms >= oidc->fresh_until_ms;
    return is_due && !is_early(&oidc->due, now_ms, oidc->keys == NULL ? RETRY_WITHOUT_MS : RETRY_MS);
}

/* An outage is told when it begins and when it ends, not once a minute. */
static void tell(struct fleet *fleet, err_t error, bool was_failing, size_t count)
{
    if (error.code != ERR_OK && !was_failing) {
        LOG(fleet->log, LOG_WARN, "oidc.keys_failure", LOG_STR("issuer", fleet->oidc->issuer),
            LOG_STR("detail", error.detail));
    } else if (error.code == ERR_OK) {
        LOG(fleet->log, LOG_INFO, "oidc.keys_new", LOG_STR("issuer", fleet->oidc->issuer),
            LOG_INT("keys", count));
    }
}

static void fetch(struct fleet *fleet)
{
    struct oidc *oidc = fleet->oidc;
    AUTO_PTR(jwk_set) *fresh = NULL;
    int64_t fresh_ms = 0;
    err_t error = fetch_keys(oidc, &fresh, &fresh_ms);
    size_t count = fresh == NULL ? 0 : jwk_set_count(fresh);
    (void)pthread_mutex_lock(&oidc->mutex);
    bool was_failing = oidc->is_failing;
    oidc->is_failing = error.code != ERR_OK;
    if (error.code == ERR_OK) {
        struct jwk_set *former = oidc->keys;
        oidc->keys = TAKE(fresh);
        fresh = former;
        oidc->fresh_until_ms = clock_now_ms(fleet->clock) + fresh_ms;
    }
    oidc->is_fetching = false;
    (void)pthread_cond_broadcast(&oidc->fetched);
    (void)pthread_mutex_unlock(&oidc->mutex);
    tell(fleet, error, was_failing, count);
}

void oidc_keys_update(struct fleet *fleet, bool is_unknown_key)
{
    struct oidc *oidc = fleet->oidc;
    int64_t now_ms = clock_now_ms(fleet->clock);
    (void)pthread_mutex_lock(&oidc->mutex);
    bool is_mine = !oidc->is_fetching && may_fetch(oidc, now_ms, is_unknown_key);
    if (is_mine) {
        oidc->is_fetching = true;
        *(is_unknown_key ? &oidc->unknown : &oidc->due) = (struct oidc_try){true, now_ms};
    } else if (oidc->is_fetching && oidc->waiting < WAITING_MAX) {
        oidc->waiting++;
        while (oidc->is_fetching) {
            (void)pthread_cond_wait(&oidc->fetched, &oidc->mutex);
        }
        oidc->waiting--;
    }
    (void)pthread_mutex_unlock(&oidc->mutex);
    if (is_mine) {
        fetch(fleet);
    }
}

err_t oidc_keys_at_hand(struct oidc *oidc, int64_t now_ms, struct jwk_set **out)
{
    *out = NULL;
    (void)pthread_mutex_lock(&oidc->mutex);
    if (oidc->keys != NULL && now_ms < oidc->fresh_until_ms + STALE_MS) {
        *out = jwk_set_ref(oidc->keys);
    }
    (void)pthread_mutex_unlock(&oidc->mutex);
    ENSURE(*out != NULL, ERR_UNAVAILABLE, "the keys of the OIDC issuer could not be fetched");
    return OK;
}

err_t oidc_refresh(struct fleet *fleet, int64_t now_ms)
{
    struct oidc *oidc = fleet->oidc;
    if (oidc == NULL) {
        return OK;
    }
    (void)pthread_mutex_lock(&oidc->mutex);
    bool is_due = !oidc->is_fetching && may_fetch(oidc, now_ms, false);
    (void)pthread_mutex_unlock(&oidc->mutex);
    if (is_due) {
        oidc_keys_update(fleet, false);
    }
    return OK;
}
