/* The matrix of who may call what, made from the table of routes: every route with every kind of caller. A
 * route that is added is in it. What a caller may not call answers 401 or 403 and nothing else; what it may
 * call answers whatever it answers to an empty request, but not that. Whose objects a caller sees is
 * tests/e2e/authorisation.py. */
#include "tests/unit/api/held_device.h"

#include "fleet/revocation.h"

enum { SCOPE_BITS = 31, CALLERS_MAX = SCOPE_BITS + 12 };

enum showing {
    SHOWS_NOTHING,
    SHOWS_BAD_TOKEN,
    SHOWS_TOKEN, /* or a back end's certificate: the same rights by another proof */
    SHOWS_BAD_CERTIFICATE,
    SHOWS_CERTIFICATE,
    SHOWS_STRANGE_BACK_END /* a certificate of management that nobody registered */
};

struct caller {
    char name[SCOPES_TEXT_SIZE];
    enum showing shows;
    uint32_t scope;
    char token[TOKEN_TEXT_SIZE];
    const struct peer_identity *peer;
};

/* What the handshake would say of a back end's certificate. */
struct back_end {
    EVP_PKEY *key;
    struct peer_identity peer;
};
enum { BACK_ENDS = 4 };

struct cast {
    struct house *house;
    struct caller callers[CALLERS_MAX];
    size_t count;
    struct held good, revoked;
    struct chip stranger;
    struct back_end back_ends[BACK_ENDS];
};

static struct caller *cast_add(struct cast *cast, const char *name, enum showing shows)
{
    assert_true(cast->count < CALLERS_MAX);
    struct caller *caller = &cast->callers[cast->count++];
    (void)snprintf(caller->name, sizeof caller->name, "%s", name);
    caller->shows = shows;
    return caller;
}

/* --- who there is */

static void add_ended_tokens(struct cast *cast)
{
    struct house *h = cast->house;
    const struct actor actor = {.name = "test", .request_id = ""};
    struct tenant_row tenant;
    struct token_row row;
    assert_ok(tenant_find(h->fleet, "default", &tenant));
    struct token_order order = {.tenant = tenant.id,
                                .name = "ended",
                                .scopes = SCOPE_ADMIN | SCOPE_INSTALLATION,
                                .expires_at = h->clock.at_ms + 60000};
    struct caller *revoked = cast_add(cast, "a revoked token", SHOWS_BAD_TOKEN);
    assert_ok(token_add(h->fleet, &actor, &order, revoked->token, &row));
    assert_ok(token_revoke(h->fleet, &actor, tenant.id, row.id));
    struct caller *expired = cast_add(cast, "an expired token", SHOWS_BAD_TOKEN);
    assert_ok(token_add(h->fleet, &actor, &order, expired->token, &row));
    manual_clock_advance(&h->clock, 60001);
    struct caller *forged = cast_add(cast, "a forged token", SHOWS_BAD_TOKEN);
    (void)snprintf(forged->token, sizeof forged->token, "%s", expired->token);
    forged->token[20] = forged->token[20] == 'a' ? 'b' : 'a';
}

static void add_scopes(struct cast *cast)
{
    for (int bit = 0; bit < SCOPE_BITS; bit++) {
        char name[SCOPES_TEXT_SIZE];
        scopes_format(1U << bit, name);
        if (name[0] != '\0') {
            struct caller *caller = cast_add(cast, name, SHOWS_TOKEN);
            caller->scope = 1U << bit;
            token_with(cast->house, caller->scope, caller->token);
        }
    }
}

static void add_devices(struct cast *cast)
{
    const struct actor actor = {.name = "test", .request_id = ""};
    AUTO_VAL(certificate_row) row = {.ver = 0};
    struct tenant_row tenant;
    held_make(cast->house, &cast->good);
    cast_add(cast, "a device", SHOWS_CERTIFICATE)->peer = &cast->good.peer;
    held_make(cast->house, &cast->revoked);
    assert_ok(tenant_find(cast->house->fleet, "default", &tenant));
    const struct revocation_order order = {tenant.id, cast->revoked.peer.certificate.serial, 1};
    assert_ok(certificate_revoke(cast->house->fleet, &actor, &order, &row));
    cast_add(cast, "a device with a revoked certificate", SHOWS_BAD_CERTIFICATE)->peer = &cast->revoked.peer;
    chip_make(&cast->stranger);
    cast_add(cast, "a device that nobody registered", SHOWS_BAD_CERTIFICATE)->peer = &cast->stranger.peer;
}

static void back_end_make(const struct house *h, struct back_end *b)
{
    *b = (struct back_end){.key = ec_key("P-256"), .peer = {.kind = PEER_CLIENT}};
    spki_of(b->key, &b->peer.spki);
    assert_ok(key_check_spki(buf_view(&b->peer.spki), &policy_strict, &b->peer.certificate.key));
    b->peer.certificate.not_before_ms = h->clock.at_ms - 1000;
    b->peer.certificate.not_after_ms = h->clock.at_ms + 3600000;
}

