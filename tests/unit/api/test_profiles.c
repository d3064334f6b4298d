/* Certificate profiles over REST. */
#include "tests/unit/api/resource_fixture.h"

#define PROFILES "/api/v1/profiles"
#define PROFILE  "/api/v1/profiles/{name}"
#define VERSIONS PROFILE "/versions"
#define VERSION  PROFILE "/versions/{version}"
#define PRODUCTS "/api/v1/products"
#define PRODUCT  "/api/v1/products/{id}"

static int64_t make(struct house *h, const char *body, int expected, struct reply *reply)
{
    struct call call = rest(h, HTTP_POST, PROFILES, body);
    assert_status(h, &call, reply, expected);
    return expected == 201 ? number_at(reply, "version") : 0;
}

static void a_profile_is_made_changed_and_deleted(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_POST, PROFILES, "{\"name\":\"gw\",\"max_lifetime_s\":3600}");
    call.headers[0] = (struct http_field){"Idempotency-Key", "\"k\""};
    assert_status(h, &call, &reply, 201);
    assert_string_equal(reply_header(&reply, "Location"), PROFILES "/gw");
    assert_string_equal(reply_header(&reply, "ETag"), "\"1\"");
    assert_int_equal(number_at(&reply, "version"), 1);
    assert_string_equal(text_at(&reply, "subject"), "device_id");
    assert_status(h, &call, &reply, 201); /* the same again */
    assert_int_equal(number_at(&reply, "version"), 1);
    call.body = bytes_str("{\"name\":\"gw\",\"max_lifetime_s\":3601}");
    assert_status(h, &call, &reply, 422); /* the key stands for another request */
    make(h, "{\"name\":\"gw\"}", 409, &reply);
    make(h, "{\"name\":\"idevid\"}", 409, &reply);
    call = change(h, PROFILE, "gw", NULL, "{\"max_lifetime_s\":7200}");
    assert_status(h, &call, &reply, 428);
    call = change(h, PROFILE, "gw", "\"9\"", "{\"max_lifetime_s\":7200}");
    assert_status(h, &call, &reply, 412);
    call = change(h, PROFILE, "gw", "\"1\"", "{\"max_lifetime_s\":7200,\"name\":\"other\"}");
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/name"));
    call = change(h, PROFILE, "gw", "\"1\"", "{\"max_lifetime_s\":7200}");
    assert_status(h, &call, &reply, 200);
    assert_int_equal(number_at(&reply, "version"), 2);
    call = rest(h, HTTP_DELETE, PROFILE, NULL);
    call.param = "gw";
    call.headers[0] = (struct http_field){"If-Match", "\"1\""};
    assert_status(h, &call, &reply, 412);
    call.headers[0].value = "\"2\"";
    assert_status(h, &call, &reply, 204);
    assert_status(h, &call, &reply, 404);
    call = rest(h, HTTP_GET, PROFILE, NULL);
    call.param = "gw";
    assert_status(h, &call, &reply, 404);
    /* what certificates name stays, and a name goes on counting */
    call = rest(h, HTTP_GET, VERSION, NULL);
    call.param = "gw";
    call.param2 = "1";
    assert_status(h, &call, &reply, 200);
    assert_int_equal(number_at(&reply, "max_lifetime_s"), 3600);
    assert_int_equal(make(h, "{\"name\":\"gw\"}", 201, &reply), 3);
}

static void versions_are_listed_and_looked_at(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    static const char *const bad[] = {"0", "01", "x", "-1", "1x", "9999999999999999999"};
    make(h, "{\"name\":\"v\"}", 201, &reply);
    for (int i = 1; i <= 3; i++) {
        char etag[8], body[64];
        (void)snprintf(etag, sizeof etag, "\"%d\"", i);
        (void)snprintf(body, sizeof body, "{\"max_lifetime_s\":%d}", 60 + i);
        struct call call = change(h, PROFILE, "v", etag, body);
        assert_status(h, &call, &reply, 200);
    }
    struct call call = rest(h, HTTP_GET, VERSIONS, NULL);
    call.param = "v";
    call.query[0] = (struct http_field){"limit", "3"};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "versions")), 3);
    char cursor[128];
    (void)snprintf(cursor, sizeof cursor, "%s", text_at(&reply, "next"));
    call.query[1] = (struct http_field){"cursor", cursor};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "versions")), 1);
    call = rest(h, HTTP_GET, VERSION, NULL);
    call.param = "v";
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        call.param2 = bad[i];
        assert_status(h, &call, &reply, 400);
    }
    call.param2 = "5";
    assert_status(h, &call, &reply, 404);
    call.param = "ldevid";
    call.param2 = "1";
    assert_status(h, &call, &reply, 200);
    call.param2 = "2";
    assert_status(h, &call, &reply, 404);
}

