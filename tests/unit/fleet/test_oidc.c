/* Callers of an OIDC issuer: who they are here, what they may do, and when the issuer is asked. */
#include "tests/unit/fleet/oidc_scene.h"

enum { MINUTE = 60 * 1000 };

static void claims_become_tenant_and_scopes(void **state)
{
    struct oidc_scene s;
    struct oidc_caller caller;
    oidc_scene_init(&s, *state, "default");
    const struct {
        const char *claims;
        const struct uuid *tenant;
        uint32_t scopes;
    } table[] = {
        {"", &s.f.tenant.id, 0},
        {"'realm':{'roles':['reader']}", &s.f.tenant.id, SCOPE_DEVICES_READ | SCOPE_PRODUCTS_READ},
        {"'realm':{'roles':['reader','line-a']}", &s.f.tenant.id,
         SCOPE_DEVICES_READ | SCOPE_PRODUCTS_READ | SCOPE_DEVICES_REGISTER},
        {"'realm':{'roles':'line-a  reader'}", &s.f.tenant.id,
         SCOPE_DEVICES_READ | SCOPE_PRODUCTS_READ | SCOPE_DEVICES_REGISTER},
        {"'realm.roles':['line-a']", &s.f.tenant.id, SCOPE_DEVICES_REGISTER},
        {"'realm':{'roles':['nobody','','READER',7,null]}", &s.f.tenant.id, 0},
        {"'realm':['reader']", &s.f.tenant.id, 0},
        {"'whorl_tenant':'acme','realm':{'roles':['reader','line-a']}", &s.acme, SCOPE_AUDIT_READ},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_ok(scene_check(&s, 0, table[i].claims, &caller));
        assert_true(uuid_equal(caller.tenant, *table[i].tenant));
        if (caller.scopes != table[i].scopes) {
            fail_msg("%s: %x", table[i].claims, caller.scopes);
        }
    }
    assert_string_equal(caller.subject, "anna");
    assert_int_equal(strlen(caller.name), 5 + 32);
    assert_int_equal(strncmp(caller.name, "oidc:", 5), 0);
    assert_int_equal(s.fetches, 1);
    oidc_scene_clear(&s);
}

static void wrong_claims_are_refused(void **state)
{
    struct oidc_scene s;
    struct oidc_caller caller;
    oidc_scene_init(&s, *state, "");
    char many[65 * 4 + 64] = "'whorl_tenant':'default','realm':{'roles':['x'";
    for (int i = 0; i < 64; i++) {
        strcat(many, ",'x'");
    }
    strcat(many, "]}");
    assert_error(scene_check(&s, 0, "", &caller), ERR_UNAUTHORIZED, "no tenant (claim whorl_tenant)");
    assert_error(scene_check(&s, 0, "'whorl_tenant':''", &caller), ERR_UNAUTHORIZED, "no tenant");
    assert_error(scene_check(&s, 0, "'whorl_tenant':7", &caller), ERR_UNAUTHORIZED, "no tenant");
    assert_error(scene_check(&s, 0, "'whorl_tenant':['default']", &caller), ERR_UNAUTHORIZED, "no tenant");
    assert_error(scene_check(&s, 0, "'whorl_tenant':'other'", &caller), ERR_UNAUTHORIZED, "not here");
    assert_error(scene_check(&s, 0, "'whorl_tenant':'default','realm':{'roles':{'reader':1}}", &caller),
                 ERR_UNAUTHORIZED, "no list");
    assert_error(scene_check(&s, 0, many, &caller), ERR_UNAUTHORIZED, "more than 64");
    assert_error(scene_check(&s, 0, "'nbf':99999999999", &caller), ERR_UNAUTHORIZED, "nbf");
    oidc_scene_clear(&s);
}

