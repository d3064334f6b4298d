/* Rekey plans over REST: drafted, ordered, changed, looked at; what is wrong with one, and walls between
 * tenants. What a campaign does to devices is in tests/unit/fleet/test_rekey_*.c. */
#include "tests/unit/api/resource_fixture.h"

#define PLANS   "/api/v1/rekey-plans"
#define PLAN    PLANS "/{id}"
#define DEVICES PLAN "/devices"
#define DEVICE  DEVICES "/{device}"

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

static struct call on(const struct house *h, enum http_method method, const char *route, const char *id)
{
    struct call call = rest(h, method, route, NULL);
    call.param = id;
    return call;
}

static void draft(struct house *h, const char *body, char id[UUID_TEXT_SIZE])
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_POST, PLANS, body);
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
}

static const char whole[] =
    "{\"name\":\"p256-out\",\"filter\":{\"product\":\"default\",\"authority\":\"device\","
    "\"key_algorithms\":[\"P-256\"]},\"waves\":[{\"label\":{\"ring\":\"canary\"}},"
    "{\"percent\":10},{\"percent\":100}],\"rate_limit\":{\"devices\":10},"
    "\"confirm_within_s\":3600,\"stop_on_failure\":{\"percent\":5,\"min_devices\":20},"
    "\"advance\":{\"soak_s\":600}}";

static void a_plan_is_drafted_changed_and_ordered(void **state)
{
    static const struct {
        const char *order, *state;
        int status;
    } steps[] = {
        {PLAN "/pause", NULL, 409},         {PLAN "/start", "running", 200},
        {PLAN "/start", NULL, 409},         {PLAN "/next-wave", "running", 200},
        {PLAN "/pause", "paused", 200},     {PLAN "/next-wave", "paused", 200},
        {PLAN "/next-wave", NULL, 409},     {PLAN "/resume", "running", 200},
        {PLAN "/cancel", "cancelled", 200}, {PLAN "/resume", NULL, 409},
    };
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE];
    struct call call = rest(h, HTTP_POST, PLANS, whole);
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    assert_string_equal(reply_header(&reply, "Location") + strlen(PLANS "/"), id);
    assert_string_equal(text_at(&reply, "kind"), "campaign");
    assert_string_equal(text_at(&reply, "state"), "draft");
    assert_int_equal(json_array_size(json_object_get(reply.json, "waves")), 3);
    call = change(h, PLAN, id, "\"1\"", "{\"rate_limit\":null,\"late_joiners\":false,\"name\":\"other\"}");
    assert_status(h, &call, &reply, 200);
    assert_null(json_object_get(reply.json, "rate_limit"));
    call = change(h, PLAN, id, "\"2\"", "{\"late_joiners\":true}");
    assert_status(h, &call, &reply, 200);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        call = on(h, HTTP_POST, steps[i].order, id);
        assert_status(h, &call, &reply, steps[i].status);
        assert_true(steps[i].state == NULL || strcmp(text_at(&reply, "state"), steps[i].state) == 0);
    }
    assert_string_equal(text_at(&reply, "type"), "/problems/wrong-state");
    call = on(h, HTTP_GET, PLAN, id);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(reply.json, "wave"), "number")), 3);
    assert_string_not_equal(text_at(&reply, "ended_at"), "");
}

static void every_wrong_field_is_named(void **state)
{
    static const struct {
        const char *body, *pointer;
    } rows[] = {
        {"{}", "/name"},
        {"{\"name\":\"a\"}", "/filter"},
        {"{\"name\":\"a\",\"filter\":null}", "/filter"},
        {"{\"name\":\"a\",\"filter\":{}}", "/filter"},
        {"{\"name\":\"a b\",\"filter\":{\"all\":true}}", "/name"},
        {"{\"name\":\"a\",\"filter\":{\"product\":\"nowhere\"}}", "/filter/product"},
        {"{\"name\":\"a\",\"filter\":{\"batch\":\"nowhere\"}}", "/filter/batch"},
        {"{\"name\":\"a\",\"filter\":{\"product_id\":\"01a20ee7-5495-7fc0-8873-4ce1159f76fd\"}}",
         "/filter/product_id"},
        {"{\"name\":\"a\",\"filter\":{\"all\":true},\"waves\":[{\"percent\":10}]}", "/waves"},
        {"{\"name\":\"a\",\"filter\":{\"all\":true},\"rate_limit\":{}}", "/rate_limit/devices"},
        {"{\"name\":\"a\",\"filter\":{\"all\":true},\"state\":\"running\"}", "/state"},
    };
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct call call = rest(h, HTTP_POST, PLANS, rows[i].body);
        assert_status(h, &call, &reply, 422);
        assert_true(has_pointer(&reply, rows[i].pointer));
    }
    struct call call = rest(h, HTTP_GET, PLANS, NULL);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "rekey_plans")), 0);
}

