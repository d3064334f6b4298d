/* Makes the one value that every service of this folder works on, and takes it apart. Checks the options;
 * starts no thread; reads the authorities' rows and nothing else. Called by cmd/whorld and by tests. */
#include <stdlib.h>
#include <string.h>

#include "fleet/authority_remains.h"
#include "fleet/authority_work.h"
#include "fleet/blobs.h"
#include "fleet/challenge_keys.h"
#include "fleet/clock_guard.h"
#include "fleet/cmp.h"
#include "fleet/cmp_code_tries.h"
#include "fleet/crl_shards.h"
#include "fleet/device_contacts.h"
#include "fleet/firmware_key_handles.h"
#include "fleet/firmware_notes.h"
#include "fleet/firmware_urls.h"
#include "fleet/internal.h"
#include "fleet/ocsp.h"
#include "fleet/profile_cache.h"
#include "fleet/rates.h"
#include "fleet/rekey_live.h"
#include "fleet/rollout_live.h"
#include "fleet/source_limits.h"
#include "fleet/yield.h"

enum {
    CHALLENGE_TTL_MIN_MS = 30 * 1000,
    CHALLENGE_TTL_MAX_MS = 600 * 1000,
    CRL_LIFETIME_MIN_MS = 60 * 1000,
    SESSION_MS = 12 * 3600 * 1000,
    SESSION_IDLE_MS = 3600 * 1000,
};

static bool is_url(struct bytes url)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t n = strlen(schemes[i]);
        if (url.n > n && memcmp(url.p, schemes[i], n) == 0) {
            return true;
        }
    }
    return false;
}

static err_t check(const struct fleet_options *options)
{
    ENSURE(options->salt_secret.n == SALT_SECRET_SIZE, ERR_UNPROCESSABLE,
           "the salt secret must have %d bytes", SALT_SECRET_SIZE);
    ENSURE(options->challenge_ttl_ms >= CHALLENGE_TTL_MIN_MS &&
               options->challenge_ttl_ms <= CHALLENGE_TTL_MAX_MS,
           ERR_UNPROCESSABLE, "challenges must live 30 to 600 seconds");
    ENSURE(options->crl_lifetime_ms >= CRL_LIFETIME_MIN_MS, ERR_UNPROCESSABLE,
           "a CRL must live a minute at least");
    ENSURE(crl_shards_are_valid(options->crl_shards), ERR_UNPROCESSABLE,
           "a CRL has 0 shards, or 16, 32, 64, 128 or 256");
    ENSURE(options->crl_shards == 0 || (options->crl_base != NULL && is_url(bytes_str(options->crl_base))),
           ERR_UNPROCESSABLE, "shards of a CRL need an address");
    ENSURE(options->supersede_overlap_ms >= 0, ERR_UNPROCESSABLE,
           "the overlap of superseded certificates cannot be negative");
    ENSURE(options->clock_step_limit_ms >= 0, ERR_UNPROCESSABLE,
           "the limit of the clock's steps cannot be negative");
    ENSURE(options->public_url != NULL && is_url(bytes_str(options->public_url)), ERR_UNPROCESSABLE,
           "public_url must start with http:// or https://");
    return OK;
}

static err_t copy_url(const char *url, char **out)
{
    size_t n = strlen(url);
    while (n > 0 && url[n - 1] == '/') {
        n--;
    }
    *out = strndup(url, n);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "public_url");
    return OK;
}

