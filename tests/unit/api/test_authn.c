/* Who may call, and how a refusal looks: tokens (RFC 6750), problems (RFC 9457), nothing of ours shown. */
#include "tests/unit/api/api_fixture.h"

static struct call whoami(const char *token)
{
    return (struct call){.method = HTTP_GET, .route = "/api/v1/whoami", .token = token};
}

static void add_token(struct house *h, uint32_t scopes, int64_t expires_at, char text[TOKEN_TEXT_SIZE])
{
    struct tenant_row tenant;
    struct token_row row;
    const struct actor actor = {.name = "test", .request_id = ""};
    assert_ok(tenant_find(h->fleet, "default", &tenant));
    const struct token_order order = {
        .tenant = tenant.id, .name = "t", .scopes = scopes, .expires_at = expires_at};
    assert_ok(token_add(h->fleet, &actor, &order, text, &row));
}

static void the_admin_may_ask_who_it_is(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = whoami(h->admin);
    assert_status(h, &call, &reply, 200);
    assert_string_equal(json_string_value(json_array_get(json_object_get(reply.json, "scopes"), 0)), "admin");
    assert_string_equal(json_string_value(json_object_get(reply.json, "tenant")), "default");
}

static void without_a_good_token(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = whoami(NULL);
    assert_status(h, &call, &reply, 401);
    assert_string_equal(reply_header(&reply, "WWW-Authenticate"), "Bearer realm=\"whorl\"");
    assert_string_equal(reply.response.content_type, "application/problem+json");
    assert_string_equal(text_at(&reply, "type"), "/problems/unauthorized");
    assert_int_equal(number_at(&reply, "status"), 401);
    assert_string_equal(text_at(&reply, "request_id"), "0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee");
    char wrong[TOKEN_TEXT_SIZE];
    (void)snprintf(wrong, sizeof wrong, "%s", h->admin);
    wrong[20] = wrong[20] == 'a' ? 'b' : 'a';
    call = whoami(wrong);
    assert_status(h, &call, &reply, 401);
    assert_has(reply_header(&reply, "WWW-Authenticate"), "error=\"invalid_token\"");
    call = whoami(NULL);
    call.headers[0] = (struct http_field){"Authorization", "Basic YTpi"};
    assert_status(h, &call, &reply, 401);
    call = whoami(h->admin);
    call.headers[0] = (struct http_field){"AUTHORIZATION", "Bearer x"};
    assert_status(h, &call, &reply, 400);
}

static void a_token_in_the_query_is_refused(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = whoami(h->admin);
    call.query[0] = (struct http_field){"access_token", h->admin};
    assert_status(h, &call, &reply, 400);
    assert_has(text_at(&reply, "detail"), "query string");
    assert_null(strstr(buf_str(&reply.response.body), h->admin));
}

static void scopes_and_time_bound_a_token(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char text[TOKEN_TEXT_SIZE];
    add_token(h, SCOPE_DEVICES_READ, h->clock.at_ms + 3600000, text);
    struct call call = {.method = HTTP_GET, .route = "/api/v1/devices", .token = text};
    assert_status(h, &call, &reply, 200);
    call = rest(h, HTTP_POST, "/api/v1/batches", "{}");
    call.token = text;
    assert_status(h, &call, &reply, 403);
    assert_has(reply_header(&reply, "WWW-Authenticate"),
               "error=\"insufficient_scope\", scope=\"devices:write devices:register\"");
    assert_has(text_at(&reply, "detail"), "devices:write");
    call = whoami(text);
    assert_status(h, &call, &reply, 200);
    manual_clock_advance(&h->clock, 3600001);
    assert_status(h, &call, &reply, 401);
    assert_string_equal(text_at(&reply, "type"), "/problems/token-expired");
}

static struct request bare(const struct route *route)
{
    return (struct request){.request_id = "0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee", .route = route};
}

static void our_own_failures_show_nothing(void **state)
{
    struct house *h = *state;
    static const struct route est = {.errors = ERRORS_TEXT};
    static const err_code ours[] = {ERR_INTERNAL, ERR_DB, ERR_CRYPTO, ERR_IO, ERR_BUSY, ERR_DISK_FULL};
    for (size_t i = 0; i < 2 * sizeof ours / sizeof ours[0]; i++) {
        AUTO_VAL(response) response = {.status = 200};
        struct request request = bare(i % 2 == 0 ? NULL : &est);
        assert_ok(buf_append_str(&response.body, "half an answer"));
        api_refuse(h->api, &request, ERR(ours[i / 2], "the file secret.key"), &response);
        assert_int_equal(response.status, err_status(ours[i / 2]));
        assert_null(strstr(buf_str(&response.body), "secret"));
        assert_null(strstr(buf_str(&response.body), "half"));
        assert_has(buf_str(&response.body), "0190aaaa");
        assert_int_equal(response.header_count, response.status == 503 ? 1 : 0);
    }
}

static void a_refusal_says_when_to_come_back(void **state)
{
    struct house *h = *state;
    static const struct {
        err_code code;
        int seconds;
        const char *shown;
    } table[] = {{ERR_TOO_MANY, 17, "17"}, {ERR_TOO_MANY, 0, "5"}, {ERR_BUSY, 2, "2"}, {ERR_CONFLICT, 3, ""}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        AUTO_VAL(reply) reply = {.json = NULL};
        struct request request = bare(NULL);
        err_t error = ERR(table[i].code, "later");
        error.retry_after_s = table[i].seconds;
        api_refuse(h->api, &request, error, &reply.response);
        assert_string_equal(reply_header(&reply, "Retry-After"), table[i].shown);
    }
}

static void a_field_becomes_a_pointer(void **state)
{
    struct house *h = *state;
    static const struct {
        const char *name, *pointer;
    } table[] = {{"colour", "/colour"}, {"a/b~c", "/a~1b~0c"}};
    for (size_t i = 0; i < 2; i++) {
        AUTO_VAL(response) response = {.status = 0};
        AUTO(json_t) *problem = NULL;
        struct request request = bare(NULL);
        api_refuse(h->api, &request, ERR(ERR_UNPROCESSABLE, "'%s' is not a known field", table[i].name),
                   &response);
        assert_ok(json_parse(buf_view(&response.body), 10000, &problem));
        json_t *item = json_array_get(json_object_get(problem, "errors"), 0);
        assert_string_equal(json_string_value(json_object_get(item, "pointer")), table[i].pointer);
    }
}

/* A name cut in the middle of a character must not cost the answer. */
static void a_broken_character_is_shown_as_a_question_mark(void **state)
{
    struct house *h = *state;
    AUTO_VAL(response) response = {.status = 0};
    AUTO(json_t) *problem = NULL;
    struct request request = bare(NULL);
    api_refuse(h->api, &request, ERR(ERR_BAD_REQUEST, "caf\xc3"), &response);
    assert_ok(json_parse(buf_view(&response.body), 10000, &problem));
    assert_string_equal(json_string_value(json_object_get(problem, "detail")), "caf?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_admin_may_ask_who_it_is, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(without_a_good_token, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_token_in_the_query_is_refused, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(scopes_and_time_bound_a_token, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(our_own_failures_show_nothing, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_refusal_says_when_to_come_back, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_field_becomes_a_pointer, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_broken_character_is_shown_as_a_question_mark, house_setup,
                                        house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
