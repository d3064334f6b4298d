/* Certificates that were signed elsewhere, over REST: what is taken, and each that is refused and why.
 * Nothing of what is refused stays. */
#include "tests/unit/api/import_scene.h"

#include "pki/ceremony_internal.h"

/* --- taken --------------------------------------------------------------------------------------------- */

static void the_certificate_comes_in_with_its_company(void **state)
{
    struct house *h = *state;
    struct scene s;
    AUTO_VAL(buf) body = {0};
    AUTO_VAL(reply) reply = {.json = NULL};
    const struct authority_member *issuer = NULL;
    scene_init(&s, h, DEVICE_2);
    struct company_spec spec = good_one(&s);
    struct company_ca ca;
    company_make(&spec, &ca);
    body_with_chain(&s, &ca, &body);
    struct call call = rest(h, HTTP_POST, CERTIFICATE, buf_str(&body));
    call.param = "device-2";
    assert_status(h, &call, &reply, 200);
    assert_true(json_is_true(json_object_get(reply.json, "is_new")));
    assert_int_equal(count_of(&reply, "items"), 3);
    assert_untouched(h, "standby", 6);
    post(h, ONE "/activate", "device-2", "{}", 200);
    AUTO_PTR(authority_set) *set = authority_set_take(h->fleet);
    assert_ok(authority_set_issuer(set, AUTHORITY_DEVICE, NULL, "", &issuer));
    assert_string_equal(issuer->id, "device-2");
    assert_status(h, &call, &reply, 200); /* again, long after */
    assert_false(json_is_true(json_object_get(reply.json, "is_new")));
    company_clear(&ca);
    spec.serial = 78; /* another certificate of the same key: it has one */
    make_body(&s, &spec, &body);
    assert_refused(h, "device-2", &body, 409, "device-2 is active: only a pending one");
    scene_clear(&s);
}

static void the_same_attempt_is_known_by_its_key(void **state)
{
    struct house *h = *state;
    struct scene s;
    AUTO_VAL(buf) body = {0};
    AUTO_VAL(reply) reply = {.json = NULL};
    scene_init(&s, h, DEVICE_2);
    const struct company_spec spec = good_one(&s);
    make_body(&s, &spec, &body);
    struct call call = rest(h, HTTP_POST, CERTIFICATE, buf_str(&body));
    call.param = "device-2";
    call.headers[0] = (struct http_field){"Idempotency-Key", "\"k1\""};
    call.headers[1] = (struct http_field){"If-Match", "\"99\""};
    assert_status(h, &call, &reply, 412);
    assert_untouched(h, "pending", 4);
    call.headers[1] = (struct http_field){NULL, NULL};
    assert_status(h, &call, &reply, 200);
    assert_status(h, &call, &reply, 200);
    assert_false(json_is_true(json_object_get(reply.json, "is_new")));
    buf_clear(&body);
    make_body(&s, &spec, &body); /* signed anew: another request */
    call.body = buf_view(&body);
    assert_true(send_call(h, &call, &reply) >= 400);
    assert_untouched(h, "standby", 6);
    scene_clear(&s);
}

/* --- refused ------------------------------------------------------------------------------------------- */

/* What each changes of a good one, and what the answer says. */
static const struct {
    const char *constraints, *usage, *purposes, *digest, *extra;
    int64_t from_ms, to_ms;
    const char *words;
} bad[] = {
    {.constraints = "critical,CA:TRUE", .words = "has no pathlen"},
    {.constraints = "critical,CA:TRUE,pathlen:1", .words = "needs pathlen 0"},
    {.constraints = "critical,CA:FALSE", .words = "basicConstraints"},
    {.usage = "critical,digitalSignature", .words = "keyCertSign"},
    {.usage = "critical,keyCertSign", .words = "cRLSign"},
    {.purposes = "serverAuth", .words = "forbids clientAuth"},
    {.digest = "SHA1", .words = "SHA-1"},
    {.extra = "1.2.3.4=critical,DER:0500", .words = "critical"},
    {.to_ms = house_from_ms + 31 * year_ms, .words = "goes beyond its issuer's"},
    {.to_ms = house_from_ms + 1000, .words = "expired at"},
    {.from_ms = house_from_ms + year_ms, .words = "is not valid before"},
};

