/* How the devices of a product fetch firmware, over REST: defaults, replaced, changed, refused. */
#include "tests/unit/api/resource_fixture.h"

#define POLICY "/api/v1/products/{name}/firmware-policy"

static struct call policy(const struct house *h, enum http_method method, const char *body)
{
    struct call call = rest(h, method, POLICY, body);
    call.param = "default";
    return call;
}

static void assert_policy(const struct reply *reply, int64_t poll_s, bool has_tokens, const char *overdue)
{
    assert_int_equal(number_at(reply, "poll_s"), poll_s);
    assert_int_equal(json_is_true(json_object_get(reply->json, "target_tokens")), has_tokens);
    assert_string_equal(text_at(reply, "overdue"), overdue);
    assert_true(json_is_false(json_object_get(reply->json, "signed_urls")));
    assert_true(json_is_true(json_object_get(reply->json, "first_use_alias")));
}

static err_t read_number(const struct db_row *row, void *arg)
{
    *(int64_t *)arg = db_row_int(row, 0);
    return OK;
}

static err_t read_version(struct db_tx *tx, void *arg)
{
    static const char sql[] = "SELECT n FROM rollout_version";
    return db_run(tx, sql, NULL, 0, read_number, arg);
}

static int64_t rollout_version(struct house *h)
{
    int64_t n = 0;
    assert_ok(db_read(h->db, read_version, &n));
    return n;
}

static void a_policy_has_defaults_and_is_changed(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    int64_t version = rollout_version(h);
    struct call call = policy(h, HTTP_GET, NULL);
    assert_status(h, &call, &reply, 200);
    assert_policy(&reply, 300, false, "warn");
    assert_null(json_object_get(reply.json, "updated_at"));
    assert_string_equal(reply_header(&reply, "ETag"), "\"0\"");
    call = change(h, POLICY, "default", "\"0\"", "{\"poll_s\":600,\"target_tokens\":true}");
    assert_status(h, &call, &reply, 200);
    assert_policy(&reply, 600, true, "warn");
    assert_string_equal(reply_header(&reply, "ETag"), "\"1\"");
    assert_true(rollout_version(h) > version);
    version = rollout_version(h);
    call = policy(h, HTTP_PUT, "{\"overdue\":\"exclude\"}");
    call.headers[0] = (struct http_field){"If-Match", "\"0\""};
    assert_status(h, &call, &reply, 412);
    assert_int_equal(rollout_version(h), version);
    call.headers[0] = (struct http_field){"If-Match", "\"1\""};
    assert_status(h, &call, &reply, 200);
    assert_policy(&reply, 300, false, "exclude"); /* what is left out takes its default */
    call = policy(h, HTTP_GET, NULL);
    assert_status(h, &call, &reply, 200);
    assert_policy(&reply, 300, false, "exclude");
    assert_string_not_equal(text_at(&reply, "updated_at"), "");
}

static void a_product_is_named_by_id_too_and_another_tenants_is_none(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char token[TOKEN_TEXT_SIZE], id[UUID_TEXT_SIZE];
    struct call call = rest(h, HTTP_POST, "/api/v1/products", "{\"name\":\"sensor\"}");
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    call = change(h, POLICY, id, "*", "{\"poll_s\":60}");
    assert_status(h, &call, &reply, 200);
    call = policy(h, HTTP_GET, NULL);
    call.param = "sensor";
    assert_status(h, &call, &reply, 200);
    assert_int_equal(number_at(&reply, "poll_s"), 60);
    (void)other_tenant(h, "other", SCOPE_ADMIN, token);
    const char *const names[] = {id, "sensor"};
    for (size_t i = 0; i < 2; i++) {
        call = change(h, POLICY, names[i], "*", "{\"poll_s\":1}");
        call.token = token;
        assert_status(h, &call, &reply, 404);
        call = policy(h, HTTP_GET, NULL);
        call.param = names[i];
        call.token = token;
        assert_status(h, &call, &reply, 404);
    }
    call = policy(h, HTTP_GET, NULL);
    static const char *const nobodys[] = {"", "x", "../default", "0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee"};
    for (size_t i = 0; i < sizeof nobodys / sizeof nobodys[0]; i++) {
        call.param = nobodys[i];
        assert_status(h, &call, &reply, 404);
    }
}

static void every_wrong_field_is_named(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = policy(h, HTTP_PUT,
                              "{\"poll_s\":\"5\",\"signed_urls\":1,\"target_tokens\":null,"
                              "\"first_use_alias\":\"no\",\"overdue\":\"shoot\",\"colour\":1}");
    assert_status(h, &call, &reply, 422);
    static const char *const pointers[] = {"/poll_s",          "/signed_urls", "/target_tokens",
                                           "/first_use_alias", "/overdue",     "/colour"};
    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
        assert_true(has_pointer(&reply, pointers[i]));
    }
    static const char *const polls[] = {"{\"poll_s\":0}", "{\"poll_s\":86400}", "{\"poll_s\":-1}"};
    for (size_t i = 0; i < sizeof polls / sizeof polls[0]; i++) {
        call = policy(h, HTTP_PUT, polls[i]);
        assert_status(h, &call, &reply, 422);
        assert_true(has_pointer(&reply, "/poll_s"));
    }
    call = change(h, POLICY, "default", NULL, "{}");
    assert_status(h, &call, &reply, 428);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_policy_has_defaults_and_is_changed, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_product_is_named_by_id_too_and_another_tenants_is_none, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(every_wrong_field_is_named, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
