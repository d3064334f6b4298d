/* Rollouts over REST: drafted, ordered, changed, looked at; what is wrong with one, and walls between
 * tenants. What a rollout does to devices is in tests/unit/fleet/test_rollout*.c. */
#include "tests/unit/api/resource_fixture.h"

#define ROLLOUTS "/api/v1/rollouts"
#define ROLLOUT  ROLLOUTS "/{id}"
#define DEVICES  ROLLOUT "/devices"
#define FIRMWARE "/api/v1/devices/{id}/firmware"
#define RELEASE  "01a20ee7-5399-7cd2-a71d-6bbd3bd4a0d7"

/* A release that is published: made by SQL, as its own tests make it by the API. */
static const char SQL_RELEASE[] =
    "INSERT INTO firmware_release (id, tenant, product, class, version, state, kind, sequence, counter, "
    "min_sequence, manifest, csaf_url, notes, sbom_type, reason, created_by, approved_by, created_at, "
    "updated_at, "
    "ver) SELECT x'01a20ee753997cd2a71d6bbd3bd4a0d7', tenant, id, '', '1.4.2', 3, 0, 12, -1, 0, x'', '', '', "
    "'', "
    "'', 'test', 'test', 1, 1, 1 FROM product";

static err_t insert_release(struct db_tx *tx, void *arg)
{
    (void)arg;
    return db_change(tx, SQL_RELEASE, NULL, 0, NULL);
}

static int setup(void **state)
{
    int result = house_setup(state);
    struct house *h = *state;
    assert_ok(db_write(h->db, insert_release, NULL));
    return result;
}
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, house_teardown)

static struct call on(const struct house *h, enum http_method method, const char *route, const char *id)
{
    struct call call = rest(h, method, route, NULL);
    call.param = id;
    return call;
}

#define WITH(name, rest_)                                                                                    \
    "{\"name\":\"" name "\",\"release_id\":\"" RELEASE "\",\"filter\":{\"all\":true}" rest_ "}"
static const char whole[] = WITH(
    "spring", ",\"waves\":[{\"label\":{\"ring\":\"canary\"}},{\"count\":10},{\"percent\":100}],"
              "\"rate_limit\":{\"devices\":10},\"silent_after_s\":3600,\"stop_on_failure\":{\"percent\":5,"
              "\"min_devices\":20},\"advance\":{\"soak_s\":600},\"min_source\":{\"version\":\"1.0\"},"
              "\"maintenance_windows\":[{\"day\":\"sunday\",\"start\":\"02:30\",\"minutes\":90}],"
              "\"utc_offset_minutes\":-60,\"forced\":false");

static void draft(struct house *h, const char *body, char id[UUID_TEXT_SIZE])
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_POST, ROLLOUTS, body);
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
}

static void a_rollout_is_drafted_changed_and_ordered(void **state)
{
    static const struct {
        const char *order, *state;
        int status;
    } steps[] = {
        {ROLLOUT "/pause", NULL, 409},         {ROLLOUT "/start", "running", 200},
        {ROLLOUT "/start", NULL, 409},         {ROLLOUT "/next-wave", "running", 200},
        {ROLLOUT "/pause", "paused", 200},     {ROLLOUT "/next-wave", "paused", 200},
        {ROLLOUT "/next-wave", NULL, 409},     {ROLLOUT "/resume", "running", 200},
        {ROLLOUT "/cancel", "cancelled", 200}, {ROLLOUT "/resume", NULL, 409},
    };
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE];
    struct call call = rest(h, HTTP_POST, ROLLOUTS, whole);
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    assert_string_equal(reply_header(&reply, "Location") + strlen(ROLLOUTS "/"), id);
    assert_string_equal(text_at(&reply, "state"), "draft");
    assert_string_equal(text_at(&reply, "product"), "default");
    assert_string_equal(text_at(&reply, "version"), "1.4.2");
    assert_int_equal(json_array_size(json_object_get(reply.json, "waves")), 3);
    const json_t *window = json_array_get(json_object_get(reply.json, "maintenance_windows"), 0);
    assert_string_equal(json_string_value(json_object_get(window, "start")), "02:30");
    call =
        change(h, ROLLOUT, id, "\"1\"",
               "{\"rate_limit\":null,\"maintenance_windows\":null,\"min_source\":null,\"name\":\"other\"}");
    assert_status(h, &call, &reply, 200);
    assert_null(json_object_get(reply.json, "rate_limit"));
    assert_null(json_object_get(reply.json, "maintenance_windows"));
    assert_null(json_object_get(reply.json, "min_source"));
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        call = on(h, HTTP_POST, steps[i].order, id);
        assert_status(h, &call, &reply, steps[i].status);
        assert_true(steps[i].state == NULL || strcmp(text_at(&reply, "state"), steps[i].state) == 0);
    }
    assert_string_equal(text_at(&reply, "type"), "/problems/wrong-state");
}