err_t fleet_new(const struct fleet_options *options, struct fleet **out)
{
    *out = NULL;
    TRY(check(options));
    AUTO_PTR(fleet) *fleet = calloc(1, sizeof(*fleet));
    ENSURE(fleet != NULL, ERR_NO_MEMORY, "the fleet");
    TRY(copy_url(options->public_url, &fleet->public_url));
    memcpy(fleet->salt_secret, options->salt_secret.p, SALT_SECRET_SIZE);
    fleet->options = *options;
    fleet->options.public_url = fleet->public_url;
    fleet->options.salt_secret = BYTES_OF(fleet->salt_secret);
    fleet->options.session_ms = options->session_ms > 0 ? options->session_ms : SESSION_MS;
    fleet->options.session_idle_ms =
        options->session_idle_ms > 0 ? options->session_idle_ms : SESSION_IDLE_MS;
    fleet->db = options->db;
    fleet->clock = options->clock;
    fleet->random = options->random;
    fleet->log = options->log;
    TRY(token_uses_new(&fleet->token_uses));
    TRY(cmp_code_tries_new(&fleet->cmp_code_tries));
    TRY(device_contacts_new(&fleet->device_contacts));
    TRY(refusals_new(&fleet->refusals));
    TRY(password_gate_new(&fleet->password_gate));
    TRY(source_limits_new(&fleet->source_limits));
    TRY(rates_new(options->random, &fleet->rates));
    TRY(yields_new(&fleet->yields));
    TRY(challenge_keys_new(options->random, &fleet->challenge_keys));
    TRY(clock_guard_new(options, &fleet->clock_guard));
    TRY(profile_cache_new(&fleet->profile_cache));
    TRY(audit_signing_new(&fleet->audit_signing));
    TRY(authority_works_new(&fleet->authority_works));
    TRY(authority_remains_new(&fleet->authority_remains));
    TRY(authority_sets_new(fleet));
    TRY(publications_new(&fleet->publications));
    TRY(oidc_new(options, &fleet->oidc));
    TRY(event_hub_new(options, &fleet->event_hub));
    TRY(rekey_lives_new(&fleet->rekey_lives));
    TRY(rollout_lives_new(&fleet->rollout_lives));
    TRY(firmware_notes_new(&fleet->firmware_notes));
    TRY(firmware_key_handles_new(&fleet->firmware_key_handles));
    TRY(firmware_urls_new(&fleet->firmware_urls));
    TRY(blob_shelf_new(&fleet->blob_shelf));
    TRY(ocsp_new(options->random, &fleet->ocsp));
    TRY(ocsp_see_authorities(fleet));
    TRY(cmp_state_new(options->random, &fleet->cmp));
    db_listen(fleet->db, ocsp_forget, fleet->ocsp);
    *out = TAKE(fleet);
    return OK;
}

err_t fleet_settle(struct fleet *fleet)
{
    int64_t now_ms = clock_now_ms(fleet->clock);
    TRY(token_uses_flush(fleet, now_ms));
    TRY(cmp_code_tries_flush(fleet, now_ms));
    TRY(device_contacts_flush(fleet, now_ms));
    TRY(firmware_notes_flush(fleet, now_ms));
    err_t error = audit_anchor(fleet, now_ms);
    if (error.code != ERR_OK) { /* a full disk: the log ends where the last anchor was */
        log_error(fleet->log, "audit_not_anchored", "", error);
    }
    return OK;
}

int64_t fleet_changes(const struct fleet *fleet)
{
    return db_commits(fleet->db);
}

struct blob_store *fleet_blobs(const struct fleet *fleet)
{
    return fleet->options.blobs;
}

const struct clock *fleet_clock(const struct fleet *fleet)
{
    return fleet->clock;
}

void fleet_free(struct fleet *fleet)
{
    if (fleet == NULL) {
        return;
    }
    firmware_key_handles_free(fleet->firmware_key_handles);
    blob_shelf_free(fleet->blob_shelf);
    rekey_lives_free(fleet->rekey_lives);
    rollout_lives_free(fleet->rollout_lives);
    firmware_notes_free(fleet->firmware_notes);
    firmware_urls_free(fleet->firmware_urls);
    if (fleet->ocsp != NULL) {
        db_listen(fleet->db, NULL, NULL);
        ocsp_free(fleet->ocsp);
    }
    cmp_state_free(fleet->cmp);
    event_hub_free(fleet->event_hub);
    oidc_free(fleet->oidc);
    audit_signing_free(fleet->audit_signing);
    profile_cache_free(fleet->profile_cache);
    publications_free(fleet->publications);
    authority_sets_free(fleet->authority_sets);
    authority_works_free(fleet->authority_works);
    authority_remains_free(fleet->authority_remains);
    clock_guard_free(fleet->clock_guard);
    challenge_keys_free(fleet->challenge_keys);
    source_limits_free(fleet->source_limits);
    rates_free(fleet->rates);
    yields_free(fleet->yields);
    password_gate_free(fleet->password_gate);
    refusals_free(fleet->refusals);
    device_contacts_free(fleet->device_contacts);
    cmp_code_tries_free(fleet->cmp_code_tries);
    token_uses_free(fleet->token_uses);
    free(fleet->public_url);
    bytes_wipe(fleet->salt_secret, sizeof(fleet->salt_secret));
    free(fleet);
}
