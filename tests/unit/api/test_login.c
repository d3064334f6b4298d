/* People over REST: from the invitation to the session and its end; what fails, and what a failure tells. */
#include "tests/unit/api/people_fixture.h"

static void from_the_invitation_to_whoami(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct human ada;
    char code[7];
    invite(h, &ada, "ada", "[\"operator\"]");
    assert_int_equal(log_in_with(h, &ada, "totp", "123456", &reply), 401);
    assert_int_equal(accept_as(h, &ada, &reply), 200);
    assert_string_equal(reply_header(&reply, "Cache-Control"), "no-store");
    assert_int_equal(strlen(ada.totp_secret), 32);
    assert_has(text_at(&reply, "otpauth_uri"), "otpauth://totp/Whorl:ada?secret=");
    assert_has(text_at(&reply, "otpauth_uri"), ada.totp_secret);
    /* not before the first code */
    totp_at(ada.totp_secret, h->clock.at_ms, code);
    assert_int_equal(log_in_with(h, &ada, "totp", code, &reply), 401);
    assert_int_equal(confirm_with(h, &ada, code, &reply), 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "recovery_codes")), RECOVERY_CODES);
    /* the code that confirmed is used */
    assert_int_equal(log_in_with(h, &ada, "totp", code, &reply), 401);
    manual_clock_advance(&h->clock, 30000);
    assert_int_equal(log_in(h, &ada, &reply), 200);
    assert_string_equal(reply_header(&reply, "Cache-Control"), "no-store");
    assert_int_equal(strncmp(ada.session, "whorls_", 7), 0);
    struct call call = {.method = HTTP_GET, .route = WHOAMI, .token = ada.session};
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "kind"), "user");
    assert_string_equal(text_at(&reply, "name"), "ada");
    assert_string_equal(text_at(&reply, "user_id"), ada.id);
    assert_string_equal(text_at(&reply, "tenant"), "default");
    assert_string_equal(json_string_value(json_array_get(json_object_get(reply.json, "roles"), 0)),
                        "operator");
    assert_int_equal(status_of(h, ada.session, "/api/v1/devices"), 200);
    assert_int_equal(status_of(h, ada.session, "/api/v1/tokens"), 403);
    call = rest(h, HTTP_GET, USER, NULL);
    call.param = ada.id;
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), "active");
    assert_true(text_at(&reply, "last_login_at")[0] != '\0');
    assert_null(json_object_get(reply.json, "invitation"));
}

static void an_invitation_is_good_once_and_for_a_week(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct human ada, bob;
    char code[7], former[64];
    invite(h, &ada, "ada", "[]");
    assert_int_equal(confirm_with(h, &ada, "123456", &reply), 409); /* accept comes first */
    assert_int_equal(accept_as(h, &ada, &reply), 200);
    memcpy(former, ada.totp_secret, sizeof former);
    assert_int_equal(accept_as(h, &ada, &reply), 200); /* the answer was lost: a new secret */
    assert_string_not_equal(former, ada.totp_secret);
    totp_at(former, h->clock.at_ms, code);
    assert_int_equal(confirm_with(h, &ada, code, &reply), 401);
    totp_at(ada.totp_secret, h->clock.at_ms, code);
    assert_int_equal(confirm_with(h, &ada, code, &reply), 200);
    assert_int_equal(confirm_with(h, &ada, code, &reply), 401);
    assert_int_equal(accept_as(h, &ada, &reply), 401);
    invite(h, &bob, "bob", "[]");
    manual_clock_advance(&h->clock, INT64_C(7) * 24 * 3600 * 1000);
    assert_int_equal(accept_as(h, &bob, &reply), 401);
    assert_string_equal(reply_header(&reply, "WWW-Authenticate"), "Bearer realm=\"whorl\"");
    assert_int_equal(user_action(h, NULL, "reset", bob.id, &reply), 200);
    keep(&reply, "invitation", bob.invitation, sizeof bob.invitation);
    bob.invitation[30] = bob.invitation[30] == 'a' ? 'b' : 'a';
    assert_int_equal(accept_as(h, &bob, &reply), 401);
}