/* Registered with one scope, and the last one with none. */
static void add_back_ends(struct cast *cast)
{
    static const uint32_t scopes[BACK_ENDS] = {SCOPE_DEVICES_READ, SCOPE_ADMIN, SCOPE_INSTALLATION, 0};
    char admin[TOKEN_TEXT_SIZE];
    token_with(cast->house, SCOPE_ADMIN | SCOPE_INSTALLATION, admin);
    for (size_t i = 0; i < BACK_ENDS; i++) {
        char name[SCOPES_TEXT_SIZE] = "";
        char hash[2 * SHA256_SIZE + 1];
        char text[SCOPES_TEXT_SIZE + 24];
        char body[512];
        AUTO_VAL(reply) reply = {.json = NULL};
        struct back_end *b = &cast->back_ends[i];
        back_end_make(cast->house, b);
        scopes_format(scopes[i], name);
        (void)snprintf(text, sizeof text, "a back end with %s", scopes[i] != 0 ? name : "no row");
        struct caller *caller = cast_add(cast, text, scopes[i] != 0 ? SHOWS_TOKEN : SHOWS_STRANGE_BACK_END);
        caller->scope = scopes[i];
        caller->peer = &b->peer;
        hex_encode(BYTES_OF(b->peer.certificate.key.spki_sha256.b), hash);
        (void)snprintf(body, sizeof body, "{\"name\":\"%zu\",\"spki_sha256\":\"%s\",\"scopes\":[\"%s\"]}", i,
                       hash, name);
        struct call call = {.method = HTTP_POST,
                            .route = "/api/v1/client-certificates",
                            .token = admin,
                            .type = "application/json",
                            .body = bytes_str(body)};
        if (scopes[i] != 0) {
            assert_status(cast->house, &call, &reply, 201);
        }
    }
}

static int cast_setup(void **state)
{
    struct cast *cast = calloc(1, sizeof *cast);
    void *house = NULL;
    assert_non_null(cast);
    assert_int_equal(house_setup(&house), 0);
    cast->house = house;
    (void)cast_add(cast, "nobody", SHOWS_NOTHING);
    add_ended_tokens(cast);
    add_scopes(cast);
    add_devices(cast);
    add_back_ends(cast);
    *state = cast;
    return 0;
}

static int cast_teardown(void **state)
{
    struct cast *cast = *state;
    void *house = cast->house;
    held_clear(&cast->good);
    held_clear(&cast->revoked);
    chip_clear(&cast->stranger);
    for (size_t i = 0; i < BACK_ENDS; i++) {
        EVP_PKEY_free(cast->back_ends[i].key);
        peer_identity_clear(&cast->back_ends[i].peer);
    }
    free(cast);
    return house_teardown(&house);
}

/* --- what may be */

/* The rule of scopes (docs/access.md), said once more: any scope of the route opens it; admin is each scope
 * but that of the installation. A route without scopes asks for a caller only. */
static bool opens(uint32_t scope, uint32_t wanted)
{
    return wanted == 0 || (scope & wanted) != 0 ||
           (scope == SCOPE_ADMIN && (wanted & ~(uint32_t)SCOPE_INSTALLATION) != 0);
}

/* Routes whose handlers judge the caller: what the table would say of them. */
static const struct route judged_inside[] = {
    /* a person sees their own sessions, a token has none */
    {.path = "/api/v1/sessions", .access = ACCESS_CALLER, .scopes = SCOPE_USERS_READ},
    /* SWUpdate wants 403 where HTTP has 401 */
    {.path = "/swupdate/v1/update", .access = ACCESS_DEVICE},
    {.path = "/swupdate/v1/log", .access = ACCESS_DEVICE},
};

static const struct route *rule_of(const struct route *route)
{
    for (size_t i = 0; i < sizeof judged_inside / sizeof judged_inside[0]; i++) {
        if (strcmp(judged_inside[i].path, route->path) == 0) {
            return &judged_inside[i];
        }
    }
    return route;
}

static bool is_allowed(const struct caller *caller, const struct route *rule)
{
    switch (rule->access) {
    case ACCESS_ANYONE:
        return true;
    case ACCESS_DEVICE: /* the status tells each device how it stands, also one that may nothing else */
        return caller->shows == SHOWS_CERTIFICATE ||
               (caller->shows == SHOWS_BAD_CERTIFICATE && strcmp(rule->path, "/device/v1/status") == 0);
    case ACCESS_CALLER:
        return caller->shows == SHOWS_TOKEN && opens(caller->scope, rule->scopes);
    }
    return false;
}

/* Of management: 403 for a caller who is known, 401 for all others. A device whose certificate is no longer
 * good, or that nobody knows, may be told first what is wrong with its request, but gets nothing. */
static bool is_refusal(const struct caller *caller, const struct route *rule, int status)
{
    if (rule->access == ACCESS_CALLER) {
        return status == (caller->shows == SHOWS_TOKEN ? 403 : 401);
    }
    return caller->shows == SHOWS_BAD_CERTIFICATE ? status >= 400 && status < 500
                                                  : status == 401 || status == 403;
}

