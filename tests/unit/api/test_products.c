/* Products and hubs over REST: their life, every wrong field at once, versions, pages, walls between tenants.
 */
#include "tests/unit/api/resource_fixture.h"

#define PRODUCTS "/api/v1/products"
#define PRODUCT  "/api/v1/products/{id}"
#define HUBS     "/api/v1/hubs"
#define HUB      "/api/v1/hubs/{id}"

static void a_product_is_made_changed_and_listed(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE];
    struct call call = rest(h, HTTP_POST, PRODUCTS, "{\"name\":\"sensor\",\"key_algorithms\":[\"P-384\"]}");
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    assert_string_equal(reply_header(&reply, "Location") + strlen(PRODUCTS "/"), id);
    assert_string_equal(reply_header(&reply, "ETag"), "\"1\"");
    assert_int_equal(number_at(&reply, "certificate_ttl_s"), 365 * 86400);
    assert_string_equal(text_at(&reply, "recovery"), "expired");
    assert_string_equal(text_at(&reply, "clone_response"), "quarantine");
    assert_true(json_is_null(json_object_get(reply.json, "hub")));
    assert_string_equal(text_at(&reply, "admission"), "listed");
    assert_true(json_is_false(json_object_get(reply.json, "must_be_listed")));
    assert_int_equal(json_array_size(json_object_get(reply.json, "key_algorithms")), 1);
    h->clock.at_ms += 5000;
    call = change(
        h, PRODUCT, id, "\"1\"",
        "{\"certificate_ttl_s\":86400,\"renew_percent\":50,\"recovery\":\"approve\",\"clone_response\":"
        "\"alert\","
        "\"allow_rsa_2048\":true,\"name\":\"sensor-2\",\"admission\":\"vendor_ca\",\"must_be_listed\":true}");
    assert_status(h, &call, &reply, 200);
    assert_string_equal(reply_header(&reply, "ETag"), "\"2\"");
    call = rest(h, HTTP_GET, PRODUCT, NULL);
    call.param = id;
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "name"), "sensor-2");
    assert_int_equal(number_at(&reply, "certificate_ttl_s"), 86400);
    assert_int_equal(number_at(&reply, "renew_percent"), 50);
    assert_string_equal(text_at(&reply, "recovery"), "approve");
    assert_string_equal(text_at(&reply, "clone_response"), "alert");
    assert_true(json_is_true(json_object_get(reply.json, "allow_rsa_2048")));
    assert_string_equal(text_at(&reply, "admission"), "vendor_ca");
    assert_true(json_is_true(json_object_get(reply.json, "must_be_listed")));
    assert_true(json_is_false(json_object_get(reply.json, "require_channel_binding")));
    assert_string_not_equal(text_at(&reply, "created_at"), text_at(&reply, "updated_at"));
    call = rest(h, HTTP_GET, PRODUCTS, NULL);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "products")), 2); /* and "default" */
    call = rest(h, HTTP_POST, PRODUCTS, "{\"name\":\"sensor-2\"}");
    assert_status(h, &call, &reply, 409);
    call = change(h, PRODUCT, id, "\"2\"", "{\"name\":\"default\"}");
    assert_status(h, &call, &reply, 409);
}

static void every_wrong_field_of_a_product_is_named(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call =
        rest(h, HTTP_POST, PRODUCTS,
             "{\"certificate_ttl_s\":1,\"renew_percent\":\"x\",\"recovery\":\"maybe\","
             "\"key_algorithms\":[\"P-256\",\"DSA\",7],\"allow_rsa_2048\":1,\"admission\":\"open\","
             "\"clone_response\":\"shoot\",\"a/b~\":2}");
    assert_status(h, &call, &reply, 422);
    static const char *const pointers[] = {"/name",          "/certificate_ttl_s", "/renew_percent",
                                           "/recovery",      "/key_algorithms/1",  "/key_algorithms/2",
                                           "/a~1b~0",        "/allow_rsa_2048",    "/admission",
                                           "/clone_response"};
    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
        assert_true(has_pointer(&reply, pointers[i]));
    }
    assert_int_equal(json_array_size(json_object_get(reply.json, "errors")), 10);
    call = rest(h, HTTP_POST, PRODUCTS, "{\"name\":\"x\",\"hub\":\"nowhere\"}");
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/hub"));
    call = rest(h, HTTP_GET, PRODUCTS, NULL);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "products")), 1);
}

