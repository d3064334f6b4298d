/* DDI from the first poll to the end: what is told, what is taken, and to whom nothing is told. */
#include "tests/unit/api/ddi_scene.h"

#include "api/ddi.h"

#define DEPLOYMENT DDI "/deploymentBase/{actionId}"
#define FEEDBACK   DEPLOYMENT "/feedback"
#define CANCEL     DDI "/cancelAction/{actionId}"
#define INSTALLED  DDI "/installedBase/{actionId}"
#define SUCCESS    "{\"id\":1,\"status\":{\"execution\":\"closed\",\"result\":{\"finished\":\"success\"}}}"
#define PROCEEDING                                                                                           \
    "{\"id\":\"1\",\"status\":{\"execution\":\"proceeding\",\"result\":{\"finished\":\"none\"}},\"x\":7}"

static void poll(struct house *h, const struct unit_ddi *unit, struct reply *reply)
{
    const struct call call = ddi_call(unit, HTTP_GET, DDI, NULL);
    assert_status(h, &call, reply, 200);
}

static int send_feedback(struct house *h, const struct unit_ddi *unit, const char *route, const char *id,
                         const char *body)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = ddi_call(unit, HTTP_POST, route, body);
    call.param3 = id;
    return send_call(h, &call, &reply);
}

static int look(struct house *h, const struct unit_ddi *unit, const char *route, const char *id,
                struct reply *reply)
{
    struct call call = ddi_call(unit, HTTP_GET, route, NULL);
    call.param3 = id;
    return send_call(h, &call, reply);
}

/* --- a life ------------------------------------------------------------------------------------------ */

static void a_device_is_led_from_poll_to_success(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(unit_ddi) unit;
    struct ddi_release release;
    struct rollout rollout;
    unit_ddi_make(h, &unit);
    poll(h, &unit, &reply);
    assert_string_equal(ddi_link(&reply, "configData"), "configData");
    assert_string_equal(ddi_link(&reply, "deploymentBase"), "");
    const struct call told =
        ddi_call(&unit, HTTP_PUT, DDI "/configData",
                 "{\"id\":\"\",\"time\":\"20261122T170402\",\"status\":{},\"data\":{\"b\":\"pi\"}}");
    assert_status(h, &told, &reply, 200);
    assert_int_equal(reply.response.body.n, 0);
    poll(h, &unit, &reply);
    assert_string_equal(ddi_link(&reply, "configData"), ""); /* or SWUpdate would never download */
    ddi_start(h, &release, &rollout);
    poll(h, &unit, &reply);
    assert_int_equal(strncmp(ddi_link(&reply, "deploymentBase"), "deploymentBase/1?c=", 19), 0);
    struct db_stats before, after;
    db_stats_read(h->db, &before);
    for (int i = 0; i < 20; i++) { /* SWUpdate looks three times before it acts */
        poll(h, &unit, &reply);
        assert_int_equal(look(h, &unit, DEPLOYMENT, "1", &reply), 200);
        assert_string_equal(text_at(&reply, "id"), "1");
    }
    db_stats_read(h->db, &after);
    assert_int_equal(after.commits, before.commits);
    assert_int_equal(look(h, &unit, INSTALLED, "1", &reply), 404);
    assert_int_equal(send_feedback(h, &unit, FEEDBACK, "1", PROCEEDING), 200);
    assert_int_equal(look(h, &unit, DEPLOYMENT, "1", &reply), 200);
    assert_int_equal(send_feedback(h, &unit, FEEDBACK, "1", SUCCESS), 200);
    assert_int_equal(send_feedback(h, &unit, FEEDBACK, "1", SUCCESS), 200); /* its answer was lost */
    assert_int_equal(send_feedback(h, &unit, FEEDBACK, "1", PROCEEDING), 410);
    assert_int_equal(look(h, &unit, DEPLOYMENT, "1", &reply), 410);
    poll(h, &unit, &reply);
    assert_string_equal(ddi_link(&reply, "deploymentBase"), "");
    assert_string_equal(ddi_link(&reply, "installedBase"), "installedBase/1");
    assert_int_equal(look(h, &unit, INSTALLED, "1", &reply), 200);
    assert_non_null(json_object_get(reply.json, "deployment"));
}

static void cancel(struct house *h, const struct unit_ddi *unit, struct ddi_release *release,
                   struct rollout *rollout)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    ddi_start(h, release, rollout);
    poll(h, unit, &reply);
    assert_int_equal(look(h, unit, CANCEL, "1", &reply), 404);
    assert_int_equal(send_feedback(h, unit, CANCEL "/feedback", "1", SUCCESS), 405);
    ddi_cancel(h, release, rollout);
    poll(h, unit, &reply);
    assert_string_equal(ddi_link(&reply, "cancelAction"), "cancelAction/1");
    assert_string_equal(ddi_link(&reply, "deploymentBase"), "");
    assert_int_equal(look(h, unit, DEPLOYMENT, "1", &reply), 404);
    assert_int_equal(look(h, unit, CANCEL, "1", &reply), 200);
    assert_string_equal(text_at(&reply, "id"), "1");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(reply.json, "cancelAction"), "stopId")), "1");
}

