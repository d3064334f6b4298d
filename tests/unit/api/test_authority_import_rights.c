/* Imports over REST: who may, what waits for a second person, and what leads from one root to the next. */
#include "tests/unit/api/import_scene.h"

#include "fleet/authority_offline.h"
#include "fleet/internal.h"
#include "pki/authority_succession.h"

/* --- who ----------------------------------------------------------------------------------------------- */

/* A company's root is a root for everybody: no tenant's administrator brings one in. */
static void what_all_tenants_would_trust_is_the_installations(void **state)
{
    struct house *h = *state;
    struct scene s;
    AUTO_VAL(buf) body = {0};
    AUTO_VAL(reply) reply = {.json = NULL};
    char mine[TOKEN_TEXT_SIZE], others[TOKEN_TEXT_SIZE];
    token_with(h, SCOPE_ADMIN, mine);
    other_tenant(h, others);
    scene_init(&s, h, "{\"role\":\"device\",\"external\":true,\"tenant\":true,\"id\":\"device-2\"}");
    const struct company_spec spec = good_one(&s);
    make_body(&s, &spec, &body);
    struct call call = rest(h, HTTP_POST, CERTIFICATE, buf_str(&body));
    call.param = "device-2";
    call.token = others;
    assert_status(h, &call, &reply, 404);
    call.token = mine;
    assert_status(h, &call, &reply, 403);
    assert_non_null(strstr(text_at(&reply, "detail"), "trusted for all tenants"));
    assert_untouched(h, "pending", 4);
    call = rest(h, HTTP_POST, CERTIFICATE, buf_str(&body));
    call.param = "device-2";
    assert_status(h, &call, &reply, 200);
    assert_untouched(h, "standby", 6);
    call = rest(h, HTTP_GET, CROSSES, NULL);
    call.param = "device-2";
    call.token = others;
    assert_status(h, &call, &reply, 404);
    call.token = mine;
    assert_status(h, &call, &reply, 200);
    assert_int_equal(count_of(&reply, "cross_certificates"), 0);
    scene_clear(&s);
}

static void it_waits_for_a_second_person(void **state)
{
    struct house *h = *state;
    struct scene s;
    AUTO_VAL(buf) body = {0};
    AUTO_VAL(reply) reply = {.json = NULL};
    char second[TOKEN_TEXT_SIZE], tenant_only[TOKEN_TEXT_SIZE], id[UUID_TEXT_SIZE], again[UUID_TEXT_SIZE];
    person(h, "second", (uint32_t)SCOPE_ADMIN | (uint32_t)SCOPE_INSTALLATION, second);
    person(h, "tenant-only", (uint32_t)SCOPE_ADMIN, tenant_only);
    assert_int_equal(set_kinds(h, "*", "[\"authority.import\"]", &reply), 200);
    scene_init(&s, h, DEVICE_2);
    struct company_spec spec = good_device_ca(&s.policy);
    make_body(&s, &spec, &body);
    assert_refused(h, "device-2", &body, 422, "it is for another key"); /* nothing to decide */
    spec = good_one(&s);
    make_body(&s, &spec, &body);
    struct call call = rest(h, HTTP_POST, CERTIFICATE, buf_str(&body));
    call.param = "device-2";
    assert_status(h, &call, &reply, 202);
    keep_id(&reply, id);
    assert_status(h, &call, &reply, 202);
    keep_id(&reply, again);
    assert_string_equal(id, again);
    assert_untouched(h, "pending", 4);
    assert_int_equal(decide(h, tenant_only, id, "approve", &reply), 403);
    assert_int_equal(decide(h, second, id, "approve", &reply), 200);
    assert_string_equal(text_at(&reply, "result"), "device-2");
    assert_untouched(h, "standby", 6);
    assert_status(h, &call, &reply, 200);
    assert_false(json_is_true(json_object_get(reply.json, "is_new")));
    scene_clear(&s);
}

