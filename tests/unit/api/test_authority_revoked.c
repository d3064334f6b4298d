/* A company revokes CAs of ours: what is issued under them from then on, what stands as an alarm and until
 * when, and what is not taken any more. */
#include "tests/unit/api/import_scene.h"

#include "fleet/authority_import.h"
#include "fleet/authority_work.h"
#include "pki/ceremony_internal.h"

static void bring_in(const struct scene *s, int serial, const char *id)
{
    AUTO_VAL(buf) body = {0};
    struct company_spec spec = good_one(s);
    spec.serial = serial;
    make_body(s, &spec, &body);
    post(s->h, CERTIFICATE, id, buf_str(&body), 200);
}

/* What a CA of the company publishes: these are revoked. @param[out] reply of bringing it in */
static void publish(struct house *h, const struct company_ca *by, int64_t number, const int *serials,
                    size_t count, struct reply *reply)
{
    AUTO_VAL(buf) der = {0}, pem = {0}, body = {0};
    AUTO(json_t) *document = json_object();
    AUTO_VAL(certificate_facts) facts = {.serial_size = 0};
    char digits[2 * SHA256_SIZE + 1], id[AUTHORITY_ID_SIZE];
    const struct company_list list = {.by = by,
                                      .number = number,
                                      .from_ms = house_from_ms,
                                      .to_ms = house_from_ms + year_ms,
                                      .serials = serials,
                                      .count = count};
    company_sign_list(&list, &der);
    assert_ok(ceremony_crl_to_pem(buf_view(&der), &pem));
    assert_ok(json_set_text(document, "crl", buf_str(&pem)));
    assert_ok(json_append(&body, document));
    assert_ok(certificate_read(buf_view(&by->der), &facts));
    hex_encode(BYTES_OF(facts.key.spki_sha256.b), digits);
    (void)snprintf(id, sizeof id, "external-%.8s", digits);
    struct call call = rest(h, HTTP_POST, ONE "/crl", buf_str(&body));
    call.param = id;
    assert_status(h, &call, reply, 200);
}

static void assert_state(struct house *h, const char *id, const char *state)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_GET, ONE, NULL);
    call.param = id;
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), state);
}

static size_t alarms(struct house *h, const char *kind, const char *severity)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_GET, "/api/v1/alarms", NULL);
    size_t i = 0, count = 0;
    json_t *item = NULL;
    assert_status(h, &call, &reply, 200);
    json_array_foreach(json_object_get(reply.json, "alarms"), i, item)
    {
        bool is_it = strcmp(json_string_value(json_object_get(item, "kind")), kind) == 0;
        count += is_it ? 1 : 0;
        if (is_it) {
            assert_string_equal(json_string_value(json_object_get(item, "severity")), severity);
        }
    }
    return count;
}

static err_code issuer_error(struct house *h)
{
    AUTO_PTR(authority_set) *set = authority_set_take(h->fleet);
    const struct authority_member *member = NULL;
    return authority_set_issuer(set, AUTHORITY_DEVICE, NULL, "", &member).code;
}

static void what_is_revoked_issues_no_more(void **state)
{
    struct house *h = *state;
    struct scene s;
    AUTO_VAL(reply) reply = {.json = NULL};
    scene_init(&s, h, DEVICE_2);
    bring_in(&s, 501, "device-2");
    post(h, ONE "/activate", "device-2", "{}", 200);
    publish(h, &s.policy, 1, NULL, 0, &reply);
    assert_null(json_object_get(reply.json, "note"));
    assert_int_equal(alarms(h, "authority.revoked", "critical"), 0);
    publish(h, &s.policy, 2, (const int[]){501}, 1, &reply);
    assert_non_null(strstr(text_at(&reply, "note"), "1 authority issues no more"));
    assert_state(h, "device-2", "retiring");
    assert_int_equal(alarms(h, "authority.revoked", "critical"), 1);
    assert_int_equal(issuer_error(h), ERR_UNAVAILABLE);
    publish(h, &s.policy, 3, (const int[]){501}, 1, &reply); /* told before */
    assert_null(json_object_get(reply.json, "note"));
    assert_int_equal(alarms(h, "authority.revoked", "critical"), 1);
    post(h, ONE "/activate", "device-2", "{}", 409);
    post(h, ONE "/activate", "device", "{}", 200); /* the root's, which is not touched */
    assert_int_equal(issuer_error(h), ERR_OK);
    assert_ok(authority_ends_run(h->fleet, h->clock.at_ms)); /* nothing was issued under it */
    assert_state(h, "device-2", "retired");
    assert_int_equal(alarms(h, "authority.revoked", "critical"), 0);
    scene_clear(&s);
}