static void a_cancel_is_answered(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(unit_ddi) unit;
    struct ddi_release release;
    struct rollout rollout;
    unit_ddi_make(h, &unit);
    cancel(h, &unit, &release, &rollout);
    assert_int_equal(send_feedback(h, &unit, CANCEL "/feedback", "1", PROCEEDING), 200);
    poll(h, &unit, &reply);
    assert_string_equal(ddi_link(&reply, "cancelAction"), "cancelAction/1");
    assert_int_equal(send_feedback(h, &unit, CANCEL "/feedback", "1", SUCCESS), 200);
    poll(h, &unit, &reply);
    assert_string_equal(ddi_link(&reply, "cancelAction"), "");
    assert_string_equal(ddi_link(&reply, "deploymentBase"), "");
    assert_int_equal(send_feedback(h, &unit, FEEDBACK, "1", PROCEEDING), 410);
}

/* hawkBit's "canceled" is no end of an action that nobody cancelled: its device still says how it went. */
static void canceled_ends_only_what_was_cancelled(void **state)
{
    static const char canceled[] =
        "{\"status\":{\"execution\":\"canceled\",\"result\":{\"finished\":\"none\"}}}";
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(unit_ddi) ada;
    AUTO_VAL(unit_ddi) ben;
    struct ddi_release release;
    struct rollout rollout;
    unit_ddi_make(h, &ada);
    unit_ddi_make(h, &ben);
    ddi_start(h, &release, &rollout);
    poll(h, &ada, &reply);
    poll(h, &ben, &reply);
    assert_int_equal(send_feedback(h, &ada, FEEDBACK, "1", canceled), 200);
    assert_int_equal(look(h, &ada, DEPLOYMENT, "1", &reply), 200);
    assert_int_equal(send_feedback(h, &ada, FEEDBACK, "1", SUCCESS), 200);
    ddi_cancel(h, &release, &rollout);
    assert_int_equal(send_feedback(h, &ben, CANCEL "/feedback", "1", canceled), 200);
    poll(h, &ben, &reply);
    assert_string_equal(ddi_link(&reply, "cancelAction"), ""); /* not asked again and again */
    assert_int_equal(send_feedback(h, &ben, CANCEL "/feedback", "1", SUCCESS), 200);
}

static void a_refused_cancel_lets_it_go_on(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(unit_ddi) unit;
    struct ddi_release release;
    struct rollout rollout;
    unit_ddi_make(h, &unit);
    cancel(h, &unit, &release, &rollout);
    assert_int_equal(
        send_feedback(h, &unit, CANCEL "/feedback", "1",
                      "{\"status\":{\"execution\":\"rejected\",\"result\":{\"finished\":\"none\"}}}"),
        200);
    poll(h, &unit, &reply);
    assert_string_equal(ddi_link(&reply, "cancelAction"), "");
    assert_int_equal(send_feedback(h, &unit, FEEDBACK, "1", SUCCESS), 200);
}

/* --- nobody else's ----------------------------------------------------------------------------------- */

static void what_is_another_devices_is_not_there(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(unit_ddi) ada;
    AUTO_VAL(unit_ddi) ben;
    struct ddi_release release;
    struct rollout rollout;
    char other[TOKEN_TEXT_SIZE];
    unit_ddi_make(h, &ada);
    unit_ddi_make(h, &ben);
    other_tenant(h, other);
    ddi_start(h, &release, &rollout);
    poll(h, &ada, &reply);
    /* Ben's ids are his own: he has none yet */
    assert_int_equal(look(h, &ben, DEPLOYMENT, "1", &reply), 404);
    assert_int_equal(send_feedback(h, &ben, FEEDBACK, "1", SUCCESS), 404);
    static const char *const ids[] = {"2", "0", "10", "x", "", "99999999999"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        assert_int_equal(look(h, &ada, DEPLOYMENT, ids[i], &reply), 404);
        assert_int_equal(send_feedback(h, &ada, FEEDBACK, ids[i], SUCCESS), 404);
    }
    /* a name of another, a tenant of another */
    struct call call = ddi_call(&ben, HTTP_GET, DDI, NULL);
    call.param2 = ada.chip.id;
    assert_status(h, &call, &reply, 404);
    static const struct {
        const char *tenant;
        int status;
    } tenants[] = {{"default", 200}, {"Default", 200}, {"DEFAULT", 200},
                   {"other", 404},   {"OTHER", 404},   {"nobody", 404}};
    for (size_t i = 0; i < sizeof tenants / sizeof tenants[0]; i++) {
        call = ddi_call(&ada, HTTP_GET, DDI, NULL);
        call.param = tenants[i].tenant;
        assert_status(h, &call, &reply, tenants[i].status);
    }
}