/* What it is about went away meanwhile. */
static void what_waited_too_long_is_void(void **state)
{
    struct house *h = *state;
    struct scene s;
    AUTO_VAL(buf) body = {0};
    AUTO_VAL(reply) reply = {.json = NULL};
    char second[TOKEN_TEXT_SIZE], id[UUID_TEXT_SIZE];
    person(h, "second", (uint32_t)SCOPE_ADMIN | (uint32_t)SCOPE_INSTALLATION, second);
    assert_int_equal(set_kinds(h, "*", "[\"authority.import\"]", &reply), 200);
    scene_init(&s, h, DEVICE_2);
    const struct company_spec spec = good_one(&s);
    make_body(&s, &spec, &body);
    struct call call = rest(h, HTTP_POST, CERTIFICATE, buf_str(&body));
    call.param = "device-2";
    assert_status(h, &call, &reply, 202);
    keep_id(&reply, id);
    post(h, ONE "/retire", "device-2", "{}", 204);
    post(h, "/api/v1/authorities", NULL, DEVICE_2, 201); /* of the same name, with another key */
    assert_int_equal(decide(h, second, id, "approve", &reply), 409);
    assert_untouched(h, "pending", 4);
    scene_clear(&s);
}

/* --- between roots -------------------------------------------------------------------------------------- */

static void make_cross(struct house *h, const char *subject, struct buf *out)
{
    AUTO_PTR(authority_set) *set = authority_set_take(h->fleet);
    const struct authority_member *next = authority_set_find(set, bytes_str(subject));
    const uint8_t serial[SERIAL_SIZE] = {0x17, 1};
    const struct cross_spec spec = {.not_before_ms = house_from_ms,
                                    .not_after_ms = house_from_ms + 10 * year_ms,
                                    .publication = test_publication};
    assert_non_null(next);
    assert_ok(authority_make_cross(h->pki.root, next->authority, &spec, serial, out));
}

static void cross_certificates_are_listed_and_come_in(void **state)
{
    struct house *h = *state;
    AUTO_VAL(buf) der = {0}, body = {0};
    AUTO_VAL(reply) reply = {.json = NULL};
    struct company_ca stranger;
    struct call list = rest(h, HTTP_GET, CROSSES, NULL);
    list.param = "root-2";
    assert_status(h, &list, &reply, 404);
    post(h, ONE "/roll", "root", "{}", 201);
    assert_status(h, &list, &reply, 200);
    assert_int_equal(count_of(&reply, "cross_certificates"), 2);
    list.param = "root";
    assert_status(h, &list, &reply, 200);
    assert_int_equal(count_of(&reply, "cross_certificates"), 2);
    make_cross(h, "root-2", &der);
    body_of((const struct buf *const[]){&der, NULL}, &body);
    struct call call = rest(h, HTTP_POST, CROSSES, buf_str(&body));
    call.param = "device";
    assert_status(h, &call, &reply, 409);
    call.param = "nobody";
    assert_status(h, &call, &reply, 404);
    call.param = "root-2";
    assert_status(h, &call, &reply, 200);
    const json_t *item = json_array_get(json_object_get(reply.json, "items"), 0);
    assert_string_equal(json_string_value(json_object_get(item, "kind")), "new_with_old");
    assert_status(h, &call, &reply, 200);
    assert_false(json_is_true(json_object_get(reply.json, "is_new")));
    assert_status(h, &list, &reply, 200);
    assert_int_equal(count_of(&reply, "cross_certificates"), 3);
    company_root(&stranger); /* neither a cross certificate nor of anybody here */
    body_of((const struct buf *const[]){&stranger.der, NULL}, &body);
    post(h, CROSSES, "root-2", buf_str(&body), 422);
    post(h, CERTIFICATE, "root-2", buf_str(&body), 409);
    company_clear(&stranger);
}

static size_t shown(struct house *h)
{
    AUTO_PTR(authority_set) *set = authority_set_take(h->fleet);
    struct bytes ders[CACERTS_MAX];
    return authority_set_cacerts(set, NULL, ders);
}

/* The old root's key is elsewhere: devices would refuse a set with a root that it has not signed, and be cut
 * off by a server that stands on that alone. */