/* The CA in between is revoked: one under it stood by, one issued. */
static void all_under_a_revoked_one_fall_with_it(void **state)
{
    struct house *h = *state;
    struct scene s;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) body = {0};
    scene_init(&s, h, DEVICE_2);
    bring_in(&s, 501, "device-2");
    post(h, ONE "/activate", "device-2", "{}", 200);
    post(h, "/api/v1/authorities", NULL, "{\"role\":\"device\",\"external\":true,\"id\":\"spare\"}", 201);
    EVP_PKEY_free(s.key);
    s.key = key_of_request(h, "spare");
    bring_in(&s, 502, "spare");
    publish(h, &s.root, 1, (const int[]){77}, 1, &reply); /* the policy CA's serial number */
    assert_non_null(strstr(text_at(&reply, "note"), "2 authorities issue no more"));
    assert_state(h, "device-2", "retiring");
    assert_state(h, "spare", "retired");
    assert_int_equal(alarms(h, "authority.revoked", "critical"), 1);
    post(h, "/api/v1/authorities", NULL, "{\"role\":\"device\",\"external\":true,\"id\":\"late\"}", 201);
    EVP_PKEY_free(s.key);
    s.key = key_of_request(h, "late");
    struct company_spec spec = good_one(&s);
    spec.serial = 503;
    make_body(&s, &spec, &body);
    assert_refused(h, "late", &body, 422, "is revoked: the CRL of external-");
    assert_state(h, "late", "pending");
    scene_clear(&s);
}

/* Without an authority of its own certificates the server would not start again. */
static void the_servers_own_goes_on(void **state)
{
    struct house *h = *state;
    struct scene s;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) body = {0};
    scene_init(&s, h, "{\"role\":\"infrastructure\",\"external\":true,\"id\":\"device-2\"}");
    struct company_spec spec = good_one(&s);
    spec.purposes = "serverAuth,clientAuth,OCSPSigning";
    spec.serial = 501;
    make_body(&s, &spec, &body);
    post(h, CERTIFICATE, "device-2", buf_str(&body), 200);
    post(h, ONE "/activate", "device-2", "{}", 200);
    publish(h, &s.policy, 1, (const int[]){501}, 1, &reply);
    assert_state(h, "device-2", "active");
    assert_int_equal(alarms(h, "authority.revoked", "critical"), 1);
    assert_int_equal(issuer_error(h), ERR_OK);
    post(h, "/api/v1/authorities", NULL,
         "{\"role\":\"infrastructure\",\"id\":\"infra-3\",\"issuer\":\"root\"}", 201);
    post(h, ONE "/activate", "infra-3", "{}", 200);
    post(h, ONE "/retire", "device-2", "{}", 200);
    post(h, ONE "/retire", "device-2", "{}", 200); /* it retires, and its certificates were this server's */
    assert_state(h, "device-2", "retired");
    assert_ok(authority_ends_run(h->fleet, h->clock.at_ms));
    assert_int_equal(alarms(h, "authority.revoked", "critical"), 0);
    scene_clear(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_revoked_issues_no_more),
        TEST(all_under_a_revoked_one_fall_with_it),
        TEST(the_servers_own_goes_on),
    };
    return cmocka_run_group_tests_name("authority_revoked", tests, NULL, NULL);
}