static void a_schedule_is_checked_as_a_whole(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE];
    struct call call =
        rest(h, HTTP_POST, PRODUCTS,
             "{\"name\":\"s\",\"renew_spread_percent\":50,\"rekey_period_s\":59,"
             "\"rekey_required\":1,\"overdue_alert_after_s\":-1,\"overdue_quarantine_days\":366}");
    assert_status(h, &call, &reply, 422);
    static const char *const pointers[] = {"/renew_spread_percent", "/rekey_period_s", "/rekey_required",
                                           "/overdue_alert_after_s", "/overdue_quarantine_days"};
    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
        assert_true(has_pointer(&reply, pointers[i]));
    }
    /* a key that must be replaced needs an age at which */
    call = rest(h, HTTP_POST, PRODUCTS, "{\"name\":\"s\",\"rekey_required\":true}");
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/rekey_required"));
    call =
        rest(h, HTTP_POST, PRODUCTS,
             "{\"name\":\"s\",\"rekey_required\":true,\"rekey_period_s\":31536000,\"renew_spread_percent\":0,"
             "\"overdue_quarantine_days\":14,\"overdue_alert_after_s\":0}");
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    assert_int_equal(number_at(&reply, "rekey_period_s"), 31536000);
    assert_int_equal(number_at(&reply, "renew_spread_percent"), 0);
    assert_int_equal(number_at(&reply, "overdue_quarantine_days"), 14);
    assert_int_equal(number_at(&reply, "overdue_alert_after_s"), 0);
    assert_true(json_is_true(json_object_get(reply.json, "rekey_required")));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(reply.json, "devices"), "overdue")),
                     0);
    call = change(h, PRODUCT, id, "*", "{\"rekey_period_s\":0}");
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/rekey_required"));
    call = change(h, PRODUCT, id, "*", "{\"rekey_period_s\":0,\"rekey_required\":false}");
    assert_status(h, &call, &reply, 200);
    /* a product that says nothing does what was done before, and reports who is late for a week */
    call = rest(h, HTTP_POST, PRODUCTS, "{\"name\":\"plain\"}");
    assert_status(h, &call, &reply, 201);
    assert_int_equal(number_at(&reply, "renew_spread_percent"), 10);
    assert_int_equal(number_at(&reply, "rekey_period_s"), 0);
    assert_int_equal(number_at(&reply, "overdue_alert_after_s"), 604800);
    assert_int_equal(number_at(&reply, "overdue_quarantine_days"), 0);
    assert_true(json_is_false(json_object_get(reply.json, "rekey_required")));
}

static void bad_bodies_have_their_status(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    static const struct {
        const char *body;
        int status;
    } table[] = {
        {"{\"name\":\"a\",\"name\":\"b\"}", 400},
        {"{\"name\":\"\xff\"}", 400},
        {"{\"name\":\"a\",\"renew_percent\":99999999999999999999}", 400},
        {"[1]", 422},
        {"{\"name\":\"a b\"}", 422},
        {"{\"name\":null}", 422},
        {"{\"name\":\"a\",\"renew_percent\":100}", 422},
        {"{\"name\":\"a\",\"renew_percent\":1.5}", 422},
        {"{\"name\":\"a\",\"key_algorithms\":[]}", 422},
        {"", 400},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct call call = rest(h, HTTP_POST, PRODUCTS, table[i].body);
        assert_status(h, &call, &reply, table[i].status);
    }
    struct call call = rest(h, HTTP_POST, PRODUCTS, "{\"name\":\"a\"}");
    call.type = "text/plain";
    assert_status(h, &call, &reply, 415);
    call = rest(h, HTTP_POST, PRODUCTS, "{\"name\":\"a\"}");
    call.query[0] = (struct http_field){"dry", "1"};
    assert_status(h, &call, &reply, 400);
}

static void a_change_names_its_version(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE];
    struct call call = rest(h, HTTP_POST, PRODUCTS, "{\"name\":\"p\"}");
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    call = change(h, PRODUCT, id, NULL, "{\"renew_percent\":10}");
    assert_status(h, &call, &reply, 428);
    call = change(h, PRODUCT, id, "\"1\"", "{\"renew_percent\":10}");
    assert_status(h, &call, &reply, 200);
    static const char *const stale[] = {"\"1\"", "W/\"2\"", "\"x\"", "", "2", "\"1\", \"3\""};
    for (size_t i = 0; i < sizeof stale / sizeof stale[0]; i++) {
        call = change(h, PRODUCT, id, stale[i], "{\"renew_percent\":11}");
        assert_status(h, &call, &reply, 412);
    }
    call = change(h, PRODUCT, id, "\"9\" , \"2\"", "{\"renew_percent\":12}");
    assert_status(h, &call, &reply, 200);
    call = change(h, PRODUCT, id, "*", "{\"renew_percent\":13}");
    call.type = "application/merge-patch+json";
    assert_status(h, &call, &reply, 200);
    call = change(h, PRODUCT, id, "*", "{\"renew_percent\":null,\"name\":null}");
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/renew_percent") && has_pointer(&reply, "/name"));
    call = change(h, PRODUCT, "no-uuid", "*", "{}");
    assert_status(h, &call, &reply, 400);
}

