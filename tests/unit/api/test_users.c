/* Users and roles over REST: who may give what, what takes effect when, walls between tenants. */
#include "tests/unit/api/people_fixture.h"

static struct call about(const struct house *h, enum http_method method, const char *route, const char *param,
                         const char *body)
{
    struct call call = rest(h, method, route, body);
    call.param = param;
    return call;
}

static void make_role(struct house *h, const char *name, const char *scopes)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) body = {0};
    assert_ok(buf_printf(&body, "{\"name\":\"%s\",\"description\":\"d\",\"scopes\":%s}", name, scopes));
    struct call call = rest(h, HTTP_POST, ROLES, buf_str(&body));
    assert_status(h, &call, &reply, 201);
    assert_has(reply_header(&reply, "Location"), name);
}

static void every_tenant_has_the_roles(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char token[TOKEN_TEXT_SIZE];
    static const char *const names[] = {"admin", "auditor", "factory", "firmware", "operator"};
    other_tenant(h, "acme", (uint32_t)SCOPE_ADMIN, token);
    for (int tenant = 0; tenant < 2; tenant++) {
        struct call call = rest(h, HTTP_GET, ROLES, NULL);
        call.token = tenant == 0 ? h->admin : token;
        assert_status(h, &call, &reply, 200);
        json_t *roles = json_object_get(reply.json, "roles");
        assert_int_equal(json_array_size(roles), 5);
        for (size_t i = 0; i < 5; i++) {
            json_t *role = json_array_get(roles, i);
            assert_string_equal(json_string_value(json_object_get(role, "name")), names[i]);
            assert_true(json_is_true(json_object_get(role, "built_in")));
        }
    }
    assert_bad_pages(h, ROLES, "roles");
    struct call call = rest(h, HTTP_GET, ROLES, NULL);
    call.query[0] = (struct http_field){"limit", "2"};
    assert_status(h, &call, &reply, 200);
    char cursor[256];
    keep(&reply, "next", cursor, sizeof cursor);
    call.query[1] = (struct http_field){"cursor", cursor};
    assert_status(h, &call, &reply, 200);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(json_object_get(reply.json, "roles"), 0), "name")),
        "factory");
}

static void a_role_is_made_changed_and_removed(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct human ada;
    make_role(h, "line", "[\"devices:register\"]");
    struct call call = rest(h, HTTP_POST, ROLES, "{\"name\":\"line\",\"scopes\":[\"devices:read\"]}");
    assert_status(h, &call, &reply, 409);
    person_make(h, &ada, "ada", "[\"line\"]");
    assert_int_equal(status_of(h, ada.session, "/api/v1/devices"), 403);
    call = change(h, ROLE, "line", "\"1\"", "{\"scopes\":[\"devices:register\",\"devices:read\"]}");
    assert_status(h, &call, &reply, 200);
    assert_int_equal(status_of(h, ada.session, "/api/v1/devices"), 200); /* with the next request */
    call = about(h, HTTP_DELETE, ROLE, "line", NULL);
    assert_status(h, &call, &reply, 409);
    assert_has(text_at(&reply, "detail"), "users have the role line");
    call = change(h, USER, ada.id, "*", "{\"roles\":[]}");
    assert_status(h, &call, &reply, 200);
    assert_int_equal(status_of(h, ada.session, "/api/v1/devices"), 403);
    call = about(h, HTTP_DELETE, ROLE, "line", NULL);
    call.headers[0] = (struct http_field){"If-Match", "\"1\""};
    assert_status(h, &call, &reply, 412);
    call.headers[0].value = "\"2\"";
    assert_status(h, &call, &reply, 204);
    assert_status(h, &call, &reply, 404);
    call = about(h, HTTP_DELETE, ROLE, "auditor", NULL);
    assert_status(h, &call, &reply, 409);
    assert_has(text_at(&reply, "detail"), "built in");
    call = change(h, ROLE, "admin", "*", "{\"scopes\":[\"devices:read\"]}");
    assert_status(h, &call, &reply, 409);
    call = change(h, ROLE, "auditor", NULL, "{\"description\":\"x\"}");
    assert_status(h, &call, &reply, 428);
    call = change(h, ROLE, "auditor", "\"7\"", "{\"description\":\"x\"}");
    assert_status(h, &call, &reply, 412);
    call = change(h, ROLE, "auditor", "\"1\"", "{\"description\":\"sees\"}");
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "description"), "sees");
}