/* Another name for another person, the same for the same one. */
static void names_are_of_issuer_and_subject(void **state)
{
    struct oidc_scene s;
    struct oidc_caller first, again, other;
    AUTO_VAL(buf) text = {0};
    char payload[256];
    oidc_scene_init(&s, *state, "default");
    assert_ok(scene_check(&s, 0, "", &first));
    assert_ok(scene_check(&s, 0, "'realm.roles':['reader']", &again));
    assert_string_equal(first.name, again.name);
    (void)snprintf(payload, sizeof payload,
                   "{\"iss\":\"" ISSUER "\",\"aud\":\"whorl\",\"sub\":\"bert\",\"exp\":%lld}",
                   (long long)(s.f.clock.at_ms / 1000 + 300));
    jwt_make(&text, "{\"alg\":\"ES256\",\"kid\":\"k0\"}", payload, s.keys[0], "ES256");
    assert_ok(oidc_check(s.f.fleet, buf_view(&text), "r-1", &other));
    assert_string_not_equal(first.name, other.name);
    oidc_scene_clear(&s);
}

struct counted {
    const char *actor;
    int seen;
};

static err_t count_seen(struct db_tx *tx, void *arg);

static void the_log_names_the_subject_once_a_day(void **state)
{
    struct oidc_scene s;
    struct oidc_caller caller;
    oidc_scene_init(&s, *state, "default");
    struct counted counted = {.seen = 0};
    for (int i = 0; i < 5; i++) {
        assert_ok(scene_check(&s, 0, "", &caller));
    }
    counted.actor = caller.name;
    assert_ok(db_read(s.f.db, count_seen, &counted));
    assert_int_equal(counted.seen, 1);
    manual_clock_advance(&s.f.clock, 25 * 60 * MINUTE);
    assert_ok(scene_check(&s, 0, "", &caller));
    assert_ok(scene_check(&s, 0, "", &caller));
    counted.seen = 0;
    assert_ok(db_read(s.f.db, count_seen, &counted));
    assert_int_equal(counted.seen, 2);
    oidc_scene_clear(&s);
}

/* --- when the issuer is asked */

static void a_new_key_is_fetched_and_unknown_ones_are_not_hammered(void **state)
{
    struct oidc_scene s;
    struct oidc_caller caller;
    oidc_scene_init(&s, *state, "default");
    assert_ok(scene_check(&s, 0, "", &caller));
    assert_int_equal(s.fetches, 1);
    s.published = 2; /* the issuer rotates */
    assert_ok(scene_check(&s, 1, "", &caller));
    assert_int_equal(s.fetches, 2);
    assert_ok(scene_check(&s, 0, "", &caller));
    for (int i = 0; i < 200; i++) { /* half a minute of rubbish */
        assert_error(scene_check(&s, 7, "", &caller), ERR_UNAUTHORIZED, "lists no key");
        manual_clock_advance(&s.f.clock, 150);
    }
    assert_int_equal(s.fetches, 2);
    manual_clock_advance(&s.f.clock, MINUTE);
    for (int i = 0; i < 200; i++) {
        assert_error(scene_check(&s, 7, "", &caller), ERR_UNAUTHORIZED, "lists no key");
    }
    assert_int_equal(s.fetches, 3);
    /* a key that is gone from the list is gone here */
    s.published = 1;
    manual_clock_advance(&s.f.clock, 61 * MINUTE);
    assert_ok(oidc_refresh(s.f.fleet, s.f.clock.at_ms));
    assert_error(scene_check(&s, 1, "", &caller), ERR_UNAUTHORIZED, "lists no key");
    oidc_scene_clear(&s);
}

