/* What a device said of an action, read back over DDI: the newest first, no more than it asks for. */
#include "tests/unit/api/ddi_scene.h"

#define DEPLOYMENT DDI "/deploymentBase/{actionId}"

static void tell(struct house *h, const struct unit_ddi *unit, const char *line)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    char body[160];
    (void)snprintf(
        body, sizeof body,
        "{\"status\":{\"execution\":\"proceeding\",\"result\":{\"finished\":\"none\"},\"details\":[\"%s\"]}}",
        line);
    struct call call = ddi_call(unit, HTTP_POST, DEPLOYMENT "/feedback", body);
    call.param3 = "1";
    assert_status(h, &call, &reply, 200);
}

static void a_device_reads_what_it_said(void **state)
{
    static const struct {
        const char *history;
        size_t count;
    } table[] = {{"1", 1}, {"2", 2}, {"7", 3}, {"-1", 3}};
    static const char *const lines[] = {"one", "two", "", "three"};
    static const char *const none[] = {"x", "0", ""};
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(unit_ddi) unit;
    struct ddi_release release;
    struct rollout rollout;
    unit_ddi_make(h, &unit);
    ddi_start(h, &release, &rollout);
    struct call call = ddi_call(&unit, HTTP_GET, DDI, NULL);
    assert_status(h, &call, &reply, 200);
    for (size_t i = 0; i < 4; i++) {
        tell(h, &unit, lines[i]);
    }
    call = ddi_call(&unit, HTTP_GET, DEPLOYMENT, NULL);
    call.param3 = "1";
    assert_status(h, &call, &reply, 200);
    assert_null(json_object_get(reply.json, "actionHistory"));
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        call.query[0] = (struct http_field){"actionHistory", table[i].history};
        assert_status(h, &call, &reply, 200);
        const json_t *history = json_object_get(reply.json, "actionHistory");
        assert_string_equal(json_string_value(json_object_get(history, "status")), "RUNNING");
        const json_t *messages = json_object_get(history, "messages");
        assert_int_equal(json_array_size(messages), table[i].count);
        assert_string_equal(json_string_value(json_array_get(messages, 0)), "three");
    }
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        call.query[0] = (struct http_field){"actionHistory", none[i]};
        assert_status(h, &call, &reply, 200);
        assert_null(json_object_get(reply.json, "actionHistory"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_device_reads_what_it_said, house_setup, house_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
