/* From a token to a caller: the issuer's signature and claims first, then the tenant and the roles here. Who
 * called for the first time in a day is written into the audit log with the subject behind the short name. */
#include "fleet/oidc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/role_rows.h"
#include "db/tenant_rows.h"
#include "fleet/event.h"
#include "fleet/oidc_internal.h"

enum { ROLES_MAX = 64, CALLER_BYTES = 16, SEEN_MS = 24 * 3600 * 1000, CONNECT_MS = 3000, TOTAL_MS = 5000 };

/* --- made */

static err_t fetch_outside(void *context, const char *url, size_t limit, struct outbound_answer *answer)
{
    const struct outbound_call call = {.method = "GET",
                                       .url = url,
                                       .headers = {{"Accept", "application/json"}},
                                       .header_count = 1,
                                       .connect_ms = CONNECT_MS,
                                       .total_ms = TOTAL_MS,
                                       .answer_limit = limit};
    return outbound_send(context, &call, answer);
}

static err_t copy(const char *from, const char *what, char *out, size_t size)
{
    size_t n = strlen(from);
    ENSURE(n < size, ERR_UNPROCESSABLE, "the %s of OIDC is too long", what);
    memcpy(out, from, n + 1);
    return OK;
}

static err_t take_settings(const struct oidc_settings *settings, struct oidc *oidc)
{
    TRY(oidc_check_issuer(settings->issuer));
    ENSURE(settings->audience != NULL && settings->audience[0] != '\0', ERR_UNPROCESSABLE,
           "an OIDC issuer needs an audience: the name of this server in its tokens");
    TRY(copy(settings->issuer, "issuer", oidc->issuer, sizeof oidc->issuer));
    TRY(copy(settings->audience, "audience", oidc->audience, sizeof oidc->audience));
    TRY(copy(settings->tenant_claim, "tenant claim", oidc->tenant_claim, sizeof oidc->tenant_claim));
    TRY(copy(settings->roles_claim, "roles claim", oidc->roles_claim, sizeof oidc->roles_claim));
    return copy(settings->default_tenant, "default tenant", oidc->default_tenant,
                sizeof oidc->default_tenant);
}

err_t oidc_new(const struct fleet_options *options, struct oidc **out)
{
    *out = NULL;
    const struct oidc_settings *settings = &options->oidc;
    if (settings->issuer == NULL || settings->issuer[0] == '\0') {
        return OK;
    }
    AUTO_PTR(oidc) *oidc = calloc(1, sizeof *oidc);
    ENSURE(oidc != NULL, ERR_NO_MEMORY, "OIDC");
    ENSURE(pthread_mutex_init(&oidc->mutex, NULL) == 0 && pthread_cond_init(&oidc->fetched, NULL) == 0,
           ERR_NO_MEMORY, "a mutex");
    TRY(take_settings(settings, oidc));
    oidc->fetch = settings->fetch == NULL ? fetch_outside : settings->fetch;
    oidc->fetch_context = settings->fetch == NULL ? options->outbound : settings->fetch_context;
    ENSURE(oidc->fetch_context != NULL, ERR_UNPROCESSABLE, "an OIDC issuer needs calls to others");
    *out = TAKE(oidc);
    return OK;
}

void oidc_free(struct oidc *oidc)
{
    if (oidc != NULL) {
        jwk_set_unref(oidc->keys);
        (void)pthread_cond_destroy(&oidc->fetched);
        (void)pthread_mutex_destroy(&oidc->mutex);
        free(oidc);
    }
}

bool oidc_is_on(const struct fleet *fleet)
{
    return fleet->oidc != NULL;
}

/* --- claims */

/* A member of this name, else a path of names: "realm_access.roles". */
static const json_t *claim_of(const json_t *claims, const char *name)
{
    const json_t *found = json_object_get(claims, name);
    char path[OIDC_CLAIM_SIZE];
    char *rest = NULL;
    if (found != NULL || strchr(name, '.') == NULL) {
        return found;
    }
    (void)snprintf(path, sizeof path, "%s", name);
    found = claims;
    for (char *part = strtok_r(path, ".", &rest); part != NULL && found != NULL;
         part = strtok_r(NULL, ".", &rest)) {
        found = json_object_get(found, part);
    }
    return found;
}