static void every_wrong_field_is_named(void **state)
{
    static const struct {
        const char *body, *pointer;
    } rows[] = {
        {"{}", "/name"},
        {"{\"name\":\"a\",\"filter\":{\"all\":true}}", "/release_id"},
        {"{\"name\":\"a\",\"release_id\":\"" RELEASE "\"}", "/filter"},
        {"{\"name\":\"a\",\"release_id\":\"" RELEASE "\",\"filter\":{}}", "/filter"},
        {"{\"name\":\"a\",\"release_id\":\"" RELEASE "\",\"filter\":{\"batch\":\"nowhere\"}}",
         "/filter/batch"},
        {"{\"name\":\"a\",\"release_id\":\"01a20ee7-5495-7fc0-8873-4ce1159f76fd\",\"filter\":{\"all\":true}}",
         "/release_id"},
        {WITH("a b", ""), "/name"},
        {WITH("a", ",\"waves\":[{}]"), "/waves/0"},
        {WITH("a", ",\"waves\":[{\"percent\":10},{\"percent\":5}]"), "/waves"},
        {WITH("a", ",\"waves\":[{\"count\":10},{\"count\":10}]"), "/waves"},
        {WITH("a", ",\"waves\":[{\"percent\":100},{\"count\":1}]"), "/waves"},
        {WITH("a", ",\"rate_limit\":{}"), "/rate_limit/devices"},
        {WITH("a", ",\"min_source\":{\"version\":\"v1\"}"), "/min_source/version"},
        {WITH("a", ",\"maintenance_windows\":[{\"day\":\"noday\",\"start\":\"02:00\",\"minutes\":1}]"),
         "/maintenance_windows/0"},
        {WITH("a", ",\"maintenance_windows\":[{\"day\":\"sunday\",\"start\":\"24:00\",\"minutes\":1}]"),
         "/maintenance_windows/0"},
        {WITH("a", ",\"utc_offset_minutes\":900"), "/utc_offset_minutes"},
        {WITH("a", ",\"state\":\"running\""), "/state"},
    };
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct call call = rest(h, HTTP_POST, ROLLOUTS, rows[i].body);
        assert_status(h, &call, &reply, 422);
        assert_true(has_pointer(&reply, rows[i].pointer));
    }
    struct call call = rest(h, HTTP_GET, ROLLOUTS, NULL);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "rollouts")), 0);
}

