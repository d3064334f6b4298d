/* Orders about authorities over REST: rolled over, activated, retired, compromised; what is refused and why;
 * who may; what waits for a second person; and a process that ended between the key and the row. */
#include "fleet/authority_set.h"
#include "fleet/authority_work.h"
#include "tests/unit/api/two_people.h"

#define LIST "/api/v1/authorities"
#define ONE  "/api/v1/authorities/{id}"

static bool has_pointer(const struct reply *reply, const char *pointer)
{
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(json_object_get(reply->json, "errors"), i, item)
    {
        if (strcmp(json_string_value(json_object_get(item, "pointer")), pointer) == 0) {
            return true;
        }
    }
    return false;
}

static int post(struct house *h, const char *route, const char *id, const char *body, struct reply *reply)
{
    struct call call = rest(h, HTTP_POST, route, body);
    call.param = id;
    return send_call(h, &call, reply);
}

#define assert_post(h, route, id, body, reply, status)                                                       \
    do {                                                                                                     \
        int got_ = post((h), (route), (id), (body), (reply));                                                \
        if (got_ != (status)) {                                                                              \
            fail_msg("%s of %s: %d %s", (route), (id) != NULL ? (id) : "", got_,                             \
                     text_at((reply), "detail"));                                                            \
        }                                                                                                    \
    } while (0)

static void assert_state(struct house *h, const char *id, const char *state, bool is_default)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_GET, ONE, NULL);
    call.param = id;
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), state);
    assert_int_equal(json_is_true(json_object_get(reply.json, "is_default")), is_default);
}

static void issuer_is(struct house *h, const char *id)
{
    AUTO_PTR(authority_set) *set = authority_set_take(h->fleet);
    const struct authority_member *member = NULL;
    assert_ok(authority_set_issuer(set, AUTHORITY_DEVICE, NULL, "", &member));
    assert_string_equal(member->id, id);
}

static void an_issuing_authority_is_rolled_over(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    assert_post(h, ONE "/roll", "device", "{}", &reply, 201);
    assert_string_equal(text_at(&reply, "id"), "device-2");
    assert_string_equal(text_at(&reply, "predecessor"), "device");
    assert_string_equal(text_at(&reply, "issuer"), "root");
    assert_state(h, "device-2", "active", true);
    assert_state(h, "device", "retiring", false);
    issuer_is(h, "device-2");
    assert_post(h, ONE "/roll", "device", "{}", &reply, 409); /* it retires */
    /* nothing was ever issued under the old one: it ends at the next look */
    assert_ok(authority_ends_run(h->fleet, h->clock.at_ms));
    assert_state(h, "device", "retired", false);
    assert_post(h, ONE "/activate", "device", "{}", &reply, 409);
}

static void one_stands_by_and_takes_the_default(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    assert_post(h, LIST, NULL, "{\"role\":\"device\",\"id\":\"spare\",\"key_algorithm\":\"P-384\"}", &reply,
                201);
    assert_string_equal(text_at(&reply, "key_algorithm"), "P-384");
    assert_state(h, "spare", "standby", false);
    issuer_is(h, "device");
    assert_post(h, LIST, NULL, "{\"role\":\"device\",\"id\":\"spare\"}", &reply, 409);
    assert_post(h, ONE "/retire", "device", "{}", &reply, 409); /* the default */
    assert_post(h, ONE "/activate", "spare", "{\"default\":false}", &reply, 200);
    issuer_is(h, "device");
    assert_post(h, ONE "/activate", "spare", NULL, &reply, 200);
    assert_state(h, "device", "active", false);
    issuer_is(h, "spare");
    assert_post(h, ONE "/retire", "device", "{\"note\":\"old\"}", &reply, 200);
    assert_state(h, "device", "retiring", false);
}

static void a_root_is_rolled_over(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct bytes ders[CACERTS_MAX];
    assert_post(h, ONE "/finish-roll", "root", "{}", &reply, 409);
    assert_post(h, ONE "/roll", "root", "{}", &reply, 201);
    assert_string_equal(text_at(&reply, "id"), "root-2");
    assert_state(h, "root", "active", true);
    assert_state(h, "root-2", "active", false);
    assert_post(h, ONE "/roll", "root", "{}", &reply, 409); /* one is on its way */
    AUTO_PTR(authority_set) *set = authority_set_take(h->fleet);
    assert_int_equal(authority_set_cacerts(set, NULL, ders), 6);     /* two roots, two crosses, two CAs */
    assert_post(h, ONE "/finish-roll", "root-2", "{}", &reply, 409); /* all is under the old one */
    assert_non_null(strstr(text_at(&reply, "detail"), "issues under the root root"));
    assert_post(h, ONE "/roll", "device", "{\"issuer\":\"root-2\"}", &reply, 201);
    assert_string_equal(text_at(&reply, "issuer"), "root-2");
    assert_post(h, ONE "/roll", "infrastructure", "{\"issuer\":\"root-2\"}", &reply, 201);
    assert_post(h, ONE "/finish-roll", "root-2", "{}", &reply, 200);
    assert_state(h, "root-2", "active", true);
    assert_state(h, "root", "retiring", false);
    assert_post(h, ONE "/retire", "root", "{}", &reply, 409); /* others live under it */
}