static void passwords_that_everybody_tries_are_refused(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct human ada;
    char longest[160];
    static const char *const bad[] = {"short",         "elevenchars",      "password1234",
                                      "PassWord1234",  "aaaaaaaaaaaaaaaa", "ada.lovelace.1",
                                      "Ada.Lovelace.1"};
    invite(h, &ada, "ada.lovelace.1", "[]");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ada.password = bad[i];
        assert_int_equal(accept_as(h, &ada, &reply), 422);
        assert_true(has_pointer(&reply, "/password"));
        assert_null(strstr(buf_str(&reply.response.body), bad[i]));
    }
    memset(longest, 'x', sizeof longest);
    longest[0] = 'y';
    longest[129] = '\0';
    ada.password = longest;
    assert_int_equal(accept_as(h, &ada, &reply), 422);
    longest[128] = '\0';
    assert_int_equal(accept_as(h, &ada, &reply), 200);
    ada.password = "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xe2\x82\xac-\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f-9"; /* 12 */
    assert_int_equal(accept_as(h, &ada, &reply), 200);
}

/* Whatever was wrong, the answer is the same to the letter. */
static void a_failure_tells_nothing(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct human ada, gone;
    char code[7], first[256] = "";
    person_make(h, &ada, "ada", "[\"auditor\"]");
    person_make(h, &gone, "gone", "[\"auditor\"]");
    assert_int_equal(user_action(h, NULL, "disable", gone.id, &reply), 200);
    totp_at(ada.totp_secret, h->clock.at_ms, code);
    const struct {
        const char *tenant, *name, *password, *key, *value;
    } bad[] = {{"default", "ada", "wrong-password-1", "totp", code},
               {"default", "nobody", people_password, "totp", code},
               {"nowhere", "ada", people_password, "totp", code},
               {"default", "ada", people_password, "totp", "000000"},
               {"default", "ada", people_password, "totp", "x"},
               {"default", "ada", people_password, "recovery_code", "aaaa-aaaa-aaaa-aaaa"},
               {"default", "ada", people_password, "recovery_code", "?"},
               {"default", "gone", people_password, "recovery_code", gone.recovery[0]}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct human p = {.tenant = bad[i].tenant, .name = bad[i].name, .password = bad[i].password};
        assert_int_equal(log_in_with(h, &p, bad[i].key, bad[i].value, &reply), 401);
        if (i == 0) {
            (void)snprintf(first, sizeof first, "%s", buf_str(&reply.response.body));
        }
        assert_string_equal(buf_str(&reply.response.body), first);
        assert_int_equal(p.session[0], '\0');
    }
    assert_int_equal(log_in_with(h, &ada, "totp", code, &reply), 200);
}

static void who_guesses_waits(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct human ada;
    int waits = 0;
    person_make(h, &ada, "ada", "[]");
    ada.password = "wrong-password-1";
    for (int i = 0; i < 14; i++) {
        int status = log_in(h, &ada, &reply);
        assert_true(status == 401 || status == 429);
        waits += status == 429;
    }
    assert_true(waits >= 1);
    assert_int_equal(log_in(h, &ada, &reply), 429);
    assert_true(atoi(reply_header(&reply, "Retry-After")) >= 1);
    ada.password = people_password;
    assert_int_equal(log_in(h, &ada, &reply), 429); /* from here; the account is open elsewhere */
    manual_clock_advance(&h->clock, 120000);
    assert_int_equal(log_in(h, &ada, &reply), 200);
}

static void a_code_is_good_once(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct human ada;
    char code[7], early[7];
    invite(h, &ada, "ada", "[]");
    activate(h, &ada);
    totp_at(ada.totp_secret, h->clock.at_ms, code);
    assert_int_equal(log_in_with(h, &ada, "totp", code, &reply), 200);
    assert_int_equal(log_in_with(h, &ada, "totp", code, &reply), 401);
    totp_at(ada.totp_secret, h->clock.at_ms - 30000, early);
    assert_int_equal(log_in_with(h, &ada, "totp", early, &reply), 401); /* before the one that was used */
    manual_clock_advance(&h->clock, 60000);
    totp_at(ada.totp_secret, h->clock.at_ms - 30000, code);
    assert_int_equal(log_in_with(h, &ada, "totp", code, &reply), 200); /* a slow typist */
    totp_at(ada.totp_secret, h->clock.at_ms + 60000, code);
    assert_int_equal(log_in_with(h, &ada, "totp", code, &reply), 401); /* two steps ahead */
    assert_int_equal(log_in_with(h, &ada, "recovery_code", ada.recovery[3], &reply), 200);
    assert_int_equal(log_in_with(h, &ada, "recovery_code", ada.recovery[3], &reply), 401);
    ada.recovery[4][0] =
        (char)(ada.recovery[4][0] >= 'a' ? ada.recovery[4][0] - 'a' + 'A' : ada.recovery[4][0]);
    ada.recovery[4][4] = ' ';
    assert_int_equal(log_in_with(h, &ada, "recovery_code", ada.recovery[4], &reply), 200);
}

