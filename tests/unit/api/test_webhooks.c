/* Webhooks over REST: their life, every wrong field at once, secrets shown once, orders, walls. */
#include "tests/unit/api/resource_fixture.h"

#define WEBHOOKS "/api/v1/webhooks"
#define WEBHOOK  "/api/v1/webhooks/{id}"
#define ORDER                                                                                                \
    "{\"name\":\"erp\",\"url\":\"https://erp.example.com/in\",\"types\":[\"device.*\",\"hub.added\"]}"

static struct call order(const struct house *h, enum http_method method, const char *route, const char *id,
                         const char *body)
{
    struct call call = rest(h, method, route, body);
    call.param = id;
    return call;
}

static void make(struct house *h, struct reply *reply, char id[UUID_TEXT_SIZE])
{
    struct call call = rest(h, HTTP_POST, WEBHOOKS, ORDER);
    assert_status(h, &call, reply, 201);
    take_id(reply, id);
}

static void made_shown_changed_removed(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE];
    make(h, &reply, id);
    assert_true(strncmp(text_at(&reply, "secret"), "whsec_", 6) == 0);
    assert_string_equal(reply_header(&reply, "Location") + strlen(WEBHOOKS "/"), id);
    assert_string_equal(reply_header(&reply, "ETag"), "\"1\"");
    assert_int_equal(json_array_size(json_object_get(reply.json, "types")), 2);
    struct call call = order(h, HTTP_GET, WEBHOOK, id, NULL);
    assert_status(h, &call, &reply, 200);
    assert_null(json_object_get(reply.json, "secret"));
    assert_true(json_is_true(json_object_get(reply.json, "enabled")));
    assert_int_equal(number_at(&reply, "live_secrets"), 1);
    call = change(h, WEBHOOK, id, "\"1\"", "{\"name\":\"erp-2\",\"types\":[\"*\"],\"enabled\":false}");
    assert_status(h, &call, &reply, 200);
    assert_string_equal(reply_header(&reply, "ETag"), "\"2\"");
    assert_true(json_is_false(json_object_get(reply.json, "enabled")));
    assert_string_equal(text_at(&reply, "disabled_reason"), "disabled by an operator");
    call = change(h, WEBHOOK, id, NULL, "{}");
    assert_status(h, &call, &reply, 428);
    call = change(h, WEBHOOK, id, "\"1\"", "{}");
    assert_status(h, &call, &reply, 412);
    call = change(h, WEBHOOK, id, "\"2\"", "{\"enabled\":true}");
    assert_status(h, &call, &reply, 200);
    assert_null(json_object_get(reply.json, "disabled_reason"));
    call = rest(h, HTTP_GET, WEBHOOKS, NULL);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "webhooks")), 1);
    assert_null(strstr(buf_str(&reply.response.body), "whsec_"));
    call = order(h, HTTP_DELETE, WEBHOOK, id, NULL);
    call.headers[0] = (struct http_field){"If-Match", "\"1\""};
    assert_status(h, &call, &reply, 412);
    call.headers[0].value = "\"3\"";
    assert_status(h, &call, &reply, 204);
    assert_status(h, &call, &reply, 404);
    assert_bad_pages(h, WEBHOOKS, "webhooks");
}

static void every_wrong_field_is_named(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    static const char *const pointers[] = {"/name", "/url", "/types/1", "/types/2", "/colour"};
    struct call call = rest(h, HTTP_POST, WEBHOOKS,
                            "{\"name\":\"a b\",\"url\":\"https://10.0.0.1/\",\"types\":[\"*\",\"device\",7],"
                            "\"colour\":\"red\"}");
    assert_status(h, &call, &reply, 422);
    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
        assert_true(has_pointer(&reply, pointers[i]));
    }
    static const struct {
        const char *body;
        int status;
    } rows[] = {
        {"{\"name\":\"a\"}", 422},
        {"{\"url\":\"https://a.example.com/\"}", 422},
        {"{\"name\":\"a\",\"url\":\"https://a.example.com/\",\"types\":[]}", 422},
        {"{\"name\":\"a\",\"url\":\"https://a.example.com/\",\"types\":\"*\"}", 422},
        {"{\"name\":\"a\",\"url\":\"https://a.example.com/\",\"enabled\":false}", 422},
        {"{\"name\":\"a\",\"url\":\"http://a.example.com/\"}", 422},
        {"{\"name\":\"a\",\"url\":7}", 422},
        {"{\"name\":\"a\",\"url\":\"https://a.example.com/\",\"secret\":\"mine\"}", 422},
        {"[]", 422},
        {"{", 400},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        call = rest(h, HTTP_POST, WEBHOOKS, rows[i].body);
        assert_status(h, &call, &reply, rows[i].status);
    }
}

static void a_secret_is_shown_once(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE], first[128];
    struct call call = rest(h, HTTP_POST, WEBHOOKS, ORDER);
    call.headers[0] = (struct http_field){"Idempotency-Key", "\"k\""};
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    (void)snprintf(first, sizeof first, "%s", text_at(&reply, "secret"));
    assert_status(h, &call, &reply, 409);
    assert_non_null(strstr(text_at(&reply, "detail"), id));
    call = order(h, HTTP_POST, WEBHOOK "/rotate-secret", id, NULL);
    assert_status(h, &call, &reply, 200);
    assert_true(strncmp(text_at(&reply, "secret"), "whsec_", 6) == 0);
    assert_string_not_equal(text_at(&reply, "secret"), first);
    assert_int_equal(number_at(&reply, "live_secrets"), 2);
    assert_status(h, &call, &reply, 409);
    call = order(h, HTTP_POST, WEBHOOK "/drop-old-secret", id, "{\"x\":1}");
    assert_status(h, &call, &reply, 422);
    call = order(h, HTTP_POST, WEBHOOK "/drop-old-secret", id, NULL);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(number_at(&reply, "live_secrets"), 1);
    assert_null(json_object_get(reply.json, "secret"));
}