static void a_compromised_one_is_replaced_for_good(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    assert_post(h, ONE "/compromised", "device", "{\"note\":\"found on a paste site\"}", &reply, 200);
    assert_state(h, "device", "compromised", false);
    assert_state(h, "device-2", "active", true);
    issuer_is(h, "device-2");
    struct call call = rest(h, HTTP_GET, "/api/v1/alarms", NULL);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "alarms")), 1);
    static const char *const orders[] = {ONE "/activate", ONE "/retire", ONE "/roll", ONE "/compromised"};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        assert_post(h, orders[i], "device", "{}", &reply, 409);
        assert_non_null(strstr(text_at(&reply, "detail"), "compromised"));
    }
    assert_post(h, ONE "/compromised", "root", "{}", &reply, 409);
    assert_post(h, ONE "/compromised", "device-2", "{\"successor\":\"nobody\"}", &reply, 422);
    assert_true(has_pointer(&reply, "/successor"));
}

static void a_request_for_somebody_else_waits(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    assert_post(h, LIST, NULL, "{\"role\":\"device\",\"external\":true}", &reply, 201);
    assert_string_equal(text_at(&reply, "id"), "device-2");
    assert_state(h, "device-2", "pending", false);
    struct call call = rest(h, HTTP_GET, ONE "/request", NULL);
    call.param = "device-2";
    assert_status(h, &call, &reply, 200);
    assert_non_null(strstr(text_at(&reply, "pem"), "BEGIN CERTIFICATE REQUEST"));
    call.param = "device";
    assert_status(h, &call, &reply, 409);
    assert_post(h, ONE "/activate", "device-2", "{}", &reply, 409);
    assert_true(keystore_has(h->pki.keystore, "ca-device-2"));
    assert_post(h, ONE "/retire", "device-2", "{}", &reply, 204);
    assert_false(keystore_has(h->pki.keystore, "ca-device-2"));
}

/* The key was made, and the process ended before its row: the next attempt uses it. */
static void a_key_without_a_row_is_taken_up(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) spki = {0};
    AUTO_PTR(private_key) *left = NULL;
    struct sha256 hash;
    char digits[2 * SHA256_SIZE + 1];
    assert_ok(keystore_generate(h->pki.keystore, "ca-device-2", KEY_ALG_P256, &left));
    assert_ok(private_key_spki(left, &spki));
    assert_ok(sha256_of(buf_view(&spki), &hash));
    hex_encode(BYTES_OF(hash.b), digits);
    assert_post(h, ONE "/roll", "device", "{}", &reply, 201);
    assert_string_equal(text_at(&reply, "spki_sha256"), digits);
}

static void every_wrong_field_is_named(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    assert_post(h, LIST, NULL,
                "{\"id\":\"-x\",\"role\":\"root\",\"key_algorithm\":\"DSA\",\"lifetime_days\":0,"
                "\"key_purposes\":[\"all\"],\"permitted_dns\":[\"a.example\"],\"x\":1}",
                &reply, 422);
    static const char *const pointers[] = {
        "/id", "/role", "/key_algorithm", "/lifetime_days", "/key_purposes/0", "/permitted_dns", "/x"};
    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
        assert_true(has_pointer(&reply, pointers[i]));
    }
    assert_post(h, LIST, NULL, "{\"role\":\"infrastructure\",\"tenant\":true}", &reply, 422);
    assert_post(h, LIST, NULL, "{\"role\":\"device\",\"key_purposes\":[\"server_auth\"]}", &reply, 422);
    assert_post(h, LIST, NULL, "{\"role\":\"device\",\"issuer\":\"device\"}", &reply, 422);
    assert_true(has_pointer(&reply, "/issuer"));
    assert_post(h, ONE "/roll", "nobody", "{}", &reply, 404);
    assert_post(h, ONE "/roll", "an-id-that-is-much-longer-than-any-authority", "{}", &reply, 404);
    struct call call = rest(h, HTTP_POST, ONE "/roll", "{}");
    call.param = "device";
    call.headers[0] = (struct http_field){"If-Match", "\"99\""};
    assert_status(h, &call, &reply, 412);
    assert_state(h, "device", "active", true);
}