static void a_session_ends(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct human ada;
    char first[TOKEN_TEXT_SIZE];
    person_make(h, &ada, "ada", "[]");
    memcpy(first, ada.session, sizeof first);
    manual_clock_advance(&h->clock, 59 * 60000); /* used in time: an hour more */
    assert_int_equal(status_of(h, ada.session, WHOAMI), 200);
    manual_clock_advance(&h->clock, 59 * 60000);
    assert_int_equal(status_of(h, ada.session, WHOAMI), 200);
    manual_clock_advance(&h->clock, 60 * 60000);
    struct call call = {.method = HTTP_GET, .route = WHOAMI, .token = ada.session};
    assert_status(h, &call, &reply, 401);
    assert_string_equal(text_at(&reply, "type"), "/problems/token-expired");
    assert_int_equal(log_in(h, &ada, &reply), 200);
    for (int i = 0; i < 13; i++) { /* however busy: twelve hours */
        manual_clock_advance(&h->clock, 55 * 60000);
        assert_int_equal(status_of(h, ada.session, WHOAMI), 200);
    }
    manual_clock_advance(&h->clock, 10 * 60000);
    assert_int_equal(status_of(h, ada.session, WHOAMI), 401);
    assert_int_equal(log_in(h, &ada, &reply), 200);
    call = rest(h, HTTP_POST, "/api/v1/logout", NULL);
    assert_status(h, &call, &reply, 409); /* a token has no session */
    call.token = ada.session;
    assert_status(h, &call, &reply, 204);
    assert_int_equal(status_of(h, ada.session, WHOAMI), 401);
    ada.session[20] = ada.session[20] == 'a' ? 'b' : 'a';
    assert_int_equal(status_of(h, ada.session, WHOAMI), 401);
}

static void sessions_are_seen_and_revoked(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct human ada, bob;
    char id[TOKEN_ID_TEXT_SIZE], old[TOKEN_TEXT_SIZE];
    person_make(h, &ada, "ada", "[\"factory\"]");
    person_make(h, &bob, "bob", "[\"admin\"]");
    memcpy(old, ada.session, sizeof old);
    assert_int_equal(log_in(h, &ada, &reply), 200);
    struct call call = {.method = HTTP_GET, .route = "/api/v1/sessions", .token = ada.session};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "sessions")), 2);
    assert_null(strstr(buf_str(&reply.response.body), "whorls_"));
    call.token = bob.session;
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "sessions")), 3);
    /* another's session is nowhere for whoever may not touch it */
    (void)snprintf(id, sizeof id, "%.16s", bob.session + strlen("whorls_"));
    call = rest(h, HTTP_POST, "/api/v1/sessions/{id}/revoke", NULL);
    call.param = id;
    call.token = ada.session;
    assert_status(h, &call, &reply, 404);
    (void)snprintf(id, sizeof id, "%.16s", old + strlen("whorls_"));
    assert_status(h, &call, &reply, 204);
    assert_int_equal(status_of(h, old, WHOAMI), 401);
    (void)snprintf(id, sizeof id, "%.16s", ada.session + strlen("whorls_"));
    call.token = bob.session;
    assert_status(h, &call, &reply, 204);
    assert_int_equal(status_of(h, ada.session, WHOAMI), 401);
    assert_status(h, &call, &reply, 404);
    call.param = "nonsense";
    assert_status(h, &call, &reply, 400);
    char token[TOKEN_TEXT_SIZE];
    other_tenant(h, "acme", (uint32_t)SCOPE_ADMIN, token);
    (void)snprintf(id, sizeof id, "%.16s", bob.session + strlen("whorls_"));
    call.param = id;
    call.token = token;
    assert_status(h, &call, &reply, 404);
    other_tenant(h, "few", (uint32_t)SCOPE_DEVICES_READ, token);
    call = (struct call){.method = HTTP_GET, .route = "/api/v1/sessions", .token = token};
    assert_status(h, &call, &reply, 403);
    assert_has(text_at(&reply, "detail"), "users:read");
    assert_bad_pages(h, "/api/v1/sessions", "sessions");
}