static void each_bad_one_is_refused(void **state)
{
    struct house *h = *state;
    struct scene s;
    scene_init(&s, h, DEVICE_2);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        AUTO_VAL(buf) body = {0};
        struct company_spec spec = good_one(&s);
        spec.constraints = bad[i].constraints != NULL ? bad[i].constraints : spec.constraints;
        spec.usage = bad[i].usage != NULL ? bad[i].usage : spec.usage;
        spec.purposes = bad[i].purposes != NULL ? bad[i].purposes : spec.purposes;
        spec.digest = bad[i].digest;
        spec.extra = bad[i].extra;
        spec.from_ms = bad[i].from_ms;
        spec.to_ms = bad[i].to_ms;
        make_body(&s, &spec, &body);
        assert_refused(h, "device-2", &body, 422, bad[i].words);
    }
    assert_untouched(h, "pending", 4);
    scene_clear(&s);
}

/* Another key, another signer, a gap, two at once, and what is no certificate. */
static void what_does_not_belong_is_refused(void **state)
{
    struct house *h = *state;
    struct scene s;
    struct company_ca impostor, ca, second;
    AUTO_VAL(buf) body = {0};
    scene_init(&s, h, DEVICE_2);
    struct company_spec spec = good_device_ca(&s.policy);
    make_body(&s, &spec, &body);
    assert_refused(h, "device-2", &body, 422, "it is for another key");
    company_policy(&s.root, &impostor); /* the same name */
    spec = good_one(&s);
    spec.under = &impostor;
    make_body(&s, &spec, &body);
    assert_refused(h, "device-2", &body, 422, "the issuer of");
    spec.under = &s.policy;
    company_make(&spec, &ca);
    spec.serial = 79;
    company_make(&spec, &second);
    body_of((const struct buf *const[]){&ca.der, &s.root.der, NULL}, &body);
    assert_refused(h, "device-2", &body, 422, "is not here: give its certificate too");
    body_of((const struct buf *const[]){&ca.der, &second.der, &s.policy.der, &s.root.der, NULL}, &body);
    assert_refused(h, "device-2", &body, 422, "there are two certificates");
    body_of((const struct buf *const[]){&ca.der, &s.policy.der, &s.root.der, &impostor.der, NULL}, &body);
    assert_refused(h, "device-2", &body, 422, "of no authority here");
    assert_refused(h, "device", &body, 409, "device is active");
    assert_refused(h, "nobody", &body, 404, "no such authority");
    company_clear(&impostor);
    company_clear(&ca);
    company_clear(&second);
    assert_untouched(h, "pending", 4);
    scene_clear(&s);
}

static void bad_bodies_are_refused(void **state)
{
    struct house *h = *state;
    struct scene s;
    scene_init(&s, h, DEVICE_2);
    static const struct {
        const char *body;
        int status;
    } bodies[] = {
        {"{}", 422},
        {"[]", 422},
        {"{\"certificate\":7}", 422},
        {"{\"certificate\":\"\"}", 422},
        {"{\"certificate\":\"words\"}", 422},
        {"{\"certificate\":\"words\",\"chain\":[]}", 422},
        {"{\"certificate\":\"-----BEGIN CERTIFICATE-----\\nMAA\"}", 422},
        {"{\"certificate\":\"-----BEGIN PRIVATE KEY-----\\nMAA=\\n-----END PRIVATE KEY-----\"}", 422},
        {"{", 400}};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        post(h, CERTIFICATE, "device-2", bodies[i].body, bodies[i].status);
        post(h, CROSSES, "root", bodies[i].body, bodies[i].status);
    }
    assert_untouched(h, "pending", 4);
    scene_clear(&s);
}

static void a_list_does_not_come_along(void **state)
{
    struct house *h = *state;
    struct scene s;
    AUTO_VAL(buf) der = {0}, pem = {0}, body = {0};
    AUTO(json_t) *document = json_object();
    scene_init(&s, h, DEVICE_2);
    const struct company_list list = {
        .by = &s.policy, .number = 1, .from_ms = house_from_ms, .to_ms = house_from_ms + 20 * year_ms};
    company_sign_list(&list, &der);
    assert_ok(ceremony_crl_to_pem(buf_view(&der), &pem));
    assert_ok(json_set_text(document, "certificate", buf_str(&pem)));
    assert_ok(json_append(&body, document));
    assert_refused(h, "device-2", &body, 422, "a CRL came along");
    scene_clear(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_certificate_comes_in_with_its_company),
        TEST(the_same_attempt_is_known_by_its_key),
        TEST(each_bad_one_is_refused),
        TEST(what_does_not_belong_is_refused),
        TEST(bad_bodies_are_refused),
        TEST(a_list_does_not_come_along),
    };
    return cmocka_run_group_tests_name("authority_imports", tests, NULL, NULL);
}