/* Two have read version 1; what the handler read before its transaction cannot let both in. */
static void of_two_changes_at_once_one_is_told(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE];
    struct call call = rest(h, HTTP_POST, PRODUCTS, "{\"name\":\"raced\"}");
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    struct racer racers[RACERS];
    race(h, racers, PRODUCT, id);
    int won = 0;
    int told = 0;
    for (int i = 0; i < RACERS; i++) {
        won += racers[i].status == 200;
        told += racers[i].status == 412;
    }
    assert_int_equal(won, 1);
    assert_int_equal(told, RACERS - 1);
}

static void the_same_key_makes_one_product(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE];
    struct call call = rest(h, HTTP_POST, PRODUCTS, "{\"name\":\"once\"}");
    call.headers[0] = (struct http_field){"Idempotency-Key", "\"k1\""};
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    assert_status(h, &call, &reply, 201);
    assert_string_equal(text_at(&reply, "id"), id);
    call.body = bytes_str("{\"name\":\"other\"}");
    assert_status(h, &call, &reply, 422);
    call.route = HUBS; /* the same key for another kind of thing */
    call.body = bytes_str("{\"name\":\"once\",\"host\":\"a\"}");
    assert_status(h, &call, &reply, 422);
}

static void lists_go_page_by_page(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char body[64];
    for (int i = 0; i < 6; i++) {
        (void)snprintf(body, sizeof body, "{\"name\":\"p%d\"}", i);
        struct call call = rest(h, HTTP_POST, PRODUCTS, body);
        assert_status(h, &call, &reply, 201);
    }
    size_t seen = 0;
    int pages = 0;
    char cursor[128] = "";
    do {
        struct call call = rest(h, HTTP_GET, PRODUCTS, NULL);
        call.query[0] = (struct http_field){"limit", "3"};
        call.query[1] = (struct http_field){cursor[0] == '\0' ? NULL : "cursor", cursor};
        assert_status(h, &call, &reply, 200);
        seen += json_array_size(json_object_get(reply.json, "products"));
        pages++;
        (void)snprintf(cursor, sizeof cursor, "%s", text_at(&reply, "next"));
        assert_int_equal(cursor[0] != '\0', strstr(reply_header(&reply, "Link"), "rel=\"next\"") != NULL);
    } while (cursor[0] != '\0');
    assert_int_equal(seen, 7);
    assert_int_equal(pages, 3);
    assert_bad_pages(h, PRODUCTS, "products");
    assert_bad_pages(h, HUBS, "hubs");
}

static void a_cursor_of_another_list_is_refused(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_POST, PRODUCTS, "{\"name\":\"second\"}");
    assert_status(h, &call, &reply, 201);
    call = rest(h, HTTP_GET, PRODUCTS, NULL);
    call.query[0] = (struct http_field){"limit", "1"};
    assert_status(h, &call, &reply, 200);
    char cursor[128];
    (void)snprintf(cursor, sizeof cursor, "%s", text_at(&reply, "next"));
    call = rest(h, HTTP_GET, HUBS, NULL);
    call.query[0] = (struct http_field){"cursor", cursor};
    assert_status(h, &call, &reply, 400);
}

static void tenants_do_not_see_each_other(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE];
    char hub[UUID_TEXT_SIZE];
    char other[TOKEN_TEXT_SIZE];
    other_tenant(h, "acme", (uint32_t)SCOPE_ADMIN, other);
    struct call call = rest(h, HTTP_POST, HUBS, "{\"name\":\"mine\",\"host\":\"hub.example\"}");
    assert_status(h, &call, &reply, 201);
    take_id(&reply, hub);
    call = rest(h, HTTP_POST, PRODUCTS, "{\"name\":\"mine\",\"hub\":\"mine\"}");
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    assert_unseen(h, PRODUCT, id, other);
    assert_unseen(h, HUB, hub, other);
    call = rest(h, HTTP_POST, PRODUCTS, "{\"name\":\"mine\",\"hub\":\"mine\"}");
    call.token = other;
    assert_status(h, &call, &reply, 422); /* the hub is not there for it */
    call.body = bytes_str("{\"name\":\"mine\"}");
    assert_status(h, &call, &reply, 201); /* the name is free for it */
    call = rest(h, HTTP_GET, HUBS, NULL);
    call.token = other;
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "hubs")), 0);
}

