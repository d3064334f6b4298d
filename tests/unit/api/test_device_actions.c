/* Orders about a device over REST: bodies, versions, scopes, states, and what another tenant may not. */
#include "tests/unit/api/device_house.h"

#define ORDER_PATH(word) "/api/v1/devices/{id}/" word

static err_t run_text(struct db_tx *tx, void *arg)
{
    return db_change(tx, *(const char *const *)arg, NULL, 0, NULL);
}

static void a_life_by_orders(void **state)
{
    static const struct {
        const char *route, *body, *state;
        int status;
    } steps[] = {
        {ORDER_PATH("release"), NULL, NULL, 409},
        {ORDER_PATH("quarantine"), "{\"reason\":\"odd traffic\",\"note\":\"ticket 7\"}", "quarantined", 200},
        {ORDER_PATH("quarantine"), NULL, NULL, 409},
        {ORDER_PATH("rekey"), NULL, NULL, 409},
        {ORDER_PATH("release"), "{}", "enrolled", 200},
        {ORDER_PATH("rekey"), NULL, "enrolled", 200},
        {ORDER_PATH("revoke"), "{\"reason\":\"affiliationChanged\"}", "revoked", 200},
        {ORDER_PATH("revoke"), NULL, NULL, 409},
        {ORDER_PATH("allow-reenrol"), NULL, "revoked", 200},
        {ORDER_PATH("retire"), NULL, "retired", 200},
        {ORDER_PATH("compromised"), NULL, NULL, 409},
        {ORDER_PATH("allow-reenrol"), NULL, NULL, 409},
    };
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    chip_make(&chip);
    register_chips(h, &chip, 1);
    assert_int_equal(enrol_by_est(h, &chip), 200);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct call call = about(h, HTTP_POST, steps[i].route, chip.id, steps[i].body);
        assert_status(h, &call, &reply, steps[i].status);
        if (steps[i].status == 200) {
            assert_string_equal(text_at(&reply, "state"), steps[i].state);
            assert_true(strlen(reply_header(&reply, "ETag")) > 2);
        } else {
            assert_string_equal(text_at(&reply, "type"), "/problems/wrong-state");
            assert_has(text_at(&reply, "detail"), "allowed now: ");
        }
    }
    assert_int_equal(enrol_by_est(h, &chip), 403);
    struct call call = rest(h, HTTP_GET, "/api/v1/devices", NULL);
    call.query[0] = (struct http_field){"state", "retired"};
    assert_status(h, &call, &reply, 200);
    json_t *device = json_array_get(json_object_get(reply.json, "devices"), 0);
    assert_string_equal(text_of_item(device, "id"), chip.id);
    /* the tombstone keeps the id for ever */
    AUTO_VAL(buf) body = {0};
    assert_ok(buf_printf(&body, "{\"devices\":[\"%s\"]}", chip.id));
    call = rest(h, HTTP_POST, "/api/v1/batches", buf_str(&body));
    assert_status(h, &call, &reply, 409);
}

static void bad_orders(void **state)
{
    static const struct {
        const char *route, *body;
        int status, errors;
    } rows[] = {
        {ORDER_PATH("quarantine"), "{\"x\":1,\"y\":2,\"note\":7}", 422, 3},
        {ORDER_PATH("quarantine"), "{\"reason\":\"\"}", 422, 1},
        {ORDER_PATH("revoke"), "{\"reason\":\"boredom\"}", 422, 1},
        {ORDER_PATH("revoke"), "{\"reason\":\"certificateHold\",\"z\":0}", 422, 2},
        {ORDER_PATH("revoke"), "[]", 422, 0},
        {ORDER_PATH("retire"), "{", 400, 0},
        {ORDER_PATH("allow-recovery"), "{\"valid_for_s\":59}", 422, 1},
        {ORDER_PATH("allow-recovery"), "{\"valid_for_s\":2592001}", 422, 1},
        {ORDER_PATH("allow-recovery"), "{\"valid_for_s\":\"1h\",\"x\":1}", 422, 2},
        {ORDER_PATH("rekey"), "{\"valid_for_s\":3600}", 422, 1}, /* of one order only */
    };
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    chip_make(&chip);
    register_chips(h, &chip, 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct call call = about(h, HTTP_POST, rows[i].route, chip.id, rows[i].body);
        assert_status(h, &call, &reply, rows[i].status);
        if (rows[i].errors > 0) {
            assert_int_equal(json_array_size(json_object_get(reply.json, "errors")), rows[i].errors);
        }
    }
    struct call call = about(h, HTTP_POST, ORDER_PATH("quarantine"), "A1", NULL);
    assert_status(h, &call, &reply, 400);
    call.param = chip.id;
    call.query[0] = (struct http_field){"force", "1"};
    assert_status(h, &call, &reply, 400);
    call.query[0].name = NULL;
    call.headers[0] = (struct http_field){"If-Match", "\"999\""};
    assert_status(h, &call, &reply, 412);
    call.headers[0].value = "\"999\", \"1\"";
    assert_status(h, &call, &reply, 200);
}

