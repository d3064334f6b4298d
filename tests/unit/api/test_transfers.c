/* Transfers over REST: what each of the two tenants sees and may do, and every wrong word. */
#include "tests/unit/api/two_people.h"

#include "fleet/internal.h"

#define TRANSFERS "/api/v1/transfers"
#define TRANSFER  "/api/v1/transfers/{id}"

/* The body of an offer to the tenant "other". */
static const char *offer_of(const struct house *h, const char *what, char out[512])
{
    char expires[32];
    time_format(h->clock.at_ms + 3600000, expires);
    (void)snprintf(out, 512, "{\"to_tenant\":\"other\",\"expires_at\":\"%s\",%s}", expires, what);
    return out;
}

static void offer_chip(struct house *h, const struct chip *chip, char id[UUID_TEXT_SIZE])
{
    AUTO_VAL(reply) reply = {.json = NULL};
    char body[512];
    char what[128];
    (void)snprintf(what, sizeof what, "\"devices\":[\"%s\"],\"note\":\"sold\"", chip->id);
    struct call call = rest(h, HTTP_POST, TRANSFERS, offer_of(h, what, body));
    call.headers[0] = (struct http_field){"Idempotency-Key", chip->id};
    assert_status(h, &call, &reply, 201);
    keep_id(&reply, id);
    assert_string_equal(reply_header(&reply, "Location") + strlen(TRANSFERS "/"), id);
    assert_string_equal(text_at(&reply, "direction"), "outgoing");
    assert_string_equal(text_at(&reply, "to_tenant"), "other");
    assert_status(h, &call, &reply, 201); /* by its key */
    assert_string_equal(text_at(&reply, "id"), id);
}

static void an_offer_is_accepted(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    char id[UUID_TEXT_SIZE];
    char operation[UUID_TEXT_SIZE];
    char other[TOKEN_TEXT_SIZE];
    chip_make(&chip);
    register_chips(h, &chip, 1);
    assert_int_equal(enrol_by_est(h, &chip), 200);
    other_tenant(h, other);
    offer_chip(h, &chip, id);
    struct call call = rest(h, HTTP_GET, TRANSFERS, NULL);
    call.token = other;
    call.query[0] = (struct http_field){"direction", "incoming"};
    assert_status(h, &call, &reply, 200);
    const json_t *item = json_array_get(json_object_get(reply.json, "transfers"), 0);
    assert_string_equal(text_of_item(item, "id"), id);
    assert_string_equal(text_of_item(item, "from_tenant"), "default");
    assert_string_equal(text_of_item(item, "note"), "sold");
    assert_null(json_object_get(item, "offered_by")); /* is not for its eyes */
    call.query[0].name = NULL;
    assert_status(h, &call, &reply, 200);
    assert_int_equal(count_of(&reply, "transfers"), 0);
    call = about(h, HTTP_POST, TRANSFER "/accept", id, "{\"batch\":\"bought\"}");
    assert_status(h, &call, &reply, 403); /* one's own */
    call.token = other;
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), "accepted");
    (void)snprintf(operation, sizeof operation, "%s", text_at(&reply, "operation_id"));
    assert_status(h, &call, &reply, 409);
    assert_ok(operations_run(h->fleet, h->clock.at_ms));
    call = about(h, HTTP_GET, "/api/v1/operations/{id}", operation, NULL);
    assert_status(h, &call, &reply, 404); /* it is the other's */
    call.token = other;
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), "done");
    call = about(h, HTTP_GET, TRANSFER, id, NULL);
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), "completed");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(reply.json, "devices"), "moved")), 1);
    assert_null(json_object_get(reply.json, "decided_by"));
    call = about(h, HTTP_GET, "/api/v1/devices/{id}", chip.id, NULL);
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), "retired");
    assert_true(strlen(text_at(&reply, "transferred_at")) > 0);
    call.token = other;
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), "registered");
    assert_int_equal(enrol_by_est(h, &chip), 200);
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), "enrolled");
}

static void a_third_tenant_sees_nothing(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    char id[UUID_TEXT_SIZE];
    char other[TOKEN_TEXT_SIZE];
    char third[TOKEN_TEXT_SIZE];
    const struct actor console = {.name = "whorld", .request_id = ""};
    struct tenant_row tenant;
    struct token_row row;
    chip_make(&chip);
    register_chips(h, &chip, 1);
    other_tenant(h, other);
    assert_ok(tenant_add(h->fleet, &console, "third", &tenant));
    const struct token_order order = {
        .tenant = tenant.id, .name = "t", .scopes = SCOPE_ADMIN, .expires_at = h->clock.at_ms + 1000};
    assert_ok(token_add(h->fleet, &console, &order, third, &row));
    offer_chip(h, &chip, id);
    static const char *const verbs[] = {"/accept", "/reject", "/withdraw"};
    for (size_t i = 0; i < 3; i++) {
        char route[64];
        (void)snprintf(route, sizeof route, TRANSFER "%s", verbs[i]);
        struct call call = about(h, HTTP_POST, route, id, "{\"batch\":\"mine\"}");
        call.body = i == 0 ? call.body : bytes_str("{}");
        call.token = third;
        assert_status(h, &call, &reply, 404);
    }
    struct call call = about(h, HTTP_GET, TRANSFER, id, NULL);
    call.token = third;
    assert_status(h, &call, &reply, 404);
    call = about(h, HTTP_POST, TRANSFER "/withdraw", id, NULL);
    call.token = other;
    assert_status(h, &call, &reply, 403);
    call.token = h->admin;
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), "withdrawn");
    call = about(h, HTTP_POST, TRANSFER "/reject", id, "{}");
    call.token = other;
    assert_status(h, &call, &reply, 409);
    char few[TOKEN_TEXT_SIZE];
    token_with(h, SCOPE_DEVICES_WRITE, few);
    call = about(h, HTTP_POST, TRANSFER "/withdraw", id, NULL);
    call.token = few;
    assert_status(h, &call, &reply, 403);
    assert_has(text_at(&reply, "detail"), "certificates:revoke");
}

