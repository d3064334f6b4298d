/* The mass revocation over REST: started, looked at only, kept for a second person, followed and cancelled.
 */
#include "tests/unit/api/two_people.h"

#include "fleet/internal.h"

#define REVOKE_BATCH   "/api/v1/batches/{id}/revoke"
#define REVOKE_PRODUCT "/api/v1/products/{id}/revoke"
#define OPERATIONS     "/api/v1/operations"
#define OPERATION      "/api/v1/operations/{id}"

/* Two enrolled devices and one registered. @param[out] batch, product their ids */
static void fill(struct house *h, struct chip chips[3], char batch[UUID_TEXT_SIZE],
                 char product[UUID_TEXT_SIZE])
{
    AUTO_VAL(reply) reply = {.json = NULL};
    for (int i = 0; i < 3; i++) {
        chip_make(&chips[i]);
    }
    register_chips(h, chips, 3);
    assert_int_equal(enrol_by_est(h, &chips[0]), 200);
    assert_int_equal(enrol_by_est(h, &chips[1]), 200);
    struct call call = rest(h, HTTP_GET, "/api/v1/batches", NULL);
    assert_status(h, &call, &reply, 200);
    const json_t *item = json_array_get(json_object_get(reply.json, "batches"), 0);
    (void)snprintf(batch, UUID_TEXT_SIZE, "%s", text_of_item(item, "id"));
    (void)snprintf(product, UUID_TEXT_SIZE, "%s", text_of_item(item, "product_id"));
}

static void clear(struct chip chips[3])
{
    for (int i = 0; i < 3; i++) {
        chip_clear(&chips[i]);
    }
}

static int64_t devices_of(const struct reply *reply, const char *name)
{
    return json_integer_value(json_object_get(json_object_get(reply->json, "devices"), name));
}

static void a_batch_is_revoked(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct chip chips[3];
    char batch[UUID_TEXT_SIZE];
    char product[UUID_TEXT_SIZE];
    char id[UUID_TEXT_SIZE];
    fill(h, chips, batch, product);
    struct call call =
        about(h, HTTP_POST, REVOKE_BATCH, batch, "{\"reason\":\"superseded\",\"dry_run\":true}");
    assert_status(h, &call, &reply, 200);
    assert_int_equal(number_at(&reply, "at_most"), 2);
    assert_int_equal(count_of(&reply, "sample"), 2);
    call.body = bytes_str("{\"reason\":\"superseded\",\"note\":\"ticket 8\"}");
    call.headers[0] = (struct http_field){"Idempotency-Key", "k1"};
    assert_status(h, &call, &reply, 202);
    keep_id(&reply, id);
    assert_string_equal(reply_header(&reply, "Location") + strlen(OPERATIONS "/"), id);
    assert_int_equal(devices_of(&reply, "at_most"), 2);
    assert_status(h, &call, &reply, 202);
    assert_string_equal(text_at(&reply, "id"), id);
    assert_ok(operations_run(h->fleet, h->clock.at_ms));
    call = about(h, HTTP_GET, OPERATION, id, NULL);
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), "done");
    assert_int_equal(devices_of(&reply, "done"), 2);
    assert_int_equal(devices_of(&reply, "skipped"), 1);
    call = about(h, HTTP_GET, "/api/v1/devices/{id}", chips[0].id, NULL);
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), "revoked");
    call = about(h, HTTP_POST, OPERATION "/cancel", id, NULL);
    assert_status(h, &call, &reply, 409);
    call = rest(h, HTTP_GET, OPERATIONS, NULL);
    call.query[0] = (struct http_field){"state", "done"};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(count_of(&reply, "operations"), 1);
    call.query[0] = (struct http_field){"state", "finished"};
    assert_status(h, &call, &reply, 400);
    clear(chips);
}