static void a_device_has_one_name_of_its_own(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(unit_ddi) ada;
    AUTO_VAL(unit_ddi) ben;
    unit_ddi_make(h, &ada);
    unit_ddi_make(h, &ben);
    struct call call = ddi_call(&ada, HTTP_GET, DDI, NULL);
    call.param2 = "nrf52840dk-a1b2";
    assert_status(h, &call, &reply, 200);
    const json_t *links = json_object_get(reply.json, "_links");
    assert_string_equal(json_string_value(json_object_get(json_object_get(links, "configData"), "href")),
                        "https://firmware.example:8443/DEFAULT/controller/v1/nrf52840dk-a1b2/configData");
    call.peer = &ben.peer;
    assert_status(h, &call, &reply, 404);
    call.headers[0].name = NULL;
    call.peer = &ada.peer;
    assert_status(h, &call, &reply, 400); /* links need the name of this server */
}

static void who_shows_nothing_good_gets_nothing(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(unit_ddi) unit;
    AUTO_VAL(chip) stranger;
    unit_ddi_make(h, &unit);
    chip_make(&stranger);
    struct call call = ddi_call(&unit, HTTP_GET, DDI, NULL);
    call.peer = NULL;
    assert_status(h, &call, &reply, 401);
    call.peer = &unit.chip.peer; /* its identity key: good for enrolment only */
    assert_status(h, &call, &reply, 403);
    call.peer = &stranger.peer;
    assert_status(h, &call, &reply, 403);
    const struct call order =
        about(h, HTTP_POST, "/api/v1/devices/{id}/quarantine", unit.chip.id, "{\"reason\":\"test\"}");
    assert_status(h, &order, &reply, 200);
    call = ddi_call(&unit, HTTP_GET, DDI, NULL);
    assert_status(h, &call, &reply, 403);
    assert_int_equal(send_feedback(h, &unit, FEEDBACK, "1", SUCCESS), 403);
}

/* --- bodies, forms ----------------------------------------------------------------------------------- */

static void bad_bodies_change_nothing(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(unit_ddi) unit;
    AUTO_VAL(buf) huge = {0};
    struct ddi_release release;
    struct rollout rollout;
    unit_ddi_make(h, &unit);
    ddi_start(h, &release, &rollout);
    poll(h, &unit, &reply);
    assert_int_equal(send_feedback(h, &unit, FEEDBACK, "1", "{\"status\":"), 400);
    assert_int_equal(send_feedback(h, &unit, FEEDBACK, "1", ""), 400);
    assert_int_equal(send_feedback(h, &unit, FEEDBACK, "1", "{}"), 400);
    assert_int_equal(send_feedback(h, &unit, FEEDBACK, "1", "\xff"), 400);
    assert_ok(buf_reserve(&huge, (DDI_BODY_LIMIT + 2)));
    memset(huge.p, ' ', (DDI_BODY_LIMIT + 2) - 1);
    huge.p[(DDI_BODY_LIMIT + 2) - 1] = '\0';
    assert_int_equal(send_feedback(h, &unit, FEEDBACK, "1", (const char *)huge.p), 413);
    struct call call = ddi_call(&unit, HTTP_POST, FEEDBACK, SUCCESS);
    call.param3 = "1";
    call.type = "application/cbor";
    assert_status(h, &call, &reply, 415);
    call = ddi_call(&unit, HTTP_PUT, DDI "/configData", "{\"data\":[]}");
    assert_status(h, &call, &reply, 400);
    poll(h, &unit, &reply);
    assert_string_equal(ddi_link(&reply, "configData"), "configData");
    assert_int_equal(strncmp(ddi_link(&reply, "deploymentBase"), "deploymentBase/1?c=", 19), 0);
}

static void the_form_is_the_one_that_is_accepted(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(unit_ddi) unit;
    static const struct {
        const char *accept, *type;
    } forms[] = {{"application/json", "application/json"},
                 {"application/json;charset=UTF-8", "application/json"},
                 {"application/hal+json", "application/hal+json"},
                 {"*/*", "application/hal+json"}};
    unit_ddi_make(h, &unit);
    struct call call = ddi_call(&unit, HTTP_GET, DDI, NULL);
    assert_status(h, &call, &reply, 200);
    assert_string_equal(reply.response.content_type, "application/hal+json");
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        call.headers[1] = (struct http_field){"Accept", forms[i].accept};
        assert_status(h, &call, &reply, 200);
        assert_string_equal(reply.response.content_type, forms[i].type);
    }
    call.headers[1] = (struct http_field){"Accept", "application/cbor"};
    assert_status(h, &call, &reply, 406);
}