static void the_list_holds_built_in_ones_in_order(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    static const char *const names[] = {"aaa", "edge-tls-server", "fff", "idevid", "ldevid", "zzz"};
    char cursor[128] = "";
    make(h, "{\"name\":\"zzz\"}", 201, &reply);
    make(h, "{\"name\":\"aaa\"}", 201, &reply);
    make(h, "{\"name\":\"fff\"}", 201, &reply);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i += 2) {
        struct call call = rest(h, HTTP_GET, PROFILES, NULL);
        call.query[0] = (struct http_field){"limit", "2"};
        call.query[1] = (struct http_field){cursor[0] != '\0' ? "cursor" : NULL, cursor};
        assert_status(h, &call, &reply, 200);
        const json_t *list = json_object_get(reply.json, "profiles");
        assert_int_equal(json_array_size(list), 2);
        for (size_t j = 0; j < 2; j++) {
            assert_string_equal(json_string_value(json_object_get(json_array_get(list, j), "name")),
                                names[i + j]);
        }
        const char *next = json_string_value(json_object_get(reply.json, "next"));
        assert_int_equal(next == NULL, i + 2 == sizeof names / sizeof names[0]);
        (void)snprintf(cursor, sizeof cursor, "%s", next == NULL ? "" : next);
    }
    assert_bad_pages(h, PROFILES, "profiles");
}

static void another_tenant_sees_nothing_of_it(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char token[TOKEN_TEXT_SIZE], reader[TOKEN_TEXT_SIZE];
    make(h, "{\"name\":\"mine\"}", 201, &reply);
    (void)other_tenant(h, "acme", SCOPE_ADMIN, token);
    struct call call = rest(h, HTTP_GET, PROFILE, NULL);
    call.param = "mine";
    call.token = token;
    assert_status(h, &call, &reply, 404);
    call.route = VERSIONS;
    assert_status(h, &call, &reply, 404);
    call = change(h, PROFILE, "mine", "*", "{\"no_expiry\":true}");
    call.token = token;
    assert_status(h, &call, &reply, 404);
    call.method = HTTP_DELETE;
    call.body = BYTES_NONE;
    assert_status(h, &call, &reply, 404);
    call = rest(h, HTTP_POST, PRODUCTS, "{\"name\":\"p\",\"profile\":\"mine\"}");
    call.token = token;
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/profile"));
    call = rest(h, HTTP_POST, PROFILES, "{\"name\":\"mine\"}"); /* its own of that name */
    call.token = token;
    assert_status(h, &call, &reply, 201);
    (void)other_tenant(h, "third", SCOPE_CERTIFICATES_READ, reader);
    call.token = reader;
    assert_status(h, &call, &reply, 403);
    call = rest(h, HTTP_GET, PROFILES, NULL);
    call.token = reader;
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "profiles")), 3);
}

static void of_many_at_once_one_makes_the_next_version(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct racer racers[RACERS];
    int made = 0;
    make(h, "{\"name\":\"raced\"}", 201, &reply);
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.house = h, .route = PROFILE, .id = "raced"};
        (void)snprintf(racers[i].body, sizeof racers[i].body, "{\"max_lifetime_s\":%d}", 1000 + i);
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race_one, &racers[i]), 0);
    }
    for (int i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
        assert_true(racers[i].status == 200 || racers[i].status == 412);
        made += racers[i].status == 200 ? 1 : 0;
    }
    assert_int_equal(made, 1);
    struct call call = rest(h, HTTP_GET, PROFILE, NULL);
    call.param = "raced";
    assert_status(h, &call, &reply, 200);
    assert_int_equal(number_at(&reply, "version"), 2);
}