static void orders_and_deliveries(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE], delivery[UUID_TEXT_SIZE];
    make(h, &reply, id);
    struct call call = order(h, HTTP_POST, WEBHOOK "/test", id, NULL);
    call.headers[0] = (struct http_field){"Idempotency-Key", "\"t\""};
    assert_status(h, &call, &reply, 202);
    take_id(&reply, delivery);
    assert_string_equal(text_at(&reply, "type"), "webhook.test");
    assert_status(h, &call, &reply, 202);
    assert_string_equal(text_at(&reply, "id"), delivery);
    call = order(h, HTTP_GET, WEBHOOK "/deliveries", id, NULL);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "deliveries")), 1);
    call.query[0] = (struct http_field){"state", "failed"};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "deliveries")), 0);
    call.query[0].value = "lost";
    assert_status(h, &call, &reply, 400);
    call = order(h, HTTP_POST, WEBHOOK "/deliveries/{delivery}/retry", id, NULL);
    call.param2 = delivery;
    assert_status(h, &call, &reply, 202);
    call.param2 = id;
    assert_status(h, &call, &reply, 404);
    call.param2 = "x";
    assert_status(h, &call, &reply, 400);
    static const struct {
        const char *body;
        int status;
    } rows[] = {
        {"{\"since\":\"2026-01-01T00:00:00Z\"}", 202},
        {"{}", 422},
        {"{\"since\":\"yesterday\"}", 422},
        {"{\"after\":\"x\"}", 422},
        {"{\"after\":\"01920000-0000-7000-8000-00000000000a.1.0.1\"}", 422},
        {"{\"after\":\"x\",\"since\":\"2026-01-01T00:00:00Z\"}", 422},
        {"{\"to\":\"x\"}", 422},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        call = order(h, HTTP_POST, WEBHOOK "/replay", id, rows[i].body);
        assert_status(h, &call, &reply, rows[i].status);
    }
}

static void pages_of_deliveries(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE], cursor[256] = "", last[UUID_TEXT_SIZE] = "z";
    int count = 0;
    make(h, &reply, id);
    for (int i = 0; i < 5; i++) {
        struct call call = order(h, HTTP_POST, WEBHOOK "/test", id, NULL);
        assert_status(h, &call, &reply, 202);
        h->clock.at_ms += 10;
    }
    do {
        struct call call = order(h, HTTP_GET, WEBHOOK "/deliveries", id, NULL);
        call.query[0] = (struct http_field){"limit", "2"};
        call.query[1] = (struct http_field){cursor[0] == '\0' ? NULL : "cursor", cursor};
        assert_status(h, &call, &reply, 200);
        size_t i = 0;
        json_t *item = NULL;
        json_array_foreach(json_object_get(reply.json, "deliveries"), i, item)
        {
            const char *at = json_string_value(json_object_get(item, "id"));
            assert_true(strcmp(at, last) < 0); /* the newest first, each once */
            (void)snprintf(last, sizeof last, "%s", at);
            count++;
        }
        (void)snprintf(cursor, sizeof cursor, "%s", text_at(&reply, "next"));
    } while (cursor[0] != '\0');
    assert_int_equal(count, 5);
}

static void walls_between_tenants_and_scopes(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE], token[TOKEN_TEXT_SIZE];
    make(h, &reply, id);
    (void)other_tenant(h, "other", SCOPE_WEBHOOKS_READ | SCOPE_WEBHOOKS_WRITE, token);
    assert_unseen(h, WEBHOOK, id, token);
    struct call call = order(h, HTTP_GET, WEBHOOK "/deliveries", id, NULL);
    call.token = token;
    assert_status(h, &call, &reply, 404);
    static const char *const orders[] = {WEBHOOK "/test", WEBHOOK "/rotate-secret",
                                         WEBHOOK "/drop-old-secret"};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        call = order(h, HTTP_POST, orders[i], id, NULL);
        call.token = token;
        assert_status(h, &call, &reply, 404);
    }
    call = order(h, HTTP_DELETE, WEBHOOK, id, NULL);
    call.token = token;
    assert_status(h, &call, &reply, 404);
    (void)other_tenant(h, "reader", SCOPE_WEBHOOKS_READ, token);
    call = rest(h, HTTP_POST, WEBHOOKS, ORDER);
    call.token = token;
    assert_status(h, &call, &reply, 403);
}

static void changes_race_for_one_version(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct racer racers[RACERS];
    char id[UUID_TEXT_SIZE];
    int won = 0;
    make(h, &reply, id);
    race(h, racers, WEBHOOK, id);
    for (int i = 0; i < RACERS; i++) {
        assert_true(racers[i].status == 200 || racers[i].status == 412);
        won += racers[i].status == 200 ? 1 : 0;
    }
    assert_int_equal(won, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(made_shown_changed_removed, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(every_wrong_field_is_named, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_secret_is_shown_once, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(orders_and_deliveries, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(pages_of_deliveries, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(walls_between_tenants_and_scopes, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(changes_race_for_one_version, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
