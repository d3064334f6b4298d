/* SWUpdate's general purpose HTTP server: its status codes, its log, and to whom nothing is told. */
#include "tests/unit/api/ddi_scene.h"

#define UPDATE   "/swupdate/v1/update"
#define LOG_LINE "/swupdate/v1/log"

static int ask(struct house *h, const struct peer_identity *peer, struct reply *reply)
{
    const struct call call = {.method = HTTP_GET,
                              .route = UPDATE,
                              .headers = {{"Host", "firmware.example:8443"}},
                              .query = {{"board", "pi4"}, {"serial", "7 7"}},
                              .peer = peer};
    return send_call(h, &call, reply);
}

static int tell(struct house *h, const struct unit_ddi *unit, const char *line)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    const struct call call = {.method = HTTP_PUT,
                              .route = LOG_LINE,
                              .type = "application/text",
                              .body = bytes_str(line),
                              .peer = &unit->peer};
    return send_call(h, &call, &reply);
}

/* Of the device's newest action. */
static const char *state_now(struct house *h, const struct unit_ddi *unit, struct reply *reply)
{
    const struct call call = about(h, HTTP_GET, "/api/v1/devices/{id}/firmware", unit->chip.id, NULL);
    assert_status(h, &call, reply, 200);
    return text_of_item(json_array_get(json_object_get(reply->json, "actions"), 0), "state");
}

static void an_update_is_a_redirect_and_ends_by_its_log(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(unit_ddi) unit;
    AUTO_VAL(buf) md5 = {0};
    struct ddi_release release;
    struct rollout rollout;
    char location[160] = "https://firmware.example:8443/device/v1/firmware/images/";
    unit_ddi_make(h, &unit);
    assert_int_equal(ask(h, &unit.peer, &reply), 404);
    assert_string_equal(reply_header(&reply, "Retry-After"), "300");
    assert_int_equal(tell(h, &unit, "success"), 404); /* of what? */
    ddi_start(h, &release, &rollout);
    assert_int_equal(ask(h, &unit.peer, &reply), 302);
    hex_encode(BYTES_OF(release.bytes.b), location + strlen(location));
    assert_string_equal(reply_header(&reply, "Location"), location);
    assert_ok(base64_append(&md5, (struct bytes){release.bytes.b, 16}));
    assert_string_equal(reply_header(&reply, "Content-MD5"), buf_str(&md5));
    assert_int_equal(ask(h, &unit.peer, &reply), 302); /* again: the same */
    assert_string_equal(state_now(h, &unit, &reply), "offered");
    const json_t *attributes = json_object_get(reply.json, "attributes");
    assert_string_equal(text_of_item(attributes, "board"), "pi4");
    assert_string_equal(text_of_item(attributes, "serial"), "7 7");
    assert_int_equal(tell(h, &unit, "started,2026-11-25"), 200);
    assert_string_equal(state_now(h, &unit, &reply), "running");
    assert_int_equal(tell(h, &unit, "successful,2026-11-25"), 200); /* no word of ours: a note */
    assert_string_equal(state_now(h, &unit, &reply), "running");
    assert_int_equal(tell(h, &unit, "success,2026-11-25"), 200);
    assert_string_equal(state_now(h, &unit, &reply), "unverified"); /* it fetched nothing here */
    assert_int_equal(ask(h, &unit.peer, &reply), 404);
    assert_int_equal(tell(h, &unit, "success,2026-11-25"), 404);
}

static void failures_and_cancels_end_it(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(unit_ddi) ada;
    AUTO_VAL(unit_ddi) ben;
    struct ddi_release release;
    struct rollout rollout;
    unit_ddi_make(h, &ada);
    unit_ddi_make(h, &ben);
    ddi_start(h, &release, &rollout);
    assert_int_equal(ask(h, &ada.peer, &reply), 302);
    assert_int_equal(ask(h, &ben.peer, &reply), 302);
    assert_int_equal(tell(h, &ada, "fail\x01\xff"), 200);
    assert_string_equal(state_now(h, &ada, &reply), "failed");
    ddi_cancel(h, &release, &rollout);
    assert_int_equal(ask(h, &ben.peer, &reply), 404);
    assert_string_equal(state_now(h, &ben, &reply), "cancelling");
    assert_int_equal(tell(h, &ben, "fail"), 200);
    assert_string_equal(state_now(h, &ben, &reply), "failed");
}

static void who_gets_none_is_told_403(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(unit_ddi) unit;
    AUTO_VAL(chip) stranger;
    char huge[4099];
    unit_ddi_make(h, &unit);
    chip_make(&stranger);
    assert_int_equal(ask(h, NULL, &reply), 403);
    assert_int_equal(ask(h, &stranger.peer, &reply), 403);
    assert_int_equal(ask(h, &unit.chip.peer, &reply), 403);
    memset(huge, 'x', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    assert_int_equal(tell(h, &unit, huge), 413);
    const struct call order =
        about(h, HTTP_POST, "/api/v1/devices/{id}/quarantine", unit.chip.id, "{\"reason\":\"test\"}");
    assert_status(h, &order, &reply, 200);
    assert_int_equal(ask(h, &unit.peer, &reply), 403);
    assert_int_equal(tell(h, &unit, "success"), 403);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_update_is_a_redirect_and_ends_by_its_log),
        CASE(failures_and_cancels_end_it),
        CASE(who_gets_none_is_told_403),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