struct look_up {
    const struct oidc *oidc;
    const json_t *claims;
    struct oidc_caller *caller;
};

static err_t find_tenant(struct db_tx *tx, const struct look_up *run)
{
    const json_t *claim = claim_of(run->claims, run->oidc->tenant_claim);
    const char *name = claim == NULL ? run->oidc->default_tenant : json_string_value(claim);
    struct tenant_row tenant;
    ENSURE(name != NULL && name[0] != '\0', ERR_UNAUTHORIZED, "the token names no tenant (claim %.64s)",
           run->oidc->tenant_claim);
    err_t error = tenant_rows_find(tx, bytes_str(name), &tenant);
    ENSURE(error.code != ERR_NOT_FOUND, ERR_UNAUTHORIZED, "the token's tenant is not here (claim %.64s)",
           run->oidc->tenant_claim);
    TRY(error);
    run->caller->tenant = tenant.id;
    return OK;
}

/* A name that no role has gives nothing: issuers name roles of other servers too. */
static err_t add_role(struct db_tx *tx, struct bytes name, struct oidc_caller *caller)
{
    struct role_row role;
    if (name.n == 0 || name.n >= NAME_SIZE) {
        return OK;
    }
    err_t error = role_rows_find(tx, caller->tenant, name, &role);
    if (error.code == ERR_NOT_FOUND) {
        return OK;
    }
    TRY(error);
    caller->scopes |= role.scopes;
    return OK;
}

/* One text, names apart by spaces, like `scope` (RFC 8693 §4.2). */
static err_t add_words(struct db_tx *tx, const char *text, struct oidc_caller *caller)
{
    size_t count = 0;
    while (*(text += strspn(text, " ")) != '\0') {
        size_t n = strcspn(text, " ");
        ENSURE(++count <= ROLES_MAX, ERR_UNAUTHORIZED, "the token names more than %d roles", ROLES_MAX);
        TRY(add_role(tx, (struct bytes){(const uint8_t *)text, n}, caller));
        text += n;
    }
    return OK;
}

static err_t find_roles(struct db_tx *tx, const struct look_up *run)
{
    const json_t *claim = claim_of(run->claims, run->oidc->roles_claim);
    run->caller->scopes = 0;
    if (json_is_string(claim)) {
        return add_words(tx, json_string_value(claim), run->caller);
    }
    ENSURE(claim == NULL || json_is_array(claim), ERR_UNAUTHORIZED,
           "the token's roles are no list (claim %.64s)", run->oidc->roles_claim);
    ENSURE(json_array_size(claim) <= ROLES_MAX, ERR_UNAUTHORIZED, "the token names more than %d roles",
           ROLES_MAX);
    for (size_t i = 0; i < json_array_size(claim); i++) {
        const char *name = json_string_value(json_array_get(claim, i));
        TRY(name == NULL ? OK : add_role(tx, bytes_str(name), run->caller));
    }
    return OK;
}

static err_t look_up_in(struct db_tx *tx, void *arg)
{
    const struct look_up *run = arg;
    TRY(find_tenant(tx, run));
    return find_roles(tx, run);
}

/* --- seen */

/* The slot of this caller if it was seen within a day, else the one to write into: a free or the oldest one.
 */
static bool find_seen(struct oidc *oidc, const uint8_t caller[CALLER_BYTES], int64_t now_ms,
                      struct oidc_seen **slot)
{
    *slot = &oidc->seen[0];
    for (size_t i = 0; i < OIDC_SEEN_MAX; i++) {
        struct oidc_seen *at = &oidc->seen[i];
        if (at->at_ms != 0 && memcmp(at->caller, caller, CALLER_BYTES) == 0) {
            *slot = at;
            return now_ms < at->at_ms + SEEN_MS;
        }
        *slot = at->at_ms < (*slot)->at_ms ? at : *slot;
    }
    return false;
}

static bool is_seen(struct oidc *oidc, const uint8_t caller[CALLER_BYTES], int64_t now_ms)
{
    struct oidc_seen *slot = NULL;
    (void)pthread_mutex_lock(&oidc->mutex);
    bool is = find_seen(oidc, caller, now_ms, &slot);
    (void)pthread_mutex_unlock(&oidc->mutex);
    return is;
}