static void a_product_waits_for_a_second_person(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct chip chips[3];
    char batch[UUID_TEXT_SIZE];
    char product[UUID_TEXT_SIZE];
    char id[UUID_TEXT_SIZE];
    char second[TOKEN_TEXT_SIZE];
    fill(h, chips, batch, product);
    person(h, "second", (uint32_t)SCOPE_ADMIN, second);
    assert_int_equal(set_kinds(h, "\"0\"", "[\"devices.revoke_many\"]", &reply), 200);
    struct call call = about(h, HTTP_POST, REVOKE_PRODUCT, product, "{\"reason\":\"keyCompromise\"}");
    assert_status(h, &call, &reply, 202);
    assert_string_equal(text_at(&reply, "kind"), "devices.revoke_many");
    assert_string_equal(text_at(&reply, "state"), "pending");
    keep_id(&reply, id);
    call = about(h, HTTP_POST, REVOKE_PRODUCT, product, "{\"reason\":\"keyCompromise\",\"dry_run\":true}");
    assert_status(h, &call, &reply, 200); /* looking is free */
    assert_int_equal(decide(h, second, id, "approve", &reply), 200);
    char operation[UUID_TEXT_SIZE];
    (void)snprintf(operation, sizeof operation, "%s", text_at(&reply, "result"));
    call = about(h, HTTP_POST, OPERATION "/cancel", operation, "{}");
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), "cancelled");
    call = about(h, HTTP_GET, OPERATION, operation, NULL);
    char stranger[TOKEN_TEXT_SIZE];
    other_tenant(h, stranger);
    call.token = stranger;
    assert_status(h, &call, &reply, 404);
    call = about(h, HTTP_POST, OPERATION "/cancel", operation, NULL);
    call.token = stranger;
    assert_status(h, &call, &reply, 404);
    call = about(h, HTTP_POST, REVOKE_PRODUCT, product, "{\"reason\":\"superseded\"}");
    call.token = stranger;
    assert_status(h, &call, &reply, 404);
    clear(chips);
}

static void bad_orders(void **state)
{
    static const struct {
        const char *body;
        int status, errors;
    } rows[] = {
        {"{}", 422, 1},
        {"{\"reason\":\"boredom\",\"state\":\"sleepy\",\"label\":\"=x\",\"dry_run\":1,\"y\":2}", 422, 5},
        {"{\"reason\":\"superseded\",\"state\":\"retired\"}", 422, 0},
        {"{\"reason\":\"superseded\",\"label\":\"site\"}", 422, 1},
        {"{\"reason\":null}", 422, 1},
        {"", 400, 0},
        {"{\"reason\":", 400, 0},
    };
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct chip chips[3];
    char batch[UUID_TEXT_SIZE];
    char product[UUID_TEXT_SIZE];
    fill(h, chips, batch, product);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct call call = about(h, HTTP_POST, REVOKE_BATCH, batch, rows[i].body);
        assert_status(h, &call, &reply, rows[i].status);
        if (rows[i].errors > 0) {
            assert_int_equal(count_of(&reply, "errors"), rows[i].errors);
        }
    }
    struct call call = about(h, HTTP_POST, REVOKE_BATCH, "x", "{\"reason\":\"superseded\"}");
    assert_status(h, &call, &reply, 400);
    call = about(h, HTTP_POST, REVOKE_BATCH, product, "{\"reason\":\"superseded\"}");
    assert_status(h, &call, &reply, 404);
    call = about(h, HTTP_POST, REVOKE_BATCH, batch, "{\"reason\":\"superseded\"}");
    call.headers[0] = (struct http_field){"If-Match", "\"99\""};
    assert_status(h, &call, &reply, 412);
    char reader[TOKEN_TEXT_SIZE];
    token_with(h, SCOPE_DEVICES_WRITE, reader);
    call.token = reader;
    assert_status(h, &call, &reply, 403);
    clear(chips);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_batch_is_revoked),
        TEST(a_product_waits_for_a_second_person),
        TEST(bad_orders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
