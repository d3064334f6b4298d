/* Tokens over REST: secrets that are shown once, rotation, walls between callers, where a token is good. */
#include "tests/unit/api/resource_fixture.h"

#define TOKENS "/api/v1/tokens"
#define TOKEN  "/api/v1/tokens/{id}"
#define WHOAMI "/api/v1/whoami"

static void make(struct house *h, const char *by, const char *body, struct reply *reply)
{
    struct call call = rest(h, HTTP_POST, TOKENS, body);
    call.token = by;
    assert_status(h, &call, reply, 201);
}

static int whoami(struct house *h, const char *token)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = {.method = HTTP_GET, .route = WHOAMI, .token = token};
    return send_call(h, &call, &reply);
}

static struct call action(const struct house *h, const char *name, const char *id)
{
    struct call call = rest(h, HTTP_POST, name, NULL);
    call.param = id;
    return call;
}

static void keep(const struct reply *reply, const char *name, char *out, size_t size)
{
    (void)snprintf(out, size, "%s", text_at(reply, name));
}

static void a_secret_is_shown_once(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char text[TOKEN_TEXT_SIZE], id[TOKEN_ID_TEXT_SIZE];
    make(h, h->admin, "{\"name\":\"line\",\"scopes\":[\"devices:read\",\"devices:write\"]}", &reply);
    keep(&reply, "token", text, sizeof text);
    keep(&reply, "id", id, sizeof id);
    assert_string_equal(reply_header(&reply, "Cache-Control"), "no-store");
    assert_string_equal(reply_header(&reply, "Location") + strlen(TOKENS "/"), id);
    assert_int_equal(json_array_size(json_object_get(reply.json, "scopes")), 2);
    assert_int_equal(whoami(h, text), 200);
    struct call call = rest(h, HTTP_GET, TOKEN, NULL);
    call.param = id;
    assert_status(h, &call, &reply, 200);
    assert_null(json_object_get(reply.json, "token"));
    assert_null(strstr(buf_str(&reply.response.body), text + 23));
    call = rest(h, HTTP_GET, TOKENS, NULL);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "tokens")), 2);
    assert_null(strstr(buf_str(&reply.response.body), "whorl_"));
    assert_bad_pages(h, TOKENS, "tokens");
}

static void a_repeat_cannot_show_it_again(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[TOKEN_ID_TEXT_SIZE];
    struct call call = rest(h, HTTP_POST, TOKENS, "{\"name\":\"once\",\"scopes\":[\"devices:read\"]}");
    call.headers[0] = (struct http_field){"Idempotency-Key", "t1"};
    assert_status(h, &call, &reply, 201);
    keep(&reply, "id", id, sizeof id);
    assert_status(h, &call, &reply, 409);
    assert_non_null(strstr(text_at(&reply, "detail"), id));
    assert_null(strstr(buf_str(&reply.response.body), "whorl_"));
    call.body = bytes_str("{\"name\":\"twice\",\"scopes\":[\"devices:read\"]}");
    assert_status(h, &call, &reply, 422);
    call = action(h, TOKENS "/{id}/rotate", id);
    call.headers[0] = (struct http_field){"Idempotency-Key", "t2"};
    assert_status(h, &call, &reply, 200);
    assert_status(h, &call, &reply, 409);
    assert_non_null(strstr(text_at(&reply, "detail"), id));
}