static void the_job_follows_max_age_within_bounds(void **state)
{
    static const struct {
        int64_t max_age_s;
        int minutes;
    } table[] = {{-1, 60}, {0, 5}, {10, 5}, {1800, 30}, {INT32_MAX, 24 * 60}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct oidc_scene s;
        oidc_scene_init(&s, *state, "default");
        s.max_age_s = table[i].max_age_s;
        assert_ok(oidc_refresh(s.f.fleet, s.f.clock.at_ms));
        assert_int_equal(s.fetches, 1);
        manual_clock_advance(&s.f.clock, (int64_t)table[i].minutes * MINUTE - 1);
        assert_ok(oidc_refresh(s.f.fleet, s.f.clock.at_ms));
        assert_int_equal(s.fetches, 1);
        manual_clock_advance(&s.f.clock, 1);
        assert_ok(oidc_refresh(s.f.fleet, s.f.clock.at_ms));
        assert_int_equal(s.fetches, 2);
        oidc_scene_clear(&s);
    }
}

static void old_keys_serve_a_day_while_the_issuer_is_down(void **state)
{
    struct oidc_scene s;
    struct oidc_caller caller;
    oidc_scene_init(&s, *state, "default");
    s.max_age_s = 600;
    assert_ok(scene_check(&s, 0, "", &caller));
    s.is_down = true;
    s.discoveries = 0;
    for (int minute = 0; minute < 10 + 24 * 60; minute++) {
        assert_ok(oidc_refresh(s.f.fleet, s.f.clock.at_ms));
        assert_ok(scene_check(&s, 0, "", &caller));
        manual_clock_advance(&s.f.clock, MINUTE);
    }
    assert_true(s.discoveries > 1000 && s.discoveries <= 24 * 60 + 10);
    assert_error(scene_check(&s, 0, "", &caller), ERR_UNAVAILABLE, "could not be fetched");
    s.is_down = false;
    manual_clock_advance(&s.f.clock, MINUTE);
    assert_ok(scene_check(&s, 0, "", &caller));
    oidc_scene_clear(&s);
}

static void an_issuer_that_is_not_there_is_asked_every_five_seconds(void **state)
{
    struct oidc_scene s;
    struct oidc_caller caller;
    oidc_scene_init(&s, *state, "default");
    s.is_down = true;
    for (int i = 0; i < 50; i++) {
        assert_error(scene_check(&s, 0, "", &caller), ERR_UNAVAILABLE, "could not be fetched");
        manual_clock_advance(&s.f.clock, 199);
    }
    assert_int_equal(s.discoveries, 2); /* in ten seconds */
    s.is_down = false;
    manual_clock_advance(&s.f.clock,
                         -30 * MINUTE); /* a clock that is set back must not stop it for half an hour */
    assert_ok(scene_check(&s, 0, "", &caller));
    oidc_scene_clear(&s);
}

static void what_the_issuer_says_of_itself_must_be_right(void **state)
{
    struct oidc_scene s;
    struct oidc_caller caller;
    oidc_scene_init(&s, *state, "default");
    s.issuer = ISSUER "/";
    assert_error(scene_check(&s, 0, "", &caller), ERR_UNAVAILABLE, "");
    s.issuer = ISSUER;
    s.status = 302;
    manual_clock_advance(&s.f.clock, MINUTE);
    assert_error(scene_check(&s, 0, "", &caller), ERR_UNAVAILABLE, "");
    s.status = 200;
    s.published = 0; /* an empty set is no reason to forget, and none to accept */
    manual_clock_advance(&s.f.clock, MINUTE);
    assert_error(scene_check(&s, 0, "", &caller), ERR_UNAVAILABLE, "");
    assert_int_equal(s.fetches, 1);
    s.published = 1;
    manual_clock_advance(&s.f.clock, MINUTE);
    assert_ok(scene_check(&s, 0, "", &caller));
    s.published = 0;
    manual_clock_advance(&s.f.clock, 60 * MINUTE);
    assert_ok(oidc_refresh(s.f.fleet, s.f.clock.at_ms));
    assert_ok(scene_check(&s, 0, "", &caller));
    oidc_scene_clear(&s);
}

/* --- documents and settings */