static void wrong_fields_are_named(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_POST, ROLES, "{\"name\":\"a b\",\"scopes\":[\"x\"],\"colour\":1}");
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/name") && has_pointer(&reply, "/scopes/0") &&
                has_pointer(&reply, "/colour"));
    call = rest(h, HTTP_POST, ROLES, "{\"name\":\"a\",\"scopes\":[]}");
    assert_status(h, &call, &reply, 422);
    call = rest(h, HTTP_POST, USERS,
                "{\"name\":\"Ada L\",\"roles\":[\"admin\",\"admin\",\"x y\"],\"password\":\"mine\"}");
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/roles/1") && has_pointer(&reply, "/roles/2") &&
                has_pointer(&reply, "/password"));
    call = rest(h, HTTP_POST, USERS, "{\"name\":\"Ada L\",\"roles\":[]}");
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/name"));
    call = rest(h, HTTP_POST, USERS, "{\"name\":\"ada\",\"roles\":[\"nothing\"]}");
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/roles/0"));
    call = rest(h, HTTP_POST, USERS, "{\"name\":\"ada\"}");
    assert_status(h, &call, &reply, 422);
    call = about(h, HTTP_GET, USER, "nonsense", NULL);
    assert_status(h, &call, &reply, 400);
    call = rest(h, HTTP_GET, USERS, NULL);
    call.query[0] = (struct http_field){"state", "asleep"};
    assert_status(h, &call, &reply, 400);
    call.query[0].value = "active";
    call.query[1] = (struct http_field){"role", "admin"};
    assert_status(h, &call, &reply, 400);
    call.query[0] = (struct http_field){"role", "nothing"};
    call.query[1].name = NULL;
    assert_status(h, &call, &reply, 404);
}

static void nobody_gives_what_they_do_not_have(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct human keeper, admin, reader;
    make_role(h, "keeper", "[\"users:read\",\"users:write\",\"devices:read\"]");
    make_role(h, "reader", "[\"devices:read\"]");
    person_make(h, &keeper, "keeper", "[\"keeper\"]");
    invite(h, &admin, "boss", "[\"admin\"]");
    invite(h, &reader, "reader", "[\"reader\"]");
    struct call call = rest(h, HTTP_POST, USERS, "{\"name\":\"more\",\"roles\":[\"reader\",\"admin\"]}");
    call.token = keeper.session;
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/roles/1") && !has_pointer(&reply, "/roles/0"));
    call = change(h, USER, keeper.id, "*", "{\"roles\":[\"keeper\",\"admin\"]}");
    call.token = keeper.session;
    assert_status(h, &call, &reply, 422); /* not to oneself either */
    call = change(h, ROLE, "keeper", "*", "{\"scopes\":[\"users:write\",\"tokens:write\"]}");
    call.token = keeper.session;
    assert_status(h, &call, &reply, 422);
    call = rest(h, HTTP_POST, ROLES, "{\"name\":\"up\",\"scopes\":[\"admin\"]}");
    call.token = keeper.session;
    assert_status(h, &call, &reply, 422);
    /* whoever may do more is not theirs to touch */
    static const char *const actions[] = {"disable", "enable", "reset"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(user_action(h, keeper.session, actions[i], admin.id, &reply), 403);
    }
    call = change(h, USER, admin.id, "*", "{\"display_name\":\"x\"}");
    call.token = keeper.session;
    assert_status(h, &call, &reply, 403);
    assert_int_equal(user_action(h, keeper.session, "disable", reader.id, &reply), 200);
    assert_int_equal(user_action(h, keeper.session, "disable", keeper.id, &reply), 409);
    /* installation is no part of admin */
    char token[TOKEN_TEXT_SIZE];
    other_tenant(h, "acme", (uint32_t)SCOPE_ADMIN, token);
    call = rest(h, HTTP_POST, ROLES, "{\"name\":\"up\",\"scopes\":[\"installation\"]}");
    call.token = token;
    assert_status(h, &call, &reply, 422);
    call.token = h->admin;
    assert_status(h, &call, &reply, 201);
}