static void bad_offers(void **state)
{
    static const struct {
        const char *what;
        int status;
        const char *pointer;
    } rows[] = {
        {"\"note\":\"x\"", 422, ""},
        {"\"devices\":[]", 422, "/devices"},
        {"\"devices\":[\"A1\"]", 422, "/devices/0"},
        {"\"devices\":[7,\"x\"]", 422, "/devices/1"},
        {"\"devices\":[\""
         "0000000000000000000000000000000000000000000000000000000000000000"
         "\"]",
         422, "/devices/0"},
        {"\"batch_id\":\"x\"", 422, "/batch_id"},
        {"\"batch_id\":\"01a20ee7-6a11-7c0e-9d3c-1f0a5e2b7c41\"", 404, NULL},
        {"\"batch_id\":\"01a20ee7-6a11-7c0e-9d3c-1f0a5e2b7c41\",\"devices\":[\"x\"]", 422, ""},
        {"\"devices\":[\"x\"],\"devices\":[]", 400, NULL},
        {"\"devices\":[\"x\"],\"y\":1", 422, "/y"},
    };
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    char body[512];
    char other[TOKEN_TEXT_SIZE];
    other_tenant(h, other);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct call call = rest(h, HTTP_POST, TRANSFERS, offer_of(h, rows[i].what, body));
        assert_status(h, &call, &reply, rows[i].status);
        bool is_named = rows[i].pointer == NULL;
        size_t n = 0;
        json_t *item = NULL;
        json_array_foreach(json_object_get(reply.json, "errors"), n, item)
        {
            is_named = is_named || strcmp(text_of_item(item, "pointer"), rows[i].pointer) == 0;
        }
        assert_true(is_named);
    }
    chip_make(&chip);
    register_chips(h, &chip, 1);
    char what[256];
    (void)snprintf(what, sizeof what, "\"devices\":[\"%s\",\"%s\"]", chip.id, chip.id);
    struct call call = rest(h, HTTP_POST, TRANSFERS, offer_of(h, what, body));
    assert_status(h, &call, &reply, 422);
    call = rest(h, HTTP_POST, TRANSFERS, "{\"devices\":[\"x\"]}");
    assert_status(h, &call, &reply, 422);
    call = rest(h, HTTP_POST, TRANSFERS,
                "{\"to_tenant\":\"other\",\"devices\":[\"x\"],\"expires_at\":\"tomorrow\"}");
    assert_status(h, &call, &reply, 422);
    call = rest(h, HTTP_GET, TRANSFERS, NULL);
    call.query[0] = (struct http_field){"direction", "sideways"};
    assert_status(h, &call, &reply, 400);
}

static void bad_acceptances(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    char other[TOKEN_TEXT_SIZE];
    struct call call;
    other_tenant(h, other);
    chip_make(&chip);
    register_chips(h, &chip, 1);
    char id[UUID_TEXT_SIZE];
    offer_chip(h, &chip, id);
    static const char *const bodies[] = {"{}", "{\"batch\":\"a b\"}",
                                         "{\"batch\":\"b\",\"product\":\"none\"}", "{\"batch\":7,\"x\":1}"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        call = about(h, HTTP_POST, TRANSFER "/accept", id, bodies[i]);
        call.token = other;
        assert_status(h, &call, &reply, 422);
        assert_true(count_of(&reply, "errors") >= 1);
    }
    call = about(h, HTTP_POST, TRANSFER "/accept", "x", "{\"batch\":\"b\"}");
    assert_status(h, &call, &reply, 400);
}

static void an_offer_can_wait_for_a_second_person(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    char body[512];
    char what[128];
    char id[UUID_TEXT_SIZE];
    char other[TOKEN_TEXT_SIZE];
    char second[TOKEN_TEXT_SIZE];
    chip_make(&chip);
    register_chips(h, &chip, 1);
    other_tenant(h, other);
    person(h, "second", (uint32_t)SCOPE_ADMIN, second);
    assert_int_equal(set_kinds(h, "\"0\"", "[\"transfer.offer\"]", &reply), 200);
    (void)snprintf(what, sizeof what, "\"devices\":[\"%s\"]", chip.id);
    struct call call = rest(h, HTTP_POST, TRANSFERS, offer_of(h, what, body));
    assert_status(h, &call, &reply, 202);
    assert_string_equal(text_at(&reply, "kind"), "transfer.offer");
    keep_id(&reply, id);
    call = rest(h, HTTP_GET, TRANSFERS, NULL);
    call.query[0] = (struct http_field){"direction", "incoming"};
    call.token = other;
    assert_status(h, &call, &reply, 200);
    assert_int_equal(count_of(&reply, "transfers"), 0);
    assert_int_equal(decide(h, second, id, "approve", &reply), 200);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(count_of(&reply, "transfers"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_offer_is_accepted), TEST(a_third_tenant_sees_nothing),           TEST(bad_offers),
        TEST(bad_acceptances),      TEST(an_offer_can_wait_for_a_second_person),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