static void two_secrets_live_while_it_is_rotated(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char first[TOKEN_TEXT_SIZE], second[TOKEN_TEXT_SIZE], id[TOKEN_ID_TEXT_SIZE];
    make(h, h->admin, "{\"name\":\"r\",\"scopes\":[\"devices:read\"]}", &reply);
    keep(&reply, "token", first, sizeof first);
    keep(&reply, "id", id, sizeof id);
    struct call call = action(h, TOKENS "/{id}/rotate", id);
    assert_status(h, &call, &reply, 200);
    keep(&reply, "token", second, sizeof second);
    assert_string_equal(text_at(&reply, "id"), id);
    assert_string_equal(reply_header(&reply, "Cache-Control"), "no-store");
    assert_int_equal(number_at(&reply, "live_secrets"), 2);
    assert_string_not_equal(first, second);
    assert_int_equal(whoami(h, first), 200);
    assert_int_equal(whoami(h, second), 200);
    assert_status(h, &call, &reply, 409); /* a third one */
    call = action(h, TOKENS "/{id}/drop-old-secret", id);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(number_at(&reply, "live_secrets"), 1);
    assert_null(json_object_get(reply.json, "token"));
    assert_int_equal(whoami(h, first), 401);
    assert_int_equal(whoami(h, second), 200);
    assert_status(h, &call, &reply, 200); /* again: nothing to do */
    call = action(h, TOKENS "/{id}/rotate", id);
    assert_status(h, &call, &reply, 200);
    call = action(h, TOKENS "/{id}/revoke", id);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(number_at(&reply, "live_secrets"), 0);
    assert_int_equal(whoami(h, second), 401);
    call = action(h, TOKENS "/{id}/rotate", id);
    assert_status(h, &call, &reply, 409);
}

static void nobody_gives_what_they_do_not_have(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char keeper[TOKEN_TEXT_SIZE], admin_id[TOKEN_ID_TEXT_SIZE], keeper_id[TOKEN_ID_TEXT_SIZE];
    make(h, h->admin, "{\"name\":\"keeper\",\"scopes\":[\"tokens:write\",\"devices:read\"]}", &reply);
    keep(&reply, "token", keeper, sizeof keeper);
    keep(&reply, "id", keeper_id, sizeof keeper_id);
    (void)snprintf(admin_id, sizeof admin_id, "%.16s", h->admin + strlen("whorl_"));
    make(h, keeper, "{\"name\":\"less\",\"scopes\":[\"devices:read\"]}", &reply);
    struct call call = rest(h, HTTP_POST, TOKENS, "{\"name\":\"more\",\"scopes\":[\"devices:write\"]}");
    call.token = keeper;
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/scopes"));
    call = action(h, TOKENS "/{id}/rotate", admin_id);
    call.token = keeper;
    assert_status(h, &call, &reply, 403); /* its next secret would be a way up */
    call = change(h, TOKEN, admin_id, "*", "{\"allowed_sources\":[]}");
    call.token = keeper;
    assert_status(h, &call, &reply, 403);
    call = action(h, TOKENS "/{id}/rotate", keeper_id);
    call.token = keeper;
    assert_status(h, &call, &reply, 200);
    call = rest(h, HTTP_GET, TOKENS, NULL);
    call.token = keeper;
    assert_status(h, &call, &reply, 403);
    assert_non_null(strstr(text_at(&reply, "detail"), "tokens:read"));
}

static void a_token_is_good_where_it_may_be_used(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char text[TOKEN_TEXT_SIZE], id[TOKEN_ID_TEXT_SIZE];
    /* calls of these tests come from 192.0.2.7 */
    make(h, h->admin,
         "{\"name\":\"here\",\"scopes\":[\"devices:read\"],\"allowed_sources\":[\"192.0.2.9/29\",\"::1\"]}",
         &reply);
    keep(&reply, "token", text, sizeof text);
    keep(&reply, "id", id, sizeof id);
    json_t *sources = json_object_get(reply.json, "allowed_sources");
    assert_string_equal(json_string_value(json_array_get(sources, 0)), "192.0.2.8/29");
    assert_string_equal(json_string_value(json_array_get(sources, 1)), "::1/128");
    assert_int_equal(whoami(h, text), 401);
    struct call call = change(h, TOKEN, id, "\"1\"", "{\"allowed_sources\":[\"192.0.2.0/29\"]}");
    assert_status(h, &call, &reply, 200);
    assert_int_equal(whoami(h, text), 200);
    call = change(h, TOKEN, id, "\"2\"", "{\"allowed_sources\":[]}");
    assert_status(h, &call, &reply, 200);
    assert_int_equal(whoami(h, text), 200);
}