static void a_tenant_has_its_own_and_nothing_of_others(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char acme[TOKEN_TEXT_SIZE];
    other_tenant(h, acme);
    struct call call = rest(h, HTTP_POST, LIST, "{\"role\":\"device\",\"tenant\":true}");
    call.token = acme;
    assert_status(h, &call, &reply, 201);
    assert_string_equal(text_at(&reply, "id"), "other-device");
    assert_string_equal(text_at(&reply, "owner"), "tenant");
    call = rest(h, HTTP_POST, LIST, "{\"role\":\"device\"}"); /* of the installation: no tenant's to make */
    call.token = acme;
    assert_status(h, &call, &reply, 403);
    call = rest(h, HTTP_POST, ONE "/roll", "{}");
    call.param = "device";
    call.token = acme;
    assert_status(h, &call, &reply, 403);
    assert_post(h, ONE "/activate", "other-device", "{}", &reply, 404); /* for everybody else */
}

static void the_same_key_makes_one_authority(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_POST, ONE "/roll", "{}");
    call.param = "device";
    call.headers[0] = (struct http_field){"Idempotency-Key", "\"k1\""};
    assert_status(h, &call, &reply, 201);
    assert_status(h, &call, &reply, 201);
    assert_string_equal(text_at(&reply, "id"), "device-2");
}

static void what_waits_is_done_once_another_agrees(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char second[TOKEN_TEXT_SIZE], tenant_only[TOKEN_TEXT_SIZE], id[UUID_TEXT_SIZE];
    person(h, "second", (uint32_t)SCOPE_ADMIN | (uint32_t)SCOPE_INSTALLATION, second);
    person(h, "tenant-only", (uint32_t)SCOPE_ADMIN, tenant_only);
    assert_int_equal(set_kinds(h, "*", "[\"authority.roll\"]", &reply), 200);
    assert_post(h, ONE "/roll", "device", "{}", &reply, 202);
    keep_id(&reply, id);
    assert_state(h, "device", "active", true);
    assert_int_equal(decide(h, tenant_only, id, "approve", &reply), 403); /* it is the installation's */
    assert_int_equal(decide(h, second, id, "approve", &reply), 200);
    assert_state(h, "device-2", "pending", false);
    assert_ok(authority_orders_run(h->fleet, h->clock.at_ms)); /* the job makes it */
    assert_state(h, "device-2", "active", true);
    assert_state(h, "device", "retiring", false);
}

static void compromised_within(struct house *h, const char *id, const char *body, int status)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    assert_post(h, ONE "/compromised", id, body, &reply, status);
    if (status == 422) {
        assert_true(has_pointer(&reply, "/rekey_within_s"));
    }
}

/* @return whether all devices under it are told at once */
static bool is_at_once(struct house *h, const char *id)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_GET, ONE, NULL);
    call.param = id;
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), "compromised");
    return strcmp(text_at(&reply, "compromised_at"), text_at(&reply, "rekey_by")) == 0;
}

static void its_devices_are_told_over_a_time_that_the_order_says(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char second[TOKEN_TEXT_SIZE], id[UUID_TEXT_SIZE];
    compromised_within(h, "device", "{\"rekey_within_s\":-1}", 422);
    compromised_within(h, "device", "{\"rekey_within_s\":2592001}", 422);
    compromised_within(h, "device", "{\"rekey_within_s\":\"1h\"}", 422);
    assert_post(h, ONE "/roll", "device", "{\"rekey_within_s\":1}", &reply, 422); /* not of this order */
    compromised_within(h, "device", "{}", 200);
    assert_false(is_at_once(h, "device")); /* an hour */
    compromised_within(h, "device-2", "{\"rekey_within_s\":0}", 200);
    assert_true(is_at_once(h, "device-2"));
    /* what waits for a second person keeps it */
    person(h, "second", (uint32_t)SCOPE_ADMIN | (uint32_t)SCOPE_INSTALLATION, second);
    assert_int_equal(set_kinds(h, "*", "[\"authority.compromised\"]", &reply), 200);
    assert_post(h, ONE "/compromised", "device-3", "{\"rekey_within_s\":0}", &reply, 202);
    keep_id(&reply, id);
    assert_int_equal(decide(h, second, id, "approve", &reply), 200);
    assert_true(is_at_once(h, "device-3"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_issuing_authority_is_rolled_over),
        TEST(one_stands_by_and_takes_the_default),
        TEST(a_root_is_rolled_over),
        TEST(a_compromised_one_is_replaced_for_good),
        TEST(a_request_for_somebody_else_waits),
        TEST(a_key_without_a_row_is_taken_up),
        TEST(every_wrong_field_is_named),
        TEST(a_tenant_has_its_own_and_nothing_of_others),
        TEST(the_same_key_makes_one_authority),
        TEST(what_waits_is_done_once_another_agrees),
        TEST(its_devices_are_told_over_a_time_that_the_order_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
