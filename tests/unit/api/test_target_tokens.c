/* Target tokens: off by default, of one device, for DDI alone, looked at anew with each request. */
#include "tests/unit/api/ddi_scene.h"

#define TOKEN  "/api/v1/devices/{id}/firmware/target-token"
#define NAME   "/api/v1/devices/{id}/firmware/controller"
#define POLICY "/api/v1/products/{name}/firmware-policy"

static void allow(struct house *h, bool is_allowed)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_PUT, POLICY, is_allowed ? "{\"target_tokens\":true}" : "{}");
    call.param = "default";
    assert_status(h, &call, &reply, 200);
}

static void make_token(struct house *h, const struct unit_ddi *unit, char value[128])
{
    AUTO_VAL(reply) reply = {.json = NULL};
    const struct call call = about(h, HTTP_PUT, TOKEN, unit->chip.id, NULL);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(strlen(text_at(&reply, "target_token")), 64);
    (void)snprintf(value, 128, "TargetToken %s", text_at(&reply, "target_token"));
}

static int ask(struct house *h, const struct unit_ddi *unit, const char *authorization, struct reply *reply)
{
    struct call call = ddi_call(unit, HTTP_GET, DDI, NULL);
    call.peer = NULL;
    if (authorization != NULL) {
        call.headers[1] = (struct http_field){"Authorization", authorization};
    }
    return send_call(h, &call, reply);
}

static void a_token_is_good_for_its_device_and_for_ddi(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(unit_ddi) ada;
    AUTO_VAL(unit_ddi) ben;
    struct ddi_release release;
    struct rollout rollout;
    char value[128];
    unit_ddi_make(h, &ada);
    unit_ddi_make(h, &ben);
    const struct call order = about(h, HTTP_PUT, TOKEN, ada.chip.id, NULL);
    assert_status(h, &order, &reply, 409); /* off by default */
    allow(h, true);
    make_token(h, &ada, value);
    ddi_start(h, &release, &rollout);
    assert_int_equal(ask(h, &ada, value, &reply), 200);
    assert_int_equal(strncmp(ddi_link(&reply, "deploymentBase"), "deploymentBase/1?c=", 19), 0);
    struct call call =
        ddi_call(&ada, HTTP_POST, DDI "/deploymentBase/{actionId}/feedback",
                 "{\"status\":{\"execution\":\"closed\",\"result\":{\"finished\":\"success\"}}}");
    call.peer = NULL;
    call.param3 = "1";
    call.headers[1] = (struct http_field){"Authorization", value};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(ask(h, &ben, value, &reply), 401);
    call = (struct call){
        .method = HTTP_GET, .route = "/device/v1/status", .headers = {{"Authorization", value}}};
    assert_status(h, &call, &reply, 401);
    /* a certificate that is shown decides alone */
    call = ddi_call(&ada, HTTP_GET, DDI, NULL);
    call.peer = &ada.chip.peer;
    call.headers[1] = (struct http_field){"Authorization", value};
    assert_status(h, &call, &reply, 403);
}

static void what_ends_a_token(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(unit_ddi) unit;
    char first[128], second[128];
    unit_ddi_make(h, &unit);
    allow(h, true);
    make_token(h, &unit, first);
    make_token(h, &unit, second);
    assert_int_equal(ask(h, &unit, first, &reply), 401); /* another in its place */
    assert_int_equal(ask(h, &unit, second, &reply), 200);
    allow(h, false);
    assert_int_equal(ask(h, &unit, second, &reply), 401);
    allow(h, true);
    assert_int_equal(ask(h, &unit, second, &reply), 200);
    struct call call =
        about(h, HTTP_POST, "/api/v1/devices/{id}/quarantine", unit.chip.id, "{\"reason\":\"test\"}");
    assert_status(h, &call, &reply, 200);
    assert_int_equal(ask(h, &unit, second, &reply), 401);
    call = about(h, HTTP_POST, "/api/v1/devices/{id}/release", unit.chip.id, "{}");
    assert_status(h, &call, &reply, 200);
    assert_int_equal(ask(h, &unit, second, &reply), 200);
    call = about(h, HTTP_DELETE, TOKEN, unit.chip.id, NULL);
    assert_status(h, &call, &reply, 204);
    assert_status(h, &call, &reply, 404);
    assert_int_equal(ask(h, &unit, second, &reply), 401);
}

static void what_is_no_token_is_told_so(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(unit_ddi) unit;
    char bearer[160], longest[256];
    unit_ddi_make(h, &unit);
    allow(h, true);
    (void)snprintf(bearer, sizeof bearer, "Bearer %s", h->admin);
    memset(longest, 'a', sizeof longest);
    memcpy(longest, "TargetToken ", 12);
    longest[12 + 129] = '\0';
    const char *const bad[] = {NULL,
                               "",
                               "TargetToken",
                               "TargetToken ",
                               "TargetToken short",
                               "TargetToken 0123456789012345678901234567890!",
                               "GatewayToken 01234567890123456789012345678901",
                               "TargetToken 01234567890123456789012345678901",
                               longest,
                               bearer};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(ask(h, &unit, bad[i], &reply), 401);
        assert_string_not_equal(text_at(&reply, "detail"), "");
    }
    assert_non_null(strstr(text_at(&reply, "detail"), "management interface"));
}

static void management_is_walled(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(unit_ddi) unit;
    char token[TOKEN_TEXT_SIZE];
    unit_ddi_make(h, &unit);
    allow(h, true);
    other_tenant(h, token);
    static const struct {
        enum http_method method;
        const char *route;
    } rows[] = {{HTTP_PUT, TOKEN}, {HTTP_DELETE, TOKEN}, {HTTP_DELETE, NAME}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct call call = about(h, rows[i].method, rows[i].route, unit.chip.id, NULL);
        call.token = token;
        assert_status(h, &call, &reply, 404);
    }
    struct call call = about(h, HTTP_PUT, TOKEN, unit.chip.id, "{\"token\":\"mine\"}");
    assert_status(h, &call, &reply, 422);
    call = about(h, HTTP_PUT, TOKEN, "x", NULL);
    assert_status(h, &call, &reply, 400);
    call = about(h, HTTP_DELETE, NAME, unit.chip.id, NULL);
    assert_status(h, &call, &reply, 204);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_token_is_good_for_its_device_and_for_ddi),
        CASE(what_ends_a_token),
        CASE(what_is_no_token_is_told_so),
        CASE(management_is_walled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
