/* Dual control over REST: the setting, the answer 202, who may look and decide, and every wrong word. */
#include "tests/unit/api/two_people.h"

#define COMPROMISED "/api/v1/devices/{id}/compromised"

/* Registers one device that waits to be called compromised. @return by `id` its approval */
static void ask(struct house *h, const struct chip *chip, char id[UUID_TEXT_SIZE])
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = about(h, HTTP_POST, COMPROMISED, chip->id, "{\"reason\":\"cloned\"}");
    assert_status(h, &call, &reply, 202);
    keep_id(&reply, id);
    char location[96];
    (void)snprintf(location, sizeof location, APPROVALS "/%s", id);
    assert_string_equal(reply_header(&reply, "Location"), location);
    assert_string_equal(text_at(&reply, "state"), "pending");
    assert_string_equal(text_at(&reply, "kind"), "device.compromised");
    const json_t *request = json_object_get(reply.json, "request");
    assert_string_equal(text_of_item(request, "device"), chip->id);
    assert_string_equal(text_of_item(request, "reason"), "cloned");
    assert_int_equal(strlen(text_at(&reply, "digest")), 64);
}

static void a_request_waits_and_is_approved(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    char id[UUID_TEXT_SIZE];
    char second[TOKEN_TEXT_SIZE];
    chip_make(&chip);
    register_chips(h, &chip, 1);
    person(h, "second", (uint32_t)SCOPE_ADMIN, second);
    assert_int_equal(set_kinds(h, "\"0\"", "[\"device.compromised\"]", &reply), 200);
    ask(h, &chip, id);
    assert_int_equal(decide(h, h->admin, id, "approve", &reply), 403);
    assert_has(text_at(&reply, "detail"), "a second person is needed");
    assert_int_equal(decide(h, second, id, "withdraw", &reply), 403);
    struct call call = rest(h, HTTP_GET, APPROVALS, NULL);
    call.query[0] = (struct http_field){"state", "pending"};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(count_of(&reply, "approvals"), 1);
    assert_null(json_object_get(json_array_get(json_object_get(reply.json, "approvals"), 0), "request"));
    assert_int_equal(decide(h, second, id, "approve", &reply), 200);
    assert_string_equal(text_at(&reply, "state"), "executed");
    assert_string_equal(text_at(&reply, "result"), chip.id);
    assert_true(json_is_object(json_object_get(reply.json, "decided_by")));
    assert_int_equal(decide(h, second, id, "reject", &reply), 409);
    assert_string_equal(text_at(&reply, "type"), "/problems/wrong-state");
    call.query[0] = (struct http_field){"state", "pending"};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(count_of(&reply, "approvals"), 0);
    call = about(h, HTTP_GET, "/api/v1/devices/{id}", chip.id, NULL);
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), "compromised");
}

/* A token that the first person makes over the API answers for the first person. */
static void a_second_token_is_no_second_person(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    char id[UUID_TEXT_SIZE];
    char body[128];
    char expires[32];
    chip_make(&chip);
    register_chips(h, &chip, 1);
    assert_int_equal(set_kinds(h, "\"0\"", "[\"device.compromised\"]", &reply), 200);
    ask(h, &chip, id);
    time_format(h->clock.at_ms + 3600000, expires);
    (void)snprintf(body, sizeof body, "{\"name\":\"two\",\"scopes\":[\"admin\"],\"expires_at\":\"%s\"}",
                   expires);
    struct call call = rest(h, HTTP_POST, "/api/v1/tokens", body);
    assert_status(h, &call, &reply, 201);
    char mine_too[TOKEN_TEXT_SIZE];
    (void)snprintf(mine_too, sizeof mine_too, "%s", text_at(&reply, "token"));
    assert_int_equal(decide(h, mine_too, id, "approve", &reply), 403);
    assert_int_equal(decide(h, mine_too, id, "withdraw", &reply), 200);
    assert_string_equal(text_at(&reply, "state"), "withdrawn");
}

static void the_scope_of_the_action_is_asked_for(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    char id[UUID_TEXT_SIZE];
    char decider[TOKEN_TEXT_SIZE];
    char asker[TOKEN_TEXT_SIZE];
    chip_make(&chip);
    register_chips(h, &chip, 1);
    person(h, "decider", SCOPE_APPROVALS_DECIDE, decider);
    person(h, "asker", SCOPE_CERTIFICATES_REVOKE, asker);
    assert_int_equal(set_kinds(h, "\"0\"", "[\"device.compromised\"]", &reply), 200);
    ask(h, &chip, id);
    assert_int_equal(decide(h, decider, id, "approve", &reply), 403);
    assert_has(text_at(&reply, "detail"), "certificates:revoke");
    assert_int_equal(decide(h, asker, id, "approve", &reply), 403);
    assert_has(text_at(&reply, "detail"), "approvals:decide");
    struct call call = about(h, HTTP_GET, APPROVAL, id, NULL);
    call.token = asker;
    assert_status(h, &call, &reply, 200); /* who may ask may look */
    call = rest(h, HTTP_PATCH, SETTING, "{\"kinds\":[]}");
    call.token = decider;
    call.headers[0] = (struct http_field){"If-Match", "*"};
    assert_status(h, &call, &reply, 403);
}