static void names_versions_and_keys(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE], again[UUID_TEXT_SIZE];
    struct call call = rest(h, HTTP_POST, ROLLOUTS, whole);
    call.headers[0] = (struct http_field){"Idempotency-Key", "\"k1\""};
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    assert_status(h, &call, &reply, 201);
    take_id(&reply, again);
    assert_string_equal(id, again);
    call = rest(h, HTTP_POST, ROLLOUTS, whole);
    assert_status(h, &call, &reply, 409);
    call = change(h, ROLLOUT, id, NULL, "{\"name\":\"b\"}");
    assert_status(h, &call, &reply, 428);
    call = change(h, ROLLOUT, id, "\"7\"", "{\"name\":\"b\"}");
    assert_status(h, &call, &reply, 412);
    static const char *const nulls[] = {"{\"name\":null}",           "{\"filter\":null}",
                                        "{\"waves\":null}",          "{\"late_joiners\":null}",
                                        "{\"silent_after_s\":null}", "{\"release_id\":null}"};
    for (size_t i = 0; i < sizeof nulls / sizeof nulls[0]; i++) {
        call = change(h, ROLLOUT, id, "\"1\"", nulls[i]);
        assert_status(h, &call, &reply, 422);
    }
    call = on(h, HTTP_POST, ROLLOUT "/start", id);
    call.headers[0] = (struct http_field){"If-Match", "\"7\""};
    assert_status(h, &call, &reply, 412);
    call.headers[0] = (struct http_field){"Idempotency-Key", "\"k2\""};
    assert_status(h, &call, &reply, 200);
    assert_status(h, &call, &reply, 200); /* the same order again */
    call = change(h, ROLLOUT, id, "*", "{\"filter\":{\"all\":true}}");
    assert_status(h, &call, &reply, 409);
    call = change(h, ROLLOUT, id, "*", "{\"release_id\":\"01a20ee7-5495-7fc0-8873-4ce1159f76fd\"}");
    assert_status(h, &call, &reply, 409);
    call = change(h, ROLLOUT, id, "*", "{\"rate_limit\":{\"devices\":3}}");
    assert_status(h, &call, &reply, 200);
    call = rest(h, HTTP_POST, ROLLOUT "/pause", "{\"why\":\"x\"}");
    call.param = id;
    assert_status(h, &call, &reply, 422);
}

static void lists_and_walls(void **state)
{
    static const char *const orders[] = {ROLLOUT "/start",     ROLLOUT "/pause",  ROLLOUT "/resume",
                                         ROLLOUT "/next-wave", ROLLOUT "/cancel", ROLLOUT "/dry-run"};
    static const char *const views[] = {FIRMWARE, FIRMWARE "/why"};
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE], token[TOKEN_TEXT_SIZE];
    struct chip chip;
    chip_make(&chip);
    draft(h, whole, id);
    draft(h, WITH("b", ""), id);
    struct call call = on(h, HTTP_POST, ROLLOUT "/start", id);
    assert_status(h, &call, &reply, 200);
    call = rest(h, HTTP_GET, ROLLOUTS, NULL);
    call.query[0] = (struct http_field){"state", "running"};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "rollouts")), 1);
    call.query[0] = (struct http_field){"state", "odd"};
    assert_status(h, &call, &reply, 400);
    call = on(h, HTTP_GET, DEVICES, id);
    call.query[0] = (struct http_field){"state", "odd"};
    assert_status(h, &call, &reply, 400);
    assert_bad_pages(h, ROLLOUTS, "rollouts");
    (void)other_tenant(h, "acme", SCOPE_ADMIN, token);
    assert_unseen(h, ROLLOUT, id, token);
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        call = on(h, HTTP_POST, orders[i], id);
        call.token = token;
        assert_status(h, &call, &reply, 404);
    }
    call = on(h, HTTP_GET, DEVICES, id);
    assert_status(h, &call, &reply, 200);
    call.token = token;
    assert_status(h, &call, &reply, 404);
    /* another tenant's release is none */
    call = rest(h, HTTP_POST, ROLLOUTS "/dry-run", WITH("c", ""));
    assert_status(h, &call, &reply, 200);
    call.token = token;
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/release_id"));
    register_chips(h, &chip, 1);
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
        call = on(h, HTTP_GET, views[i], chip.id);
        assert_status(h, &call, &reply, 200);
        call.token = token;
        assert_status(h, &call, &reply, 404);
    }
    const json_t *why = json_array_get(json_object_get(reply.json, "rollouts"), 0);
    assert_null(why);
    call = on(h, HTTP_GET, FIRMWARE "/why", chip.id);
    assert_status(h, &call, &reply, 200);
    why = json_array_get(json_object_get(reply.json, "rollouts"), 0);
    assert_string_equal(json_string_value(json_object_get(why, "reason")), "device_registered");
    assert_string_equal(json_string_value(json_object_get(why, "state")), "excluded");
    chip_clear(&chip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_rollout_is_drafted_changed_and_ordered),
        TEST(every_wrong_field_is_named),
        TEST(names_versions_and_keys),
        TEST(lists_and_walls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