static int change_password(struct house *h, const struct human *p, const char *old, const char *fresh,
                           struct reply *reply)
{
    AUTO_VAL(buf) body = {0};
    char code[7];
    totp_at(p->totp_secret, h->clock.at_ms, code);
    assert_ok(buf_printf(&body, "{\"old_password\":\"%s\",\"new_password\":\"%s\",\"totp\":\"%s\"}", old,
                         fresh, code));
    struct call call = open_call("/api/v1/me/password", buf_str(&body));
    call.token = p->session;
    return send_call(h, &call, reply);
}

static void a_password_is_changed_by_its_owner(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct human ada;
    char old[TOKEN_TEXT_SIZE];
    static const char fresh[] = "another-good-secret";
    person_make(h, &ada, "ada", "[]");
    memcpy(old, ada.session, sizeof old);
    assert_int_equal(log_in(h, &ada, &reply), 200);
    assert_int_equal(change_password(h, &ada, people_password, fresh, &reply), 422); /* the code was used */
    manual_clock_advance(&h->clock, 30000);
    assert_int_equal(change_password(h, &ada, "wrong-password-1", fresh, &reply), 422);
    assert_int_equal(change_password(h, &ada, people_password, "password1234", &reply), 422);
    assert_true(has_pointer(&reply, "/new_password"));
    assert_int_equal(status_of(h, old, WHOAMI), 200);
    assert_int_equal(change_password(h, &ada, people_password, fresh, &reply), 204);
    assert_int_equal(status_of(h, old, WHOAMI), 401); /* all other sessions ended */
    assert_int_equal(status_of(h, ada.session, WHOAMI), 200);
    manual_clock_advance(&h->clock, 30000);
    assert_int_equal(log_in(h, &ada, &reply), 401);
    ada.password = fresh;
    assert_int_equal(log_in(h, &ada, &reply), 200);
    struct call call = rest(h, HTTP_POST, "/api/v1/me/password",
                            "{\"old_password\":\"a\",\"new_password\":\"b\",\"totp\":\"1\"}");
    assert_status(h, &call, &reply, 409); /* a token has none */
}

static void bad_bodies(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    static const struct {
        const char *route, *body;
        int status;
    } bad[] = {
        {LOGIN, "", 400},
        {LOGIN, "[]", 422},
        {LOGIN, "{}", 422},
        {LOGIN, "{\"name\":1,\"password\":\"x\",\"totp\":\"1\"}", 422},
        {LOGIN, "{\"name\":\"a\",\"password\":\"x\"}", 422},
        {LOGIN, "{\"name\":\"a\",\"password\":\"x\",\"totp\":\"1\",\"recovery_code\":\"1\"}", 422},
        {LOGIN, "{\"name\":\"a\",\"password\":\"x\",\"totp\":\"1\",\"code\":\"1\"}", 422},
        {LOGIN, "{\"name\":\"a\",\"name\":\"b\",\"password\":\"x\",\"totp\":\"1\"}", 400},
        {LOGIN, "{\"name\":\"a\\u0000\",\"password\":\"x\",\"totp\":\"1\"}", 400},
        {ACCEPT, "{\"code\":\"x\"}", 422},
        {ACCEPT, "{\"code\":\"x\",\"password\":\"mint-gravel-otter-7\"}", 401},
        {CONFIRM, "{\"code\":\"x\",\"totp\":\"123456\"}", 401},
        {CONFIRM, "{\"code\":\"x\",\"totp\":\"123456\",\"password\":\"x\"}", 422},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct call call = open_call(bad[i].route, bad[i].body);
        int status = send_call(h, &call, &reply);
        if (status != bad[i].status) {
            fail_msg("%s %s: %d, %s", bad[i].route, bad[i].body, status, buf_str(&reply.response.body));
        }
    }
    struct call call = open_call(LOGIN, "name=a");
    call.type = "application/x-www-form-urlencoded";
    assert_status(h, &call, &reply, 415);
    call = open_call(LOGIN, "{}");
    call.query[0] = (struct http_field){"password", "x"};
    assert_status(h, &call, &reply, 400);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(from_the_invitation_to_whoami),
        TEST(an_invitation_is_good_once_and_for_a_week),
        TEST(passwords_that_everybody_tries_are_refused),
        TEST(a_failure_tells_nothing),
        TEST(who_guesses_waits),
        TEST(a_code_is_good_once),
        TEST(a_session_ends),
        TEST(sessions_are_seen_and_revoked),
        TEST(a_password_is_changed_by_its_owner),
        TEST(bad_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