static void names_versions_and_keys(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE], again[UUID_TEXT_SIZE];
    struct call call = rest(h, HTTP_POST, PLANS, whole);
    call.headers[0] = (struct http_field){"Idempotency-Key", "\"k1\""};
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    assert_status(h, &call, &reply, 201);
    take_id(&reply, again);
    assert_string_equal(id, again);
    call = rest(h, HTTP_POST, PLANS, whole);
    assert_status(h, &call, &reply, 409);
    call = change(h, PLAN, id, NULL, "{\"name\":\"b\"}");
    assert_status(h, &call, &reply, 428);
    call = change(h, PLAN, id, "\"7\"", "{\"name\":\"b\"}");
    assert_status(h, &call, &reply, 412);
    static const char *const nulls[] = {"{\"name\":null}", "{\"filter\":null}", "{\"waves\":null}",
                                        "{\"late_joiners\":null}", "{\"confirm_within_s\":null}"};
    for (size_t i = 0; i < sizeof nulls / sizeof nulls[0]; i++) {
        call = change(h, PLAN, id, "\"1\"", nulls[i]);
        assert_status(h, &call, &reply, 422);
    }
    call = on(h, HTTP_POST, PLAN "/start", id);
    call.headers[0] = (struct http_field){"If-Match", "\"7\""};
    assert_status(h, &call, &reply, 412);
    call.headers[0] = (struct http_field){"Idempotency-Key", "\"k2\""};
    assert_status(h, &call, &reply, 200);
    assert_status(h, &call, &reply, 200); /* the same order again */
    call = change(h, PLAN, id, "*", "{\"filter\":{\"all\":true}}");
    assert_status(h, &call, &reply, 409);
    call = rest(h, HTTP_POST, PLAN "/pause", "{\"why\":\"x\"}");
    call.param = id;
    assert_status(h, &call, &reply, 422);
}

static void lists_and_walls(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE], token[TOKEN_TEXT_SIZE];
    draft(h, whole, id);
    draft(h, "{\"name\":\"b\",\"filter\":{\"all\":true}}", id);
    struct call call = on(h, HTTP_POST, PLAN "/start", id);
    assert_status(h, &call, &reply, 200);
    static const struct {
        const char *state;
        size_t count;
    } states[] = {{"draft", 1}, {"running", 1}, {"stopped", 0}};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        call = rest(h, HTTP_GET, PLANS, NULL);
        call.query[0] = (struct http_field){"state", states[i].state};
        assert_status(h, &call, &reply, 200);
        assert_int_equal(json_array_size(json_object_get(reply.json, "rekey_plans")), states[i].count);
    }
    call.query[0] = (struct http_field){"state", "odd"};
    assert_status(h, &call, &reply, 400);
    call = on(h, HTTP_GET, DEVICES, id);
    call.query[0] = (struct http_field){"state", "waiting"};
    assert_status(h, &call, &reply, 400);
    assert_bad_pages(h, PLANS, "rekey_plans");
    (void)other_tenant(h, "acme", SCOPE_ADMIN, token);
    assert_unseen(h, PLAN, id, token);
    static const char *const orders[] = {PLAN "/start",     PLAN "/pause",  PLAN "/resume",
                                         PLAN "/next-wave", PLAN "/cancel", PLAN "/dry-run"};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        call = on(h, HTTP_POST, orders[i], id);
        call.token = token;
        assert_status(h, &call, &reply, 404);
    }
    call = on(h, HTTP_GET, DEVICES, id);
    assert_status(h, &call, &reply, 200);
    call.token = token;
    assert_status(h, &call, &reply, 404);
}

/* --- devices ------------------------------------------------------------------------------------------ */

