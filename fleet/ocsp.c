/* The OCSP responder: from a request to an answer. What is kept is dropped by the commit that revokes, before
 * the revoking request is answered (db_listen), and an answer that was being signed meanwhile is not kept.
 * What costs a signature each time (a nonce, several certificates, serials that nobody gave) is limited by
 * source. */
#include "fleet/ocsp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/certificate_rows.h"
#include "fleet/clock_guard.h"
#include "fleet/ocsp_internal.h"

enum {
    SIGNED_PER_SECOND = 20, /* of one source; twenty microseconds each */
    SIGNED_AT_ONCE = 200,
    LIFE_MS = 12 * 3600 * 1000,   /* nextUpdate: RFC 9919 wants it, and a day is the most that we promise */
    UNKNOWN_LIFE_MS = 600 * 1000, /* what is not known may be, soon */
};

/* --- life ------------------------------------------------------------------------------------------- */

err_t ocsp_new(const struct random *random, struct ocsp **out)
{
    *out = NULL;
    AUTO_PTR(ocsp) *ocsp = calloc(1, sizeof *ocsp);
    ENSURE(ocsp != NULL, ERR_NO_MEMORY, "the OCSP responder");
    (void)pthread_mutex_init(&ocsp->mutex, NULL);
    (void)pthread_mutex_init(&ocsp->renewing, NULL);
    TRY(ocsp_cache_new(&ocsp->cache));
    TRY(source_rates_new(random, SIGNED_PER_SECOND, SIGNED_AT_ONCE, &ocsp->rates));
    *out = TAKE(ocsp);
    return OK;
}

void ocsp_free(struct ocsp *ocsp)
{
    if (ocsp == NULL) {
        return;
    }
    for (size_t i = 0; i < atomic_load(&ocsp->count); i++) {
        ocsp_signer_unref(ocsp->places[i]->signer);
        free(ocsp->places[i]);
    }
    ocsp_cache_free(ocsp->cache);
    source_rates_free(ocsp->rates);
    (void)pthread_mutex_destroy(&ocsp->renewing);
    (void)pthread_mutex_destroy(&ocsp->mutex);
    free(ocsp);
}

void ocsp_forget(void *context, struct bytes what)
{
    struct ocsp *ocsp = context;
    struct certificate_change change;
    if (what.n == sizeof change) {
        memcpy(&change, what.p, sizeof change);
        ocsp_cache_drop(ocsp->cache, change.serial);
    }
}

/* --- what a request is about ------------------------------------------------------------------------- */

struct inquiry {
    struct ocsp_request request;
    int64_t now_ms;
    size_t index; /* of the one authority that all of it is about */
    bool is_live; /* needs a signature of its own */
    bool has_key; /* .key is set: the answer may be kept */
    struct ocsp_key key;
};

static size_t index_of(const struct ocsp *ocsp, const struct ocsp_cert *cert)
{
    size_t i = 0;
    while (i < ocsp->count && !ocsp_issuer_is(&ocsp->places[i]->issuer, cert)) {
        i++;
    }
    return i;
}

static void refuse(struct fleet *fleet, enum ocsp_error error, struct ocsp_answer *out)
{
    struct fleet_counters *counters = &fleet->counters;
    atomic_llong *const counter[] = {[OCSP_MALFORMED] = &counters->ocsp_malformed,
                                     [OCSP_INTERNAL] = &counters->ocsp_internal,
                                     [OCSP_TRY_LATER] = &counters->ocsp_try_later,
                                     [OCSP_UNAUTHORIZED] = &counters->ocsp_unauthorized};
    atomic_fetch_add_explicit(counter[error], 1, memory_order_relaxed);
    *out = (struct ocsp_answer){.error = ocsp_error_answer(error)};
}

static void count(struct fleet *fleet, enum ocsp_status status)
{
    struct fleet_counters *counters = &fleet->counters;
    atomic_llong *const counter[] = {[OCSP_GOOD] = &counters->ocsp_good,
                                     [OCSP_REVOKED] = &counters->ocsp_revoked,
                                     [OCSP_UNKNOWN] = &counters->ocsp_unknown,
                                     [OCSP_NEVER_ISSUED] = &counters->ocsp_unknown};
    atomic_fetch_add_explicit(counter[status], 1, memory_order_relaxed);
}

/* false: it was refused. One signer speaks for one authority, so a request about two has no answer. */
static bool inquire(struct fleet *fleet, struct bytes der, struct inquiry *out, struct ocsp_answer *answer)
{
    const struct ocsp *ocsp = fleet->ocsp;
    out->now_ms = clock_guard_now_ms(fleet);
    if (ocsp_request_read(der, &out->request).code != ERR_OK) {
        refuse(fleet, OCSP_MALFORMED, answer);
        return false;
    }
    const struct ocsp_cert *cert = &out->request.certs[0];
    out->index = index_of(ocsp, cert);
    for (size_t i = 1; i < out->request.count; i++) {
        out->index = index_of(ocsp, &out->request.certs[i]) == out->index ? out->index : ocsp->count;
    }
    if (out->index == ocsp->count) {
        refuse(fleet, OCSP_UNAUTHORIZED, answer);
        return false;
    }
    if (out->request.nonce.n < OCSP_NONCE_MIN) {
        out->request.nonce = BYTES_NONE;
    }
    out->is_live = out->request.count > 1 || out->request.nonce.n > 0;
    out->key = (struct ocsp_key){.authority = (uint16_t)out->index,
                                 .form = (uint8_t)(cert->hash * 2 + (cert->has_null ? 1 : 0))};
    out->has_key = !out->is_live && ocsp_serial(cert, out->key.serial);
    return true;
}