static void the_states_of_a_user(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct human ada;
    char old[64];
    person_make(h, &ada, "ada", "[\"auditor\"]");
    assert_int_equal(user_action(h, NULL, "enable", ada.id, &reply), 409);
    assert_has(text_at(&reply, "detail"), "active");
    assert_int_equal(user_action(h, NULL, "disable", ada.id, &reply), 200);
    assert_string_equal(text_at(&reply, "state"), "disabled");
    assert_int_equal(status_of(h, ada.session, WHOAMI), 401); /* with the next request */
    assert_int_equal(log_in(h, &ada, &reply), 401);
    assert_int_equal(user_action(h, NULL, "disable", ada.id, &reply), 200);
    assert_int_equal(user_action(h, NULL, "reset", ada.id, &reply), 409);
    assert_int_equal(user_action(h, NULL, "enable", ada.id, &reply), 200);
    assert_string_equal(text_at(&reply, "state"), "active");
    assert_int_equal(status_of(h, ada.session, WHOAMI), 401); /* sessions do not come back */
    assert_int_equal(log_in(h, &ada, &reply), 200);
    memcpy(old, ada.totp_secret, sizeof old);
    assert_int_equal(user_action(h, NULL, "reset", ada.id, &reply), 200);
    assert_string_equal(text_at(&reply, "state"), "invited");
    assert_string_equal(reply_header(&reply, "Cache-Control"), "no-store");
    keep(&reply, "invitation", ada.invitation, sizeof ada.invitation);
    assert_int_equal(status_of(h, ada.session, WHOAMI), 401);
    manual_clock_advance(&h->clock, 30000);
    assert_int_equal(log_in(h, &ada, &reply), 401);
    assert_int_equal(log_in_with(h, &ada, "recovery_code", ada.recovery[0], &reply), 401);
    activate(h, &ada);
    assert_string_not_equal(old, ada.totp_secret);
    assert_int_equal(log_in(h, &ada, &reply), 200);
    /* an invitation that nobody took up comes back as one */
    struct human bob;
    invite(h, &bob, "bob", "[]");
    assert_int_equal(user_action(h, NULL, "disable", bob.id, &reply), 200);
    assert_int_equal(accept_as(h, &bob, &reply), 401);
    assert_int_equal(user_action(h, NULL, "enable", bob.id, &reply), 200);
    assert_string_equal(text_at(&reply, "state"), "invited");
    assert_int_equal(accept_as(h, &bob, &reply), 200);
}

static size_t count_users(struct house *h, const char *filter, const char *value)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_GET, USERS, NULL);
    call.query[0] = (struct http_field){filter, value};
    assert_status(h, &call, &reply, 200);
    assert_null(strstr(buf_str(&reply.response.body), "whorli_"));
    assert_null(strstr(buf_str(&reply.response.body), "argon2"));
    return json_array_size(json_object_get(reply.json, "users"));
}

static void users_are_listed_by_role_and_state(void **state)
{
    struct house *h = *state;
    struct human ada, bob, eve;
    person_make(h, &ada, "ada", "[\"auditor\",\"factory\"]");
    invite(h, &bob, "bob", "[\"factory\"]");
    invite(h, &eve, "eve", "[]");
    assert_int_equal(count_users(h, NULL, NULL), 3);
    assert_int_equal(count_users(h, "role", "factory"), 2);
    assert_int_equal(count_users(h, "role", "auditor"), 1);
    assert_int_equal(count_users(h, "role", "admin"), 0);
    assert_int_equal(count_users(h, "state", "invited"), 2);
    assert_int_equal(count_users(h, "state", "active"), 1);
    assert_int_equal(count_users(h, "limit", "2"), 2);
    assert_bad_pages(h, USERS, "users");
}