static void discovery_documents_are_read(void **state)
{
    (void)state;
    char url[OIDC_URL_SIZE];
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "<html>",
        "{\"issuer\":\"https://a.test/\",\"jwks_uri\":\"https://a.test/k\"}",
        "{\"issuer\":\"https://b.test\",\"jwks_uri\":\"https://a.test/k\"}",
        "{\"issuer\":[\"https://a.test\"],\"jwks_uri\":\"https://a.test/k\"}",
        "{\"issuer\":\"https://a.test\"}",
        "{\"issuer\":\"https://a.test\",\"jwks_uri\":7}",
        "{\"issuer\":\"https://a.test\",\"issuer\":\"https://b.test\",\"jwks_uri\":\"x\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_error(oidc_read_discovery(bytes_str(bad[i]), "https://a.test", url), ERR_UNPROCESSABLE,
                     "discovery");
    }
    assert_ok(oidc_read_discovery(
        bytes_str("{\"issuer\":\"https://a.test\",\"x\":1,\"jwks_uri\":\"https://a.test/k\"}"),
        "https://a.test", url));
    assert_string_equal(url, "https://a.test/k");
}

static void wrong_settings_are_refused_at_the_start(void **state)
{
    struct oidc_scene s;
    struct fleet *fleet = NULL;
    oidc_scene_init(&s, *state, "default");
    static const char *const issuers[] = {
        "issuer.test",           "ftp://issuer.test",    "https://issuer.test/?x", "https://issuer.test/#x",
        "https://u@issuer.test", "https://issuer.test/ "};
    struct fleet_options options = s.f.options;
    for (size_t i = 0; i < sizeof issuers / sizeof issuers[0]; i++) {
        options.oidc.issuer = issuers[i];
        assert_error(fleet_new(&options, &fleet), ERR_UNPROCESSABLE, "issuer");
    }
    options.oidc.issuer = ISSUER;
    options.oidc.audience = "";
    assert_error(fleet_new(&options, &fleet), ERR_UNPROCESSABLE, "audience");
    options.oidc.audience = "whorl";
    options.oidc.fetch = NULL;
    options.outbound = NULL;
    assert_error(fleet_new(&options, &fleet), ERR_UNPROCESSABLE, "calls to others");
    assert_true(oidc_is_on(s.f.fleet));
    options.oidc.issuer = "";
    assert_ok(fleet_new(&options, &fleet));
    assert_false(oidc_is_on(fleet));
    struct oidc_caller caller;
    assert_error(oidc_check(fleet, bytes_str("a.b.c"), "r", &caller), ERR_UNAUTHORIZED, "no OIDC issuer");
    assert_ok(oidc_refresh(fleet, s.f.clock.at_ms));
    fleet_free(fleet);
    oidc_scene_clear(&s);
}

static err_t on_count(const struct db_row *row, void *arg)
{
    struct counted *counted = arg;
    char body[256];
    TRY(db_row_text(row, 0, body, sizeof body));
    assert_non_null(strstr(body, "\"subject\":\"anna\""));
    counted->seen++;
    return OK;
}

static err_t count_seen(struct db_tx *tx, void *arg)
{
    struct counted *counted = arg;
    return db_run(tx, "SELECT body FROM audit WHERE kind = 'oidc.seen' AND actor = $1",
                  DB_VALUES(DB_T(counted->actor)), on_count, counted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims_become_tenant_and_scopes),
        cmocka_unit_test(wrong_claims_are_refused),
        cmocka_unit_test(names_are_of_issuer_and_subject),
        cmocka_unit_test(the_log_names_the_subject_once_a_day),
        cmocka_unit_test(a_new_key_is_fetched_and_unknown_ones_are_not_hammered),
        cmocka_unit_test(the_job_follows_max_age_within_bounds),
        cmocka_unit_test(old_keys_serve_a_day_while_the_issuer_is_down),
        cmocka_unit_test(an_issuer_that_is_not_there_is_asked_every_five_seconds),
        cmocka_unit_test(what_the_issuer_says_of_itself_must_be_right),
        cmocka_unit_test(discovery_documents_are_read),
        cmocka_unit_test(wrong_settings_are_refused_at_the_start),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