static bool recall(struct fleet *fleet, const struct inquiry *inquiry, struct ocsp_answer *out)
{
    if (!inquiry->has_key || !ocsp_cache_find(fleet->ocsp->cache, &inquiry->key, inquiry->now_ms, out)) {
        return false;
    }
    out->asked_at_ms = inquiry->now_ms;
    atomic_fetch_add_explicit(&fleet->counters.ocsp_recalled, 1, memory_order_relaxed);
    count(fleet, out->status);
    return true;
}

void ocsp_recall(struct fleet *fleet, const struct ocsp_question *question, struct ocsp_answer *out)
{
    struct inquiry inquiry;
    *out = (struct ocsp_answer){.bytes = NULL};
    if (inquire(fleet, question->der, &inquiry, out)) {
        (void)recall(fleet, &inquiry, out);
    }
}

/* --- signing ----------------------------------------------------------------------------------------- */

static bool is_final(const struct ocsp_single *singles, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (singles[i].status != OCSP_GOOD && singles[i].status != OCSP_REVOKED) {
            return false;
        }
    }
    return true;
}

static err_t sign(const struct ocsp_signer *signer, const struct inquiry *inquiry,
                  const struct ocsp_single *singles, struct ocsp_answer *out)
{
    AUTO_VAL(buf) der = {0};
    struct sha256 hash;
    char hex[2 * SHA256_SIZE + 1];
    const struct ocsp_content content = {.singles = singles,
                                         .count = inquiry->request.count,
                                         .produced_at_ms = out->this_update_ms,
                                         .this_update_ms = out->this_update_ms,
                                         .next_update_ms = out->next_update_ms,
                                         .nonce = inquiry->request.nonce};
    TRY(ocsp_signer_sign(signer, &content, &der));
    TRY(sha256_of(buf_view(&der), &hash));
    hex_encode(BYTES_OF(hash.b), hex);
    (void)snprintf(out->etag, sizeof out->etag, "\"%s\"", hex);
    return shared_new(buf_view(&der), &out->bytes);
}

/* Whole seconds, as the answer tells them, and not beyond the signer. */
static void set_times(const struct ocsp_signer *signer, bool is_known, struct ocsp_answer *out)
{
    int64_t end_ms = ocsp_signer_facts(signer)->not_after_ms;
    out->this_update_ms = out->asked_at_ms / 1000 * 1000;
    out->next_update_ms = out->this_update_ms + (is_known ? LIFE_MS : UNKNOWN_LIFE_MS);
    out->next_update_ms = out->next_update_ms < end_ms ? out->next_update_ms : end_ms;
}

static err_t charge(struct fleet *fleet, const struct ocsp_question *question)
{
    return source_rates_take(fleet->ocsp->rates, question->address, clock_monotonic_ms(fleet->clock));
}

static err_t make(struct fleet *fleet, const struct ocsp_question *question, const struct inquiry *inquiry,
                  struct ocsp_answer *out)
{
    struct ocsp_cache *cache = fleet->ocsp->cache;
    struct ocsp_single singles[OCSP_CERTS_MAX];
    AUTO_PTR(ocsp_signer) *signer = NULL;
    if (inquiry->is_live) {
        TRY(charge(fleet, question));
    }
    uint64_t mark = inquiry->has_key ? ocsp_cache_mark(cache, &inquiry->key) : 0;
    TRY(ocsp_signer_take(fleet, inquiry->index, inquiry->now_ms, &signer));
    TRY(ocsp_status_read(fleet, inquiry->index, &inquiry->request, singles));
    bool is_known = is_final(singles, inquiry->request.count);
    if (!is_known && !inquiry->is_live) { /* not kept: else anybody could fill the cache with numbers */
        TRY(charge(fleet, question));
    }
    *out = (struct ocsp_answer){.status = singles[0].status,
                                .asked_at_ms = inquiry->now_ms,
                                .is_storable = inquiry->request.nonce.n == 0};
    set_times(signer, is_known, out);
    TRY(sign(signer, inquiry, singles, out));
    atomic_fetch_add_explicit(&fleet->counters.ocsp_signed, 1, memory_order_relaxed);
    if (inquiry->has_key && is_known) {
        ocsp_cache_keep(cache, &inquiry->key, mark, out);
    }
    return OK;
}

static enum ocsp_error error_of(err_code code)
{
    return code == ERR_UNAVAILABLE                    ? OCSP_UNAUTHORIZED
           : code == ERR_TOO_MANY || code == ERR_BUSY ? OCSP_TRY_LATER
                                                      : OCSP_INTERNAL;
}

/* Anybody may ask as often as they like; the log tells of it once a minute. */
static void log_failure(struct fleet *fleet, err_t error, int64_t now_ms)
{
    int64_t minute = now_ms / 60000;
    if (atomic_exchange(&fleet->ocsp->failed_in, minute) != minute) {
        log_error(fleet->log, "ocsp_not_answered", "", error);
    }
}

void ocsp_answer(struct fleet *fleet, const struct ocsp_question *question, struct ocsp_answer *out)
{
    struct inquiry inquiry;
    *out = (struct ocsp_answer){.bytes = NULL};
    if (!inquire(fleet, question->der, &inquiry, out) || recall(fleet, &inquiry, out)) {
        return;
    }
    err_t made = make(fleet, question, &inquiry, out);
    if (made.code == ERR_OK) {
        count(fleet, out->status);
        return;
    }
    enum ocsp_error error = error_of(made.code);
    if (error == OCSP_INTERNAL) {
        log_failure(fleet, made, inquiry.now_ms);
    }
    shared_unref(out->bytes);
    refuse(fleet, error, out);
}