static void a_product_and_its_profile_fit(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    static const struct {
        const char *body;
        const char *pointer;
    } rows[] = {
        {"{\"name\":\"p\",\"profile\":\"nothing\"}", "/profile"},
        {"{\"name\":\"p\",\"profile_version\":1}", "/profile_version"},
        {"{\"name\":\"p\",\"profile\":\"short\",\"certificate_ttl_s\":60,\"profile_version\":2}",
         "/profile_version"},
        {"{\"name\":\"p\",\"profile\":\"ldevid\",\"profile_version\":2}", "/profile_version"},
        {"{\"name\":\"p\",\"profile\":\"short\"}", "/certificate_ttl_s"},
        {"{\"name\":\"p\",\"profile\":\"short\",\"certificate_ttl_s\":60,\"key_algorithms\":[\"RSA\"]}",
         "/key_algorithms"},
        {"{\"name\":\"p\",\"profile\":\"birth\"}", "/identity_key_certificates"},
        {"{\"name\":\"p\",\"profile\":\"edge-tls-server\"}", "/profile"}, /* no such authority */
        {"{\"name\":\"p\",\"profile\":\"ldevid\",\"authority\":\"infrastructure\"}", "/authority"},
    };
    make(h, "{\"name\":\"short\",\"max_lifetime_s\":3600,\"key_algorithms\":[\"P-256\"]}", 201, &reply);
    make(h, "{\"name\":\"birth\",\"identity_key_only\":true}", 201, &reply);
    make(h, "{\"name\":\"wide\",\"key_purposes\":[\"client_auth\",\"config_signing\"]}", 422, &reply);
    assert_true(has_pointer(&reply, "/key_purposes"));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct call call = rest(h, HTTP_POST, PRODUCTS, rows[i].body);
        assert_status(h, &call, &reply, 422);
        if (!has_pointer(&reply, rows[i].pointer)) {
            fail_msg("%s: %s", rows[i].body, buf_str(&reply.response.body));
        }
    }
    char id[UUID_TEXT_SIZE];
    struct call call =
        rest(h, HTTP_POST, PRODUCTS, "{\"name\":\"p\",\"profile\":\"short\",\"certificate_ttl_s\":3600}");
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    assert_string_equal(text_at(&reply, "profile"), "short");
    assert_true(json_is_null(json_object_get(reply.json, "profile_version")));
    call = change(h, PRODUCT, id, "\"1\"", "{\"certificate_ttl_s\":3601}");
    assert_status(h, &call, &reply, 422);
    call = change(h, PROFILE, "short", "\"1\"", "{\"key_algorithms\":[\"Ed25519\"],\"max_lifetime_s\":60}");
    assert_status(h, &call, &reply, 422); /* the product follows it */
    assert_non_null(strstr(buf_str(&reply.response.body), "product p follows"));
    call = rest(h, HTTP_DELETE, PROFILE, NULL);
    call.param = "short";
    assert_status(h, &call, &reply, 409);
    call = change(h, PRODUCT, id, "\"1\"", "{\"profile_version\":1}"); /* pinned, it follows no more */
    assert_status(h, &call, &reply, 200);
    call = change(h, PROFILE, "short", "\"1\"", "{\"max_lifetime_s\":60}");
    assert_status(h, &call, &reply, 200);
    call = change(h, PRODUCT, id, "\"2\"", "{\"profile_version\":null}");
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/certificate_ttl_s"));
    call = change(h, PRODUCT, id, "\"2\"", "{\"profile\":null}");
    assert_status(h, &call, &reply, 200);
    assert_true(json_is_null(json_object_get(reply.json, "profile")));
    assert_true(json_is_null(json_object_get(reply.json, "profile_version")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_profile_is_made_changed_and_deleted, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(versions_are_listed_and_looked_at, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(the_list_holds_built_in_ones_in_order, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(another_tenant_sees_nothing_of_it, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(of_many_at_once_one_makes_the_next_version, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(a_product_and_its_profile_fit, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