static void a_root_is_shown_once_the_old_one_vouches(void **state)
{
    struct house *h = *state;
    AUTO_VAL(buf) der = {0}, body = {0};
    AUTO_VAL(reply) reply = {.json = NULL};
    static const struct actor console = {.name = "whorld", .request_id = ""};
    assert_ok(keystore_forget(h->pki.keystore, "ca-root"));
    h->fleet->options.root = NULL; /* as a process of its own finds it */
    assert_ok(authority_offline_tell(h->fleet, &console, "root"));
    post(h, ONE "/roll", "root", "{\"external\":true}", 201);
    assert_int_equal(shown(h), 3); /* the old root, and the two under it */
    struct call call = rest(h, HTTP_POST, ONE "/roll", "{\"issuer\":\"root-2\"}");
    call.param = "infrastructure";
    assert_status(h, &call, &reply, 409);
    assert_non_null(strstr(text_at(&reply, "detail"), "nobody vouches for the root root-2 yet"));
    post(h, "/api/v1/authorities", NULL, "{\"role\":\"device\",\"issuer\":\"root-2\"}", 409);
    make_cross(h, "root-2", &der);
    body_of((const struct buf *const[]){&der, NULL}, &body);
    post(h, CROSSES, "root-2", buf_str(&body), 200);
    assert_int_equal(shown(h), 6);
    assert_status(h, &call, &reply, 201);
}

/* What all devices would take is the installation's, and two people's where that is asked for. */
static void a_cross_certificate_waits_too(void **state)
{
    struct house *h = *state;
    AUTO_VAL(buf) der = {0}, body = {0};
    AUTO_VAL(reply) reply = {.json = NULL};
    char second[TOKEN_TEXT_SIZE], tenant_only[TOKEN_TEXT_SIZE], id[UUID_TEXT_SIZE];
    person(h, "second", (uint32_t)SCOPE_ADMIN | (uint32_t)SCOPE_INSTALLATION, second);
    person(h, "tenant-only", (uint32_t)SCOPE_ADMIN, tenant_only);
    post(h, ONE "/roll", "root", "{}", 201);
    make_cross(h, "root-2", &der);
    body_of((const struct buf *const[]){&der, NULL}, &body);
    struct call call = rest(h, HTTP_POST, CROSSES, buf_str(&body));
    call.param = "root-2";
    call.token = tenant_only;
    assert_status(h, &call, &reply, 403);
    assert_int_equal(set_kinds(h, "*", "[\"authority.import\"]", &reply), 200);
    call.token = second;
    assert_status(h, &call, &reply, 202);
    keep_id(&reply, id);
    assert_int_equal(decide(h, second, id, "approve", &reply), 403); /* who asked */
    assert_int_equal(decide(h, h->admin, id, "approve", &reply), 200);
    call = rest(h, HTTP_GET, CROSSES, NULL);
    call.param = "root-2";
    assert_status(h, &call, &reply, 200);
    assert_int_equal(count_of(&reply, "cross_certificates"), 3);
}

/* Devices take twelve certificates of authorities: two more than there is room for are refused, with all that
 * came along. */
static void there_is_room_for_so_many(void **state)
{
    struct house *h = *state;
    struct scene s;
    AUTO_VAL(buf) body = {0};
    scene_init(&s, h, DEVICE_2);
    for (int i = 0; i < 7; i++) {
        post(h, "/api/v1/authorities", NULL, "{\"role\":\"device\"}", 201);
    }
    const struct company_spec spec = good_one(&s);
    make_body(&s, &spec, &body);
    assert_refused(h, "device-2", &body, 409, "12 certificates of authorities at most, and 11 are in use");
    assert_untouched(h, "pending", 11);
    post(h, ONE "/retire", "device-3", "{}", 200);
    post(h, CERTIFICATE, "device-2", buf_str(&body), 200);
    assert_untouched(h, "standby", 13);
    scene_clear(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_all_tenants_would_trust_is_the_installations),
        TEST(it_waits_for_a_second_person),
        TEST(what_waited_too_long_is_void),
        TEST(cross_certificates_are_listed_and_come_in),
        TEST(a_root_is_shown_once_the_old_one_vouches),
        TEST(a_cross_certificate_waits_too),
        TEST(there_is_room_for_so_many),
    };
    return cmocka_run_group_tests_name("authority_import_rights", tests, NULL, NULL);
}