static void scopes_are_asked_for(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char reader[TOKEN_TEXT_SIZE];
    other_tenant(h, "readers", (uint32_t)SCOPE_PRODUCTS_READ, reader);
    struct call call = rest(h, HTTP_GET, PRODUCTS, NULL);
    call.token = reader;
    assert_status(h, &call, &reply, 200);
    call = rest(h, HTTP_POST, HUBS, "{}");
    call.token = reader;
    assert_status(h, &call, &reply, 403);
    assert_non_null(strstr(text_at(&reply, "detail"), "products:write"));
}

static void a_hub_is_made_and_changed(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) body = {0};
    AUTO_VAL(buf) pem = {0};
    char id[UUID_TEXT_SIZE];
    assert_ok(certificate_to_pem(authority_borrow_der(h->pki.root), &pem));
    AUTO(json_t) *order = json_pack("{s:s,s:s,s:s+}", "name", "broker", "host", "2001:db8::1",
                                    "trust_anchors", "a note before\n", buf_str(&pem));
    assert_ok(json_append(&body, order));
    struct call call = rest(h, HTTP_POST, HUBS, buf_str(&body));
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    assert_string_equal(text_at(&reply, "url"), "mqtts://[2001:db8::1]:8883");
    assert_string_equal(text_at(&reply, "trust_anchors"), buf_str(&pem)); /* the note is dropped */
    assert_string_equal(text_at(&reply, "kind"), "mqtt");
    call = change(h, HUB, id, "\"1\"", "{\"host\":\"hub.example\",\"port\":8884}");
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "url"), "mqtts://hub.example:8884");
    assert_string_equal(text_at(&reply, "trust_anchors"), buf_str(&pem));
    call = change(h, HUB, id, "\"1\"", "{\"port\":1}");
    assert_status(h, &call, &reply, 412);
    call = change(h, HUB, id, "\"2\"", "{\"trust_anchors\":\"\"}");
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "trust_anchors"), "");
    call = rest(h, HTTP_POST, PRODUCTS, "{\"name\":\"p\",\"hub\":\"broker\"}");
    assert_status(h, &call, &reply, 201);
    assert_string_equal(text_at(&reply, "hub"), "broker");
    take_id(&reply, id);
    call = change(h, PRODUCT, id, "\"1\"", "{\"hub\":null}");
    assert_status(h, &call, &reply, 200);
    assert_true(json_is_null(json_object_get(reply.json, "hub")));
}

static void every_wrong_field_of_a_hub_is_named(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call =
        rest(h, HTTP_POST, HUBS,
             "{\"kind\":\"amqp\",\"port\":0,\"host\":\"mqtts://x\",\"trust_anchors\":\"none\",\"x\":1}");
    assert_status(h, &call, &reply, 422);
    static const char *const pointers[] = {"/name", "/kind", "/port", "/host", "/trust_anchors", "/x"};
    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
        assert_true(has_pointer(&reply, pointers[i]));
    }
    static const char *const bad[] = {
        "{\"name\":\"h\",\"host\":\"h\",\"trust_anchors\":\"-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END "
        "CERTIFICATE-----\\n\"}",
        "{\"name\":\"h\",\"host\":\"h\",\"trust_anchors\":\"-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END "
        "PRIVATE KEY-----\\n\"}",
        "{\"name\":\"h\",\"host\":\"a b\"}",
        "{\"name\":\"h\",\"host\":\"a..b\"}",
        "{\"name\":\"h\",\"host\":\"\"}",
        "{\"name\":\"h\",\"host\":\"h\",\"port\":65536}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        call = rest(h, HTTP_POST, HUBS, bad[i]);
        assert_status(h, &call, &reply, 422);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_product_is_made_changed_and_listed),
        TEST(every_wrong_field_of_a_product_is_named),
        TEST(a_schedule_is_checked_as_a_whole),
        TEST(bad_bodies_have_their_status),
        TEST(a_change_names_its_version),
        TEST(of_two_changes_at_once_one_is_told),
        TEST(the_same_key_makes_one_product),
        TEST(lists_go_page_by_page),
        TEST(a_cursor_of_another_list_is_refused),
        TEST(tenants_do_not_see_each_other),
        TEST(scopes_are_asked_for),
        TEST(a_hub_is_made_and_changed),
        TEST(every_wrong_field_of_a_hub_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