static void enrol(struct house *h, const struct chip *chip, struct peer_identity *issued)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) csr = {0};
    AUTO_VAL(buf) der = {0};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    make_csr(key, "SHA256", NULL, &csr);
    struct call call = {.method = HTTP_POST,
                        .route = "/.well-known/est/simpleenroll",
                        .peer = &chip->peer,
                        .type = "application/pkcs10",
                        .body = buf_view(&csr)};
    assert_status(h, &call, &reply, 200);
    call = rest(h, HTTP_GET, "/api/v1/devices/{id}", NULL);
    call.param = chip->id;
    assert_status(h, &call, &reply, 200);
    const json_t *newest = json_array_get(json_object_get(reply.json, "certificates"), 0);
    const char *serial = json_string_value(json_object_get(newest, "serial"));
    assert_non_null(serial);
    AUTO_VAL(reply) pem = {.json = NULL};
    call = rest(h, HTTP_GET, "/api/v1/certificates/{serial}", NULL);
    call.param = serial;
    assert_status(h, &call, &pem, 200);
    assert_ok(certificate_from_pem(bytes_str(text_at(&pem, "pem")), &der));
    peer_of_certificate(buf_view(&der), issued);
}

static void why_of(struct house *h, const char *plan, const char *device, const char *reason)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = on(h, HTTP_GET, DEVICE, plan);
    call.param2 = device;
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "reason"), reason);
    assert_string_equal(text_at(&reply, "device_id"), device);
    assert_true(strlen(text_at(&reply, "meaning")) > 10);
}

static void devices_are_told_and_explained(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE];
    struct chip chips[2];
    struct peer_identity issued = {.kind = PEER_ISSUED};
    for (size_t i = 0; i < 2; i++) {
        chip_make(&chips[i]);
    }
    register_chips(h, chips, 2);
    enrol(h, &chips[0], &issued);
    h->clock.at_ms += 1000;
    draft(h, "{\"name\":\"a\",\"filter\":{\"product\":\"default\",\"key_algorithms\":[\"P-256\"]}}", id);
    why_of(h, id, chips[0].id, "plan_not_running");
    why_of(h, id, chips[1].id, "no_certificate");
    struct call call = on(h, HTTP_POST, PLAN "/dry-run", id);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(number_at(&reply, "count"), 1);
    assert_int_equal(json_array_size(json_object_get(reply.json, "sample")), 1);
    call = rest(h, HTTP_POST, PLANS "/dry-run", "{\"filter\":{\"key_algorithms\":[\"RSA\"]}}");
    assert_status(h, &call, &reply, 200);
    assert_int_equal(number_at(&reply, "count"), 0);
    call = rest(h, HTTP_POST, PLANS "/dry-run", "{\"filter\":{}}");
    assert_status(h, &call, &reply, 422);
    call = rest(h, HTTP_POST, PLANS "/dry-run", "{}");
    assert_status(h, &call, &reply, 422);
    call = on(h, HTTP_POST, PLAN "/start", id);
    assert_status(h, &call, &reply, 200);
    why_of(h, id, chips[0].id, "no_contact");
    call = (struct call){.method = HTTP_GET, .route = "/device/v1/status", .peer = &issued};
    assert_status(h, &call, &reply, 200);
    assert_true(json_is_true(json_object_get(reply.json, "rekey")));
    assert_non_null(strstr(reply_header(&reply, "Whorl-Rekey-After"), "key=new"));
    why_of(h, id, chips[0].id, "told");
    call = on(h, HTTP_GET, DEVICES, id);
    call.query[0] = (struct http_field){"state", "told"};
    assert_status(h, &call, &reply, 200);
    const json_t *first = json_array_get(json_object_get(reply.json, "devices"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "device_id")), chips[0].id);
    call = on(h, HTTP_GET, "/api/v1/devices/{id}/why", chips[0].id);
    assert_status(h, &call, &reply, 200);
    first = json_array_get(json_object_get(reply.json, "rekey_plans"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "rekey_plan")), id);
    assert_string_equal(json_string_value(json_object_get(first, "state")), "told");
    call = on(h, HTTP_GET, DEVICE, id);
    call.param2 = "00";
    assert_status(h, &call, &reply, 400);
    call.param2 = "0000000000000000000000000000000000000000000000000000000000000000";
    assert_status(h, &call, &reply, 404);
    peer_identity_clear(&issued);
    for (size_t i = 0; i < 2; i++) {
        chip_clear(&chips[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_plan_is_drafted_changed_and_ordered),
        TEST(every_wrong_field_is_named),
        TEST(names_versions_and_keys),
        TEST(lists_and_walls),
        TEST(devices_are_told_and_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