static void an_invitation_is_shown_once(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE];
    struct call call = rest(h, HTTP_POST, USERS, "{\"name\":\"once\",\"roles\":[]}");
    call.headers[0] = (struct http_field){"Idempotency-Key", "u1"};
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    assert_has(reply_header(&reply, "Location"), id);
    assert_status(h, &call, &reply, 409);
    assert_has(text_at(&reply, "detail"), id);
    assert_null(strstr(buf_str(&reply.response.body), "whorli_"));
    call.headers[0].name = NULL;
    assert_status(h, &call, &reply, 409); /* the name is taken */
    assert_int_equal(count_users(h, NULL, NULL), 1);
}

static void tenants_do_not_see_each_other(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct human ada;
    char other[TOKEN_TEXT_SIZE];
    other_tenant(h, "acme", (uint32_t)SCOPE_ADMIN, other);
    person_make(h, &ada, "ada", "[\"admin\"]");
    struct call call = about(h, HTTP_GET, USER, ada.id, NULL);
    call.token = other;
    assert_status(h, &call, &reply, 404);
    call = change(h, USER, ada.id, "*", "{\"display_name\":\"x\"}");
    call.token = other;
    assert_status(h, &call, &reply, 404);
    static const char *const actions[] = {"disable", "enable", "reset"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(user_action(h, other, actions[i], ada.id, &reply), 404);
    }
    make_role(h, "mine", "[\"devices:read\"]");
    call = about(h, HTTP_GET, ROLE, "mine", NULL);
    call.token = other;
    assert_status(h, &call, &reply, 404);
    call = change(h, ROLE, "mine", "*", "{\"description\":\"stolen\"}");
    call.token = other;
    assert_status(h, &call, &reply, 404);
    call = about(h, HTTP_DELETE, ROLE, "mine", NULL);
    call.token = other;
    assert_status(h, &call, &reply, 404);
    call = rest(h, HTTP_POST, USERS, "{\"name\":\"ada\",\"roles\":[\"mine\"]}");
    call.token = other;
    assert_status(h, &call, &reply, 422);
    call = rest(h, HTTP_POST, USERS, "{\"name\":\"ada\",\"roles\":[\"admin\"]}");
    call.token = other;
    assert_status(h, &call, &reply, 201); /* names are a tenant's own */
    ada.tenant = "acme";
    assert_int_equal(log_in(h, &ada, &reply), 401);
    assert_int_equal(status_of(h, ada.session, WHOAMI), 200);
}

static void each_step_is_in_the_audit_log(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct human ada;
    static const char *const kinds[] = {"user.invited", "invitation.accepted", "user.activated",
                                        "login.ok",     "login.failed",        "user.disabled"};
    person_make(h, &ada, "ada", "[\"auditor\"]");
    ada.password = "wrong-password-1";
    assert_int_equal(log_in(h, &ada, &reply), 401);
    assert_int_equal(user_action(h, NULL, "disable", ada.id, &reply), 200);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct call call = rest(h, HTTP_GET, "/api/v1/audit", NULL);
        call.query[0] = (struct http_field){"kind", kinds[i]};
        assert_status(h, &call, &reply, 200);
        assert_has(buf_str(&reply.response.body), kinds[i]);
        assert_has(buf_str(&reply.response.body), "\"category\":\"access_control\"");
        assert_has(buf_str(&reply.response.body), ada.id);
        assert_null(strstr(buf_str(&reply.response.body), ada.totp_secret));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_tenant_has_the_roles),    TEST(a_role_is_made_changed_and_removed),
        TEST(wrong_fields_are_named),        TEST(nobody_gives_what_they_do_not_have),
        TEST(the_states_of_a_user),          TEST(users_are_listed_by_role_and_state),
        TEST(an_invitation_is_shown_once),   TEST(tenants_do_not_see_each_other),
        TEST(each_step_is_in_the_audit_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
