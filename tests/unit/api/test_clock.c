/* The clock over REST: shown, held, confirmed by who knows the time; and what a device is told meanwhile. */
#include "tests/unit/api/device_house.h"

#define CLOCK   "/api/v1/clock"
#define CONFIRM "/api/v1/clock/confirm"

static bool is_held(const struct reply *reply)
{
    return json_is_true(json_object_get(reply->json, "is_held"));
}

static void confirm_body(int64_t time_ms, char out[96])
{
    char text[32];
    time_format(time_ms, text);
    (void)snprintf(out, 96, "{\"time\":\"%s\"}", text);
}

static void a_step_is_shown_and_confirmed(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char body[96];
    struct call look = rest(h, HTTP_GET, CLOCK, NULL);
    assert_status(h, &look, &reply, 200);
    assert_false(is_held(&reply));
    assert_int_equal(number_at(&reply, "step_limit_s"), 300);
    manual_clock_step(&h->clock, 600000);
    assert_status(h, &look, &reply, 200);
    assert_true(is_held(&reply));
    assert_string_equal(text_at(&reply, "reason"), "stepped");
    assert_int_equal(number_at(&reply, "step_s"), 600);
    /* by a clock that shows what this one showed before */
    confirm_body(h->clock.at_ms, body);
    struct call call = rest(h, HTTP_POST, CONFIRM, body);
    assert_status(h, &call, &reply, 422);
    const json_t *finding = json_array_get(json_object_get(reply.json, "errors"), 0);
    assert_string_equal(text_of_item(finding, "pointer"), "/time");
    confirm_body(h->clock.at_ms + 600000, body);
    call = rest(h, HTTP_POST, CONFIRM, body);
    assert_status(h, &call, &reply, 200);
    assert_false(is_held(&reply));
    assert_status(h, &call, &reply, 409); /* nothing is held now */
}

static void a_device_is_told_to_come_again(void **state)
{
    struct house *h = *state;
    struct chip chip;
    chip_make(&chip);
    register_chips(h, &chip, 1);
    manual_clock_step(&h->clock, 10 * year_ms);
    assert_int_equal(enrol_by_est(h, &chip), 503);
    manual_clock_step(&h->clock, -10 * year_ms - 3600000);
    assert_int_equal(enrol_by_est(h, &chip), 503);
    manual_clock_step(&h->clock, 3600000); /* set right */
    assert_int_equal(enrol_by_est(h, &chip), 200);
    chip_clear(&chip);
}

static void who_may_and_with_what(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char token[TOKEN_TEXT_SIZE];
    other_tenant(h, token);
    manual_clock_step(&h->clock, -600000);
    struct call call = rest(h, HTTP_POST, CONFIRM, "{\"time\":\"2026-01-01T00:00:00Z\"}");
    call.token = token;
    assert_status(h, &call, &reply, 403);
    static const char *const bad[] = {"{}", "{\"time\":null}", "{\"time\":5}", "{\"time\":\"yesterday\"}",
                                      "{\"time\":\"2026-01-01T00:00:00Z\",\"colour\":1}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        call = rest(h, HTTP_POST, CONFIRM, bad[i]);
        assert_status(h, &call, &reply, 422);
    }
    struct call look = rest(h, HTTP_GET, CLOCK, NULL);
    assert_status(h, &look, &reply, 200);
    assert_true(is_held(&reply));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_step_is_shown_and_confirmed),
        TEST(a_device_is_told_to_come_again),
        TEST(who_may_and_with_what),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