static void the_setting_is_changed_by_version(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_GET, SETTING, NULL);
    assert_status(h, &call, &reply, 200);
    assert_string_equal(reply_header(&reply, "ETag"), "\"0\"");
    assert_int_equal(number_at(&reply, "approval_ttl_s"), 7 * 86400);
    assert_int_equal(count_of(&reply, "kinds"), 0);
    call = rest(h, HTTP_PATCH, SETTING, "{\"approval_ttl_s\":3600}");
    assert_status(h, &call, &reply, 428);
    assert_int_equal(set_kinds(h, "\"3\"", "[]", &reply), 412);
    call.headers[0] = (struct http_field){"If-Match", "\"0\""};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(number_at(&reply, "approval_ttl_s"), 3600);
    assert_int_equal(set_kinds(h, "\"1\"", "[\"device.compromised\",\"devices.revoke_many\"]", &reply), 200);
    assert_string_equal(reply_header(&reply, "ETag"), "\"2\"");
    assert_int_equal(set_kinds(h, "\"2\"", "[\"devices.revoke_many\"]", &reply), 202);
    assert_string_equal(text_at(&reply, "kind"), "dual_control.change");
    assert_status(h, &call, &reply, 412);
    call = rest(h, HTTP_GET, SETTING, NULL);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(count_of(&reply, "kinds"), 2); /* it holds until somebody else agrees */
    call.headers[0] = (struct http_field){"If-None-Match", "\"2\""};
    assert_status(h, &call, &reply, 304);
}

static void every_wrong_word_is_named(void **state)
{
    static const struct {
        const char *body;
        int status, errors;
    } rows[] = {
        {"{\"kinds\":[\"device.compromised\",\"nothing\",7],\"approval_ttl_s\":1,\"x\":1}", 422, 4},
        {"{\"kinds\":[\"dual_control.change\"]}", 422, 1},
        {"{\"kinds\":null}", 422, 1},
        {"{\"kinds\":\"device.compromised\"}", 422, 1},
        {"{\"approval_ttl_s\":7776001}", 422, 1},
        {"[]", 422, 0},
        {"{\"kinds\":[],\"kinds\":[]}", 400, 0},
        {"", 400, 0},
    };
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct call call = rest(h, HTTP_PATCH, SETTING, rows[i].body);
        call.headers[0] = (struct http_field){"If-Match", "*"};
        assert_status(h, &call, &reply, rows[i].status);
        if (rows[i].errors > 0) {
            assert_int_equal(count_of(&reply, "errors"), rows[i].errors);
        }
    }
    struct call call = rest(h, HTTP_GET, APPROVALS, NULL);
    call.query[0] = (struct http_field){"state", "undecided"};
    assert_status(h, &call, &reply, 400);
    call = about(h, HTTP_GET, APPROVAL, "no-uuid", NULL);
    assert_status(h, &call, &reply, 400);
    call = about(h, HTTP_GET, APPROVAL, "01a20ee7-6a11-7c0e-9d3c-1f0a5e2b7c41", NULL);
    assert_status(h, &call, &reply, 404);
    call = about(h, HTTP_POST, APPROVAL "/approve", "01a20ee7-6a11-7c0e-9d3c-1f0a5e2b7c41", "{\"reason\":1}");
    assert_status(h, &call, &reply, 422);
    assert_int_equal(decide(h, h->admin, "01a20ee7-6a11-7c0e-9d3c-1f0a5e2b7c41", "approve", &reply), 404);
}

static void a_product_asks_for_its_own_devices_only(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    char product[UUID_TEXT_SIZE];
    char id[UUID_TEXT_SIZE];
    chip_make(&chip);
    register_chips(h, &chip, 1);
    struct call call = rest(h, HTTP_POST, "/api/v1/products", "{\"name\":\"other\"}");
    assert_status(h, &call, &reply, 201);
    keep_id(&reply, product);
    call = about(h, HTTP_PATCH, PRODUCT_SETTING, product, "{\"kinds\":[\"device.compromised\"]}");
    call.headers[0] = (struct http_field){"If-Match", "\"0\""};
    assert_status(h, &call, &reply, 200);
    assert_null(json_object_get(reply.json, "approval_ttl_s"));
    call.body = bytes_str("{\"approval_ttl_s\":3600}");
    call.headers[0] = (struct http_field){"If-Match", "*"};
    assert_status(h, &call, &reply, 422);
    call = about(h, HTTP_POST, COMPROMISED, chip.id, NULL); /* of the product default */
    assert_status(h, &call, &reply, 200);
    call = about(h, HTTP_PATCH, PRODUCT_SETTING, product, "{\"kinds\":[]}");
    call.headers[0] = (struct http_field){"If-Match", "\"1\""};
    assert_status(h, &call, &reply, 202);
    keep_id(&reply, id);
    assert_string_equal(text_of_item(json_object_get(reply.json, "request"), "product"), product);
    call = about(h, HTTP_GET, PRODUCT_SETTING, "01a20ee7-6a11-7c0e-9d3c-1f0a5e2b7c41", NULL);
    assert_status(h, &call, &reply, 404);
    call.route = PRODUCT_SETTING;
    char stranger[TOKEN_TEXT_SIZE];
    other_tenant(h, stranger);
    call = about(h, HTTP_GET, PRODUCT_SETTING, product, NULL);
    call.token = stranger;
    assert_status(h, &call, &reply, 404);
    call = about(h, HTTP_GET, APPROVAL, id, NULL);
    call.token = stranger;
    assert_status(h, &call, &reply, 404);
    assert_int_equal(decide(h, stranger, id, "approve", &reply), 404);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_waits_and_is_approved),
        TEST(a_second_token_is_no_second_person),
        TEST(the_scope_of_the_action_is_asked_for),
        TEST(the_setting_is_changed_by_version),
        TEST(every_wrong_word_is_named),
        TEST(a_product_asks_for_its_own_devices_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
