/* Authorities for servers at the edge, over REST: a successor is bound to the names of the one before it, and
 * so is one that somebody else certifies. */
#include "tests/unit/api/import_scene.h"

#include "pki/name_constraints_read.h"

#define EDGE "{\"role\":\"edge\",\"id\":\"edge\",\"permitted_dns\":[\"edge.test\",\"plant.example.com\"]}"

static void read_names(struct house *h, const char *id, struct held_constraints *out)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) der = {0};
    struct call call = rest(h, HTTP_GET, ONE, NULL);
    call.param = id;
    assert_status(h, &call, &reply, 200);
    assert_ok(certificate_from_pem(bytes_str(text_at(&reply, "pem")), &der));
    assert_ok(name_constraints_of_certificate(buf_view(&der), out));
}

static void a_successor_keeps_the_names(void **state)
{
    struct house *h = *state;
    AUTO_VAL(held_constraints) kept = {.excludes_addresses = false};
    AUTO_VAL(held_constraints) changed = {.excludes_addresses = false};
    AUTO_VAL(held_constraints) healed = {.excludes_addresses = false};
    post(h, "/api/v1/authorities", NULL, EDGE, 201);
    post(h, ONE "/activate", "edge", "{}", 200);
    post(h, ONE "/roll", "edge", "{}", 201);
    read_names(h, "edge-2", &kept);
    assert_int_equal(kept.names.permitted_count, 2);
    assert_string_equal(kept.names.permitted[0], "edge.test");
    assert_string_equal(kept.names.permitted[1], "plant.example.com");
    assert_true(kept.excludes_addresses);
    post(h, ONE "/roll", "edge-2", "{\"permitted_dns\":[\"other.test\"]}", 201);
    read_names(h, "edge-3", &changed);
    assert_int_equal(changed.names.permitted_count, 1);
    assert_string_equal(changed.names.permitted[0], "other.test");
    post(h, ONE "/compromised", "edge-3", "{}", 200);
    read_names(h, "edge-4", &healed);
    assert_string_equal(healed.names.permitted[0], "other.test");
}

/* The company signs what it likes; what is wider than the request is not taken. */
static void a_company_binds_it_too(void **state)
{
    struct house *h = *state;
    struct scene s;
    AUTO_VAL(buf) body = {0};
    scene_init(&s, h,
               "{\"role\":\"edge\",\"id\":\"device-2\",\"external\":true,\"permitted_dns\":[\"edge.test\"]}");
    struct company_spec spec = good_one(&s);
    spec.purposes = "serverAuth,clientAuth";
    make_body(&s, &spec, &body);
    assert_refused(h, "device-2", &body, 422, "has no nameConstraints");
    spec.extra = "nameConstraints=critical,permitted;DNS:test";
    make_body(&s, &spec, &body);
    assert_refused(h, "device-2", &body, 422, "permit test, for which its request did not ask");
    assert_untouched(h, "pending", 4);
    spec.extra = "nameConstraints=critical,permitted;DNS:a.edge.test,excluded;IP:0.0.0.0/0.0.0.0,"
                 "excluded;IP:0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0";
    make_body(&s, &spec, &body);
    post(h, CERTIFICATE, "device-2", buf_str(&body), 200);
    assert_untouched(h, "standby", 6);
    scene_clear(&s);
}

static void a_roll_over_takes_what_its_role_has(void **state)
{
    struct house *h = *state;
    post(h, "/api/v1/authorities", NULL, EDGE, 201);
    post(h, ONE "/activate", "edge", "{}", 200);
    post(h, ONE "/roll", "device", "{\"permitted_dns\":[\"edge.test\"]}", 422);
    post(h, ONE "/roll", "root", "{\"permitted_dns\":[\"edge.test\"]}", 422);
    post(h, ONE "/roll", "root", "{\"key_purposes\":[\"client_auth\"]}", 422);
    post(h, ONE "/roll", "device", "{\"key_purposes\":[\"client_auth\",\"server_auth\"]}", 422);
    post(h, ONE "/roll", "infrastructure", "{\"key_purposes\":[\"client_auth\"]}", 422);
    post(h, ONE "/roll", "edge", "{\"key_purposes\":[\"code_signing\"]}", 422);
    post(h, ONE "/roll", "edge", "{\"key_purposes\":[\"client_auth\",\"server_auth\"]}", 201);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_successor_keeps_the_names),
        TEST(a_company_binds_it_too),
        TEST(a_roll_over_takes_what_its_role_has),
    };
    return cmocka_run_group_tests_name("authority_edge", tests, NULL, NULL);
}