static void every_wrong_field_is_named(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call =
        rest(h, HTTP_POST, TOKENS,
             "{\"name\":\"a b\",\"scopes\":[\"devices:read\",\"root\",1],"
             "\"expires_at\":\"2020-01-01T00:00:00Z\",\"allowed_sources\":[\"10.0.0.0/33\",\"x\"],"
             "\"secret\":\"mine\"}");
    assert_status(h, &call, &reply, 422);
    static const char *const pointers[] = {
        "/name",   "/scopes/1",          "/scopes/2",         "/expires_at",
        "/secret", "/allowed_sources/0", "/allowed_sources/1"};
    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
        if (!has_pointer(&reply, pointers[i])) {
            fail_msg("%s: %s", pointers[i], buf_str(&reply.response.body));
        }
    }
    static const char *const bad[] = {
        "{}",
        "{\"name\":\"n\",\"scopes\":[]}",
        "{\"name\":\"n\",\"scopes\":[\"devices:read\"],\"expires_at\":\"2028-01-01T00:00:00Z\"}",
        "{\"name\":\"n\",\"scopes\":[\"devices:read\"],\"expires_at\":1}",
        "{\"name\":\"n\",\"scopes\":\"devices:read\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        call = rest(h, HTTP_POST, TOKENS, bad[i]);
        assert_status(h, &call, &reply, 422);
    }
    make(h, h->admin, "{\"name\":\"n\",\"scopes\":[\"devices:read\"]}", &reply);
    char id[TOKEN_ID_TEXT_SIZE];
    keep(&reply, "id", id, sizeof id);
    call = change(h, TOKEN, id, "*", "{\"scopes\":[\"admin\"],\"expires_at\":\"2026-05-01T00:00:00Z\"}");
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/scopes") && has_pointer(&reply, "/expires_at"));
    call = change(h, TOKEN, "nonsense", "*", "{}");
    assert_status(h, &call, &reply, 400);
    call = action(h, TOKENS "/{id}/revoke", id);
    call.headers[0] = (struct http_field){"If-Match", "\"9\""};
    assert_status(h, &call, &reply, 412);
}

static void tenants_do_not_see_each_other(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char other[TOKEN_TEXT_SIZE], id[TOKEN_ID_TEXT_SIZE], text[TOKEN_TEXT_SIZE];
    other_tenant(h, "acme", (uint32_t)SCOPE_ADMIN, other);
    make(h, h->admin, "{\"name\":\"mine\",\"scopes\":[\"devices:read\"]}", &reply);
    keep(&reply, "id", id, sizeof id);
    keep(&reply, "token", text, sizeof text);
    assert_unseen(h, TOKEN, id, other);
    static const char *const actions[] = {TOKENS "/{id}/rotate", TOKENS "/{id}/drop-old-secret",
                                          TOKENS "/{id}/revoke"};
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        struct call call = action(h, actions[i], id);
        call.token = other;
        assert_status(h, &call, &reply, 404);
    }
    assert_int_equal(whoami(h, text), 200);
}

static void of_two_changes_at_once_one_is_told(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[TOKEN_ID_TEXT_SIZE];
    make(h, h->admin, "{\"name\":\"raced\",\"scopes\":[\"devices:read\"]}", &reply);
    keep(&reply, "id", id, sizeof id);
    struct racer racers[RACERS];
    race(h, racers, TOKEN, id);
    int won = 0;
    for (int i = 0; i < RACERS; i++) {
        won += racers[i].status == 200;
        assert_true(racers[i].status == 200 || racers[i].status == 412);
    }
    assert_int_equal(won, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_secret_is_shown_once),
        TEST(a_repeat_cannot_show_it_again),
        TEST(two_secrets_live_while_it_is_rotated),
        TEST(nobody_gives_what_they_do_not_have),
        TEST(a_token_is_good_where_it_may_be_used),
        TEST(every_wrong_field_is_named),
        TEST(tenants_do_not_see_each_other),
        TEST(of_two_changes_at_once_one_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