static void consent_is_never_waited_for(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(unit_ddi) unit;
    struct ddi_release release;
    struct rollout rollout;
    unit_ddi_make(h, &unit);
    ddi_start(h, &release, &rollout);
    poll(h, &unit, &reply);
    struct call call = ddi_call(&unit, HTTP_GET, DDI "/confirmationBase", NULL);
    assert_status(h, &call, &reply, 200);
    assert_true(json_is_true(json_object_get(json_object_get(reply.json, "autoConfirm"), "active")));
    assert_int_equal(look(h, &unit, DDI "/confirmationBase/{actionId}", "1", &reply), 404);
    assert_int_equal(send_feedback(h, &unit, DDI "/confirmationBase/{actionId}/feedback", "1",
                                   "{\"confirmation\":\"denied\"}"),
                     410);
    call = ddi_call(&unit, HTTP_POST, DDI "/confirmationBase/activateAutoConfirm", "{\"initiator\":\"x\"}");
    assert_status(h, &call, &reply, 200);
    call = ddi_call(&unit, HTTP_POST, DDI "/confirmationBase/deactivateAutoConfirm", NULL);
    assert_status(h, &call, &reply, 409);
    assert_int_equal(look(h, &unit, DEPLOYMENT, "1", &reply), 200);
}

static void what_was_installed_elsewhere_is_kept(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(unit_ddi) unit;
    unit_ddi_make(h, &unit);
    struct call call =
        ddi_call(&unit, HTTP_PUT, DDI "/installedBase", "{\"name\":\"n\",\"version\":\"7.1\"}");
    assert_status(h, &call, &reply, 200);
    assert_status(h, &call, &reply, 200);
    call = ddi_call(&unit, HTTP_PUT, DDI "/installedBase", "{\"name\":\"n\"}");
    assert_status(h, &call, &reply, 400);
    call = ddi_call(&unit, HTTP_PUT, DDI "/installedBase", "{\"name\":\"n\",\"version\":\"\"}");
    assert_status(h, &call, &reply, 422);
}

/* --- bytes ------------------------------------------------------------------------------------------- */

static void artifacts_are_told_to_whom_they_were_offered(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(unit_ddi) ada;
    AUTO_VAL(unit_ddi) ben;
    struct ddi_release release;
    struct rollout rollout;
    char image[UUID_TEXT_SIZE], sum[64], hex[33];
    unit_ddi_make(h, &ada);
    unit_ddi_make(h, &ben);
    ddi_start(h, &release, &rollout);
    poll(h, &ada, &reply);
    uuid_format(release.image, image);
    assert_int_equal(look(h, &ada, DDI "/softwaremodules/{moduleId}/artifacts", image, &reply), 200);
    assert_int_equal(json_array_size(reply.json), 1);
    assert_string_equal(text_of_item(json_array_get(reply.json, 0), "filename"), "fw.bin");
    struct call call =
        ddi_call(&ada, HTTP_GET, DDI "/softwaremodules/{moduleId}/artifacts/{fileName}.MD5SUM", NULL);
    call.param3 = image;
    call.param4 = "fw.bin";
    assert_status(h, &call, &reply, 200);
    hex_encode((struct bytes){release.bytes.b, 16}, hex);
    (void)snprintf(sum, sizeof sum, "%s  fw.bin", hex);
    assert_string_equal(buf_str(&reply.response.body), sum);
    call.param4 = "other.bin";
    assert_status(h, &call, &reply, 404);
    call.param4 = "fw.bin";
    call.peer = &ben.peer; /* who has not polled has not been offered it */
    call.param2 = ben.chip.id;
    assert_status(h, &call, &reply, 404);
    assert_int_equal(look(h, &ben, DDI "/softwaremodules/{moduleId}/artifacts", image, &reply), 404);
    assert_int_equal(look(h, &ada, DDI "/softwaremodules/{moduleId}/artifacts", "7", &reply), 404);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_device_is_led_from_poll_to_success),  CASE(a_cancel_is_answered),
        CASE(canceled_ends_only_what_was_cancelled), CASE(a_refused_cancel_lets_it_go_on),
        CASE(what_is_another_devices_is_not_there),  CASE(a_device_has_one_name_of_its_own),
        CASE(who_shows_nothing_good_gets_nothing),   CASE(bad_bodies_change_nothing),
        CASE(the_form_is_the_one_that_is_accepted),  CASE(consent_is_never_waited_for),
        CASE(what_was_installed_elsewhere_is_kept),  CASE(artifacts_are_told_to_whom_they_were_offered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