/* After the record: one too many is better than none. */
static void note_seen(struct oidc *oidc, const uint8_t caller[CALLER_BYTES], int64_t now_ms)
{
    struct oidc_seen *slot = NULL;
    (void)pthread_mutex_lock(&oidc->mutex);
    if (!find_seen(oidc, caller, now_ms, &slot)) {
        memcpy(slot->caller, caller, CALLER_BYTES);
        slot->at_ms = now_ms;
    }
    (void)pthread_mutex_unlock(&oidc->mutex);
}

struct sighting {
    const struct oidc *oidc;
    const struct oidc_caller *caller;
    const char *request_id;
};

static err_t record_in(struct db_tx *tx, void *arg)
{
    const struct sighting *s = arg;
    AUTO(json_t) *body = json_object();
    TRY(json_set_text(body, "issuer", s->oidc->issuer));
    TRY(json_set_text(body, "subject", s->caller->subject));
    const struct event event = {.kind = "oidc.seen",
                                .result = "ok",
                                .actor = s->caller->name,
                                .request_id = s->request_id,
                                .tenant = &s->caller->tenant};
    return event_append_value(tx, &event, body);
}

/* --- judged */

static err_t open_token(struct fleet *fleet, struct bytes text, json_t **claims)
{
    struct oidc *oidc = fleet->oidc;
    AUTO_PTR(jwk_set) *keys = NULL;
    AUTO_PTR(jwk_set) *fresh = NULL;
    int64_t now_ms = clock_now_ms(fleet->clock);
    if (oidc_keys_at_hand(oidc, now_ms, &keys).code != ERR_OK) {
        oidc_keys_update(fleet, false);
        TRY(oidc_keys_at_hand(oidc, now_ms, &keys));
    }
    err_t error = jwt_open(text, keys, claims);
    if (error.code == ERR_NOT_FOUND) {
        oidc_keys_update(fleet, true);
        TRY(oidc_keys_at_hand(oidc, now_ms, &fresh));
        error = jwt_open(text, fresh, claims);
    }
    ENSURE(error.code != ERR_NOT_FOUND, ERR_UNAUTHORIZED, "%s", error.detail);
    return error;
}

static err_t name_caller(const struct oidc *oidc, struct oidc_caller *out, uint8_t id[CALLER_BYTES])
{
    struct sha256 hash;
    char hex[2 * CALLER_BYTES + 1];
    const struct bytes parts[] = {bytes_str(oidc->issuer), bytes_str("\n"), bytes_str(out->subject)};
    TRY(sha256_of_parts(parts, 3, &hash));
    memcpy(id, hash.b, CALLER_BYTES);
    hex_encode((struct bytes){id, CALLER_BYTES}, hex);
    (void)snprintf(out->name, sizeof out->name, "oidc:%s", hex);
    return OK;
}

err_t oidc_check(struct fleet *fleet, struct bytes text, const char *request_id, struct oidc_caller *out)
{
    struct oidc *oidc = fleet->oidc;
    AUTO(json_t) *claims = NULL;
    uint8_t id[CALLER_BYTES];
    int64_t now_ms = clock_now_ms(fleet->clock);
    *out = (struct oidc_caller){.scopes = 0};
    ENSURE(oidc != NULL, ERR_UNAUTHORIZED, "JWTs are not accepted here: no OIDC issuer is configured");
    const struct jwt_rules rules = {.issuer = oidc->issuer, .audience = oidc->audience, .now_ms = now_ms};
    TRY(open_token(fleet, text, &claims));
    TRY(jwt_check(claims, &rules, out->subject));
    TRY(name_caller(oidc, out, id));
    out->expires_at = (int64_t)json_number_value(json_object_get(claims, "exp")) * 1000;
    struct look_up run = {.oidc = oidc, .claims = claims, .caller = out};
    TRY(db_read(fleet->db, look_up_in, &run));
    if (!is_seen(oidc, id, now_ms)) {
        struct sighting sighting = {.oidc = oidc, .caller = out, .request_id = request_id};
        TRY(db_write(fleet->db, record_in, &sighting));
        note_seen(oidc, id, now_ms);
    }
    return OK;
}