static size_t count_waiting(struct house *h)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_GET, "/api/v1/devices", NULL);
    call.query[0] = (struct http_field){"recovery", "requested"};
    assert_status(h, &call, &reply, 200);
    return json_array_size(json_object_get(reply.json, "devices"));
}

/* Refused for the policy's sake, listed, allowed, seen in the device, used up. */
static void a_recovery_is_asked_for_and_allowed(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    chip_make(&chip);
    register_chips(h, &chip, 1);
    struct call call = rest(h, HTTP_GET, "/api/v1/devices/{id}", NULL);
    call.param = chip.id;
    assert_int_equal(enrol_by_est(h, &chip), 200);
    /* it used what it got */
    const char *used = "UPDATE certificate SET first_used_at = 1";
    assert_ok(db_write(h->db, run_text, &used));
    assert_status(h, &call, &reply, 200);
    assert_null(json_object_get(reply.json, "recovery"));
    assert_int_equal(enrol_by_est(h, &chip), 403);
    assert_int_equal(count_waiting(h), 1);
    assert_status(h, &call, &reply, 200);
    assert_non_null(json_object_get(json_object_get(reply.json, "recovery"), "requested_at"));
    struct call allow = about(h, HTTP_POST, ORDER_PATH("allow-recovery"), chip.id, NULL); /* for a day */
    assert_status(h, &allow, &reply, 200);
    const json_t *recovery = json_object_get(reply.json, "recovery");
    assert_null(json_object_get(recovery, "requested_at"));
    assert_non_null(json_object_get(recovery, "allowed_until"));
    assert_int_equal(count_waiting(h), 0);
    assert_int_equal(enrol_by_est(h, &chip), 200);
    assert_status(h, &call, &reply, 200);
    assert_null(json_object_get(reply.json, "recovery"));
}

static void the_filter_stands_alone(void **state)
{
    static const char *const beside[][2] = {
        {"state", "enrolled"}, {"serial", "SN-1"}, {"label", "a=b"}, {"sort", "serial"}};
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_GET, "/api/v1/devices", NULL);
    call.query[0] = (struct http_field){"recovery", "allowed"};
    assert_status(h, &call, &reply, 400);
    call.query[0].value = "requested";
    for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
        call.query[1] = (struct http_field){beside[i][0], beside[i][1]};
        assert_status(h, &call, &reply, 400);
    }
}

static void scopes_and_tenants(void **state)
{
    static const char *const writes[] = {ORDER_PATH("quarantine"), ORDER_PATH("release"),
                                         ORDER_PATH("allow-reenrol"), ORDER_PATH("allow-recovery"),
                                         ORDER_PATH("rekey")};
    static const char *const revokes[] = {ORDER_PATH("revoke"), ORDER_PATH("retire"),
                                          ORDER_PATH("compromised")};
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    char writer[TOKEN_TEXT_SIZE], revoker[TOKEN_TEXT_SIZE], stranger[TOKEN_TEXT_SIZE];
    chip_make(&chip);
    register_chips(h, &chip, 1);
    token_with(h, SCOPE_DEVICES_WRITE | SCOPE_DEVICES_READ, writer);
    token_with(h, SCOPE_CERTIFICATES_REVOKE, revoker);
    other_tenant(h, stranger);
    for (size_t i = 0; i < 8; i++) {
        struct call call = about(h, HTTP_POST, i < 5 ? writes[i] : revokes[i - 5], chip.id, NULL);
        call.token = i < 5 ? revoker : writer;
        assert_status(h, &call, &reply, 403);
        assert_has(text_at(&reply, "detail"), i < 5 ? "devices:write" : "certificates:revoke");
        call.token = stranger;
        assert_status(h, &call, &reply, 404);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_life_by_orders, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(bad_orders, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_recovery_is_asked_for_and_allowed, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(the_filter_stands_alone, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(scopes_and_tenants, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
