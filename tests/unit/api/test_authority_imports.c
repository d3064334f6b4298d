/* Certificates that were signed elsewhere, over REST: what is taken, each that is refused and why, who may,
 * and what waits for a second person. Nothing of what is refused stays. */
#include "tests/unit/api/two_people.h"
#include "tests/unit/pki/company_fixture.h"

#include "fleet/authority_set.h"
#include "pki/authority_succession.h"
#include "pki/ceremony_internal.h"
#include "pki/certificate.h"

#define ONE         "/api/v1/authorities/{id}"
#define CERTIFICATE ONE "/certificate"
#define CROSSES     ONE "/cross-certificates"

/* A house with a request that waits, and the company that signs it. */
struct scene {
    struct house *h;
    struct company_ca root, policy;
    EVP_PKEY *key; /* public, of the request */
};

static void post(struct house *h, const char *route, const char *id, const char *body, int status)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_POST, route, body);
    call.param = id;
    assert_status(h, &call, &reply, status);
}

static EVP_PKEY *key_of_request(struct house *h, const char *id)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_GET, ONE "/request", NULL);
    call.param = id;
    assert_status(h, &call, &reply, 200);
    BIO *bio = BIO_new_mem_buf(text_at(&reply, "pem"), -1);
    X509_REQ *request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
    EVP_PKEY *key = X509_REQ_get_pubkey(request);
    assert_non_null(key);
    X509_REQ_free(request);
    BIO_free(bio);
    return key;
}

static void scene_init(struct scene *s, struct house *h, const char *order)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_POST, "/api/v1/authorities", order);
    *s = (struct scene){.h = h};
    assert_status(h, &call, &reply, 201);
    s->key = key_of_request(h, text_at(&reply, "id"));
    company_root(&s->root);
    company_policy(&s->root, &s->policy);
}

#define DEVICE_2 "{\"role\":\"device\",\"external\":true}"

static void scene_clear(struct scene *s)
{
    EVP_PKEY_free(s->key);
    company_clear(&s->root);
    company_clear(&s->policy);
}

/* {"certificate": PEM of these}, up to the first that is NULL. */
static void body_of(const struct buf *const *ders, struct buf *out)
{
    AUTO_VAL(buf) pem = {0};
    AUTO(json_t) *document = json_object();
    for (size_t i = 0; ders[i] != NULL; i++) {
        assert_ok(certificate_to_pem(buf_view(ders[i]), &pem));
    }
    assert_ok(json_set_text(document, "certificate", buf_str(&pem)));
    out->n = 0;
    assert_ok(json_append(out, document));
}

static void body_with_chain(const struct scene *s, const struct company_ca *ca, struct buf *out)
{
    const struct buf *ders[] = {&ca->der, &s->policy.der, &s->root.der, NULL};
    body_of(ders, out);
}

static struct company_spec good_one(const struct scene *s)
{
    struct company_spec spec = good_device_ca(&s->policy);
    spec.key = s->key;
    return spec;
}

static void make_body(const struct scene *s, const struct company_spec *spec, struct buf *out)
{
    struct company_ca ca;
    company_make(spec, &ca);
    body_with_chain(s, &ca, out);
    company_clear(&ca);
}

/* The state of the pending one, and how many authorities there are. */
static void assert_untouched(struct house *h, const char *state, size_t count)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_GET, ONE, NULL);
    call.param = "device-2";
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), state);
    call = rest(h, HTTP_GET, "/api/v1/authorities", NULL);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(count_of(&reply, "authorities"), count);
}

static void assert_refused(struct house *h, const char *id, const struct buf *body, int status,
                           const char *words)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_POST, CERTIFICATE, buf_str(body));
    call.param = id;
    int got = send_call(h, &call, &reply);
    const json_t *fault = json_array_get(json_object_get(reply.json, "errors"), 0);
    const char *detail =
        fault != NULL ? json_string_value(json_object_get(fault, "detail")) : text_at(&reply, "detail");
    if (got != status || strstr(detail, words) == NULL) {
        fail_msg("%d \"%s\" where %d with \"%s\" was expected", got, detail, status, words);
    }
    if (status == 422) {
        assert_string_equal(json_string_value(json_object_get(fault, "pointer")), "/certificate");
    }
}

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
    {.to_ms = house_from_ms + 1000, .words = "is over"},
    {.from_ms = house_from_ms + year_ms, .words = "begins"},
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
    post(h, "/api/v1/authorities", DEVICE_2, 201); /* of the same name, with another key */
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
        TEST(what_all_tenants_would_trust_is_the_installations),
        TEST(it_waits_for_a_second_person),
        TEST(what_waited_too_long_is_void),
        TEST(cross_certificates_are_listed_and_come_in),
    };
    return cmocka_run_group_tests_name("authority_imports", tests, NULL, NULL);
}