static int try_cell(struct cast *cast, const struct caller *caller, const struct route *route)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = {.method = route->method,
                        .route = route->path,
                        .token = caller->token[0] == '\0' ? NULL : caller->token,
                        .peer = caller->peer};
    int status = send_call(cast->house, &call, &reply);
    const struct route *rule = rule_of(route);
    bool holds = is_allowed(caller, rule) ? status != 401 && status != 403 && status != 500
                                          : is_refusal(caller, rule, status);
    if (!holds) {
        (void)fprintf(stderr, "%d %s by %s: %d, %s\n", (int)route->method, route->path, caller->name, status,
                      buf_str(&reply.response.body));
    }
    return holds ? 0 : 1;
}

static void each_route_is_open_to_whom_it_names_and_to_nobody_else(void **state)
{
    struct cast *cast = *state;
    size_t tables = 0;
    int wrong = 0;
    const struct route_table *table = api_routes(&tables);
    for (size_t t = 0; t < tables; t++) {
        for (size_t i = 0; i < table[t].count; i++) {
            for (size_t c = 0; c < cast->count; c++) {
                wrong += try_cell(cast, &cast->callers[c], &table[t].routes[i]);
            }
        }
    }
    assert_int_equal(wrong, 0);
}

/* --- what is open */

/* Routes that no table keeps anybody from, each for its reason. One that is added by mistake would pass the
 * matrix above: it is not here. */
struct open_route {
    enum http_method method;
    const char *path;
};
static const struct open_route open_to_anyone[] = {
    /* what is signed, or public */
    {HTTP_GET, "/.well-known/est/cacerts"},
    {HTTP_GET, "/.well-known/est/{label}/cacerts"},
    {HTTP_GET, "/.well-known/est/csrattrs"},
    {HTTP_GET, "/.well-known/est/{label}/csrattrs"},
    {HTTP_GET, "/crl/{authority}.crl"},
    {HTTP_GET, "/crl/{authority}/{shard}.crl"},
    {HTTP_GET, "/ca/{authority}.cer"},
    {HTTP_GET, "/ocsp/{request...}"},
    {HTTP_POST, "/ocsp"},
    {HTTP_GET, "/healthz"},
    {HTTP_GET, "/readyz"},
    {HTTP_GET, "/openapi.json"},
    /* what is never done, and says so */
    {HTTP_POST, "/.well-known/est/fullcmc"},
    {HTTP_POST, "/.well-known/est/{label}/fullcmc"},
    {HTTP_POST, "/.well-known/est/serverkeygen"},
    {HTTP_POST, "/.well-known/est/{label}/serverkeygen"},
    /* who brings the proof in the body or the address */
    {HTTP_POST, "/.well-known/cmp"},
    {HTTP_POST, "/.well-known/cmp/{operation}"},
    {HTTP_POST, "/.well-known/cmp/p/{label}"},
    {HTTP_POST, "/.well-known/cmp/p/{label}/{operation}"},
    {HTTP_POST, "/device/v1/status"},
    {HTTP_POST, "/device/v1/challenge"},
    {HTTP_POST, "/device/v1/enrol"},
    {HTTP_GET, "/device/v1/firmware/signed/{sha256}"},
    {HTTP_POST, "/api/v1/login"},
    {HTTP_POST, "/api/v1/invitations/accept"},
    {HTTP_POST, "/api/v1/invitations/confirm"},
    /* the handler judges, in words of its own */
    {HTTP_GET, "/swupdate/v1/update"},
    {HTTP_PUT, "/swupdate/v1/log"},
    /* any caller, about itself */
    {HTTP_GET, "/api/v1/whoami"},
    {HTTP_POST, "/api/v1/logout"},
    {HTTP_POST, "/api/v1/me/password"},
    {HTTP_GET, "/api/v1/sessions"},
    {HTTP_POST, "/api/v1/sessions/{id}/revoke"},
};

static bool is_listed(const struct route *route)
{
    for (size_t i = 0; i < sizeof open_to_anyone / sizeof open_to_anyone[0]; i++) {
        if (open_to_anyone[i].method == route->method && strcmp(open_to_anyone[i].path, route->path) == 0) {
            return true;
        }
    }
    return false;
}

static void what_is_open_to_anyone_is_meant_to_be(void **state)
{
    size_t tables = 0;
    int wrong = 0;
    const struct route_table *table = api_routes(&tables);
    (void)state;
    for (size_t t = 0; t < tables; t++) {
        for (size_t i = 0; i < table[t].count; i++) {
            const struct route *route = &table[t].routes[i];
            bool is_open =
                route->access == ACCESS_ANYONE || (route->access == ACCESS_CALLER && route->scopes == 0);
            if (is_open && !is_listed(route)) {
                (void)fprintf(stderr, "%d %s is open to anyone, or to any caller\n", (int)route->method,
                              route->path);
                wrong++;
            }
        }
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_open_to_anyone_is_meant_to_be),
        cmocka_unit_test_setup_teardown(each_route_is_open_to_whom_it_names_and_to_nobody_else, cast_setup,
                                        cast_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
