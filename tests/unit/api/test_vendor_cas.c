/* Pinned CAs over REST, and a chip that comes in by one. */
#include "tests/unit/api/resource_fixture.h"
#include "tests/unit/pki/vendor_fixture.h"

#define CAS "/api/v1/vendor-cas"
#define CA  "/api/v1/vendor-cas/{id}"

/* {"name":…,"certificate":…} and what else is given */
static void order_of(const X509 *ca, const char *name, const char *more, struct buf *out)
{
    AUTO_VAL(buf) pem = {0};
    AUTO(json_t) *order = json_object();
    pem_of(ca, &pem);
    assert_ok(json_set_text(order, "name", name));
    assert_ok(json_set_text(order, "certificate", buf_str(&pem)));
    buf_clear(out);
    assert_ok(json_append(out, order));
    out->n--;
    assert_ok(buf_printf(out, "%s}", more));
}

static void a_ca_is_pinned_changed_and_retired(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(vendor) v;
    AUTO_VAL(buf) body = {0};
    char id[UUID_TEXT_SIZE];
    vendor_init(&v);
    order_of(v.ca, "maker", "", &body);
    struct call call = rest(h, HTTP_POST, CAS, buf_str(&body));
    call.headers[0] = (struct http_field){"Idempotency-Key", "\"k\""};
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    assert_string_equal(reply_header(&reply, "Location") + strlen(CAS "/"), id);
    assert_string_equal(text_at(&reply, "subject"), "CN=Chip CA 1,O=Example Chips");
    assert_string_equal(text_at(&reply, "state"), "active");
    assert_int_equal(number_at(&reply, "admitted"), 0);
    assert_int_equal(strncmp(text_at(&reply, "certificate"), "-----BEGIN CERTIFICATE-----\n", 28), 0);
    assert_status(h, &call, &reply, 201); /* the same again */
    assert_string_equal(text_at(&reply, "id"), id);
    call.headers[0].name = NULL;
    assert_status(h, &call, &reply, 409);
    call = change(h, CA, id, NULL, "{\"name\":\"chips\"}");
    assert_status(h, &call, &reply, 428);
    call = change(h, CA, id, "\"9\"", "{\"name\":\"chips\"}");
    assert_status(h, &call, &reply, 412);
    call = change(h, CA, id, "\"1\"", "{\"name\":\"chips\",\"batch\":\"spring\"}");
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "name"), "chips");
    call = change(h, CA, id, "\"2\"", "{\"certificate\":\"x\"}");
    assert_status(h, &call, &reply, 422);
    call = rest(h, HTTP_GET, CAS, NULL);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "vendor_cas")), 1);
    assert_bad_pages(h, CAS, "vendor_cas");
    call = rest(h, HTTP_POST, CA "/retire", "{}");
    call.param = id;
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), "retired");
    assert_status(h, &call, &reply, 200);
    call = change(h, CA, id, "*", "{\"name\":\"x\"}");
    assert_status(h, &call, &reply, 409);
    assert_non_null(strstr(text_at(&reply, "detail"), "retired"));
}

static void wrong_orders(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(vendor) v;
    AUTO_VAL(buf) body = {0};
    vendor_init(&v);
    struct call call = rest(h, HTTP_POST, CAS, "{\"product\":7,\"colour\":\"red\"}");
    assert_status(h, &call, &reply, 422);
    static const char *const pointers[] = {"/name", "/certificate", "/product", "/colour"};
    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
        assert_true(has_pointer(&reply, pointers[i]));
    }
    call =
        rest(h, HTTP_POST, CAS, "{\"name\":\"a\",\"certificate\":\"-----BEGIN PRIVATE KEY-----\\nAA==\\n\"}");
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/certificate"));
    order_of(v.chip, "chip", "", &body);
    call = rest(h, HTTP_POST, CAS, buf_str(&body));
    assert_status(h, &call, &reply, 422);
    order_of(v.ca, "a", ",\"product\":\"none\"", &body);
    call = rest(h, HTTP_POST, CAS, buf_str(&body));
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/product"));
    call = rest(h, HTTP_GET, CAS, NULL);
    call.query[0] = (struct http_field){"product", "sensor"};
    assert_status(h, &call, &reply, 400);
}

static void another_tenant_sees_nothing(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(vendor) v;
    AUTO_VAL(buf) body = {0};
    char token[TOKEN_TEXT_SIZE];
    char id[UUID_TEXT_SIZE];
    vendor_init(&v);
    order_of(v.ca, "maker", "", &body);
    struct call call = rest(h, HTTP_POST, CAS, buf_str(&body));
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    (void)other_tenant(h, "acme", SCOPE_ADMIN, token);
    assert_unseen(h, CA, id, token);
    call = rest(h, HTTP_POST, CA "/retire", "{}");
    call.param = id;
    call.token = token;
    assert_status(h, &call, &reply, 404);
}

static void a_chip_comes_in_and_shows_as_attested(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(vendor) v;
    AUTO_VAL(chip) chip;
    AUTO_VAL(buf) body = {0};
    AUTO_VAL(buf) csr = {0};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    char id[UUID_TEXT_SIZE];
    vendor_init(&v);
    chip_make(&chip);
    const struct vendor_spec spec = {
        .cn = "sn42", .key = chip.key, .issuer = v.ca, .issuer_key = v.ca_key, .constraints = "CA:FALSE"};
    AUTO(X509) *x509 = vendor_make(&spec);
    chip.peer.kind = PEER_FOREIGN;
    der_of(x509, &chip.peer.der);
    struct call call =
        rest(h, HTTP_POST, "/api/v1/products", "{\"name\":\"sensor\",\"admission\":\"vendor_ca\"}");
    assert_status(h, &call, &reply, 201);
    struct call status = {.method = HTTP_GET, .route = "/device/v1/status", .peer = &chip.peer};
    assert_status(h, &status, &reply, 200);
    assert_string_equal(text_at(&reply, "status"), "does_not_exist");
    order_of(v.ca, "maker", ",\"product\":\"sensor\"", &body);
    call = rest(h, HTTP_POST, CAS, buf_str(&body));
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    assert_status(h, &status, &reply, 200);
    assert_string_equal(text_at(&reply, "status"), "not_enrolled");
    assert_int_equal(strlen(text_at(&reply, "owner_salt")), 64);
    make_csr(key, "SHA256", NULL, &csr);
    call = (struct call){.method = HTTP_POST,
                         .route = "/.well-known/est/simpleenroll",
                         .peer = &chip.peer,
                         .type = "application/pkcs10",
                         .body = buf_view(&csr)};
    assert_status(h, &call, &reply, 200);
    call = rest(h, HTTP_GET, "/api/v1/devices/{id}", NULL);
    call.param = chip.id;
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "key_origin"), "attested");
    assert_string_equal(text_at(&reply, "serial"), "sn42");
    call = rest(h, HTTP_GET, CA, NULL);
    call.param = id;
    assert_status(h, &call, &reply, 200);
    assert_int_equal(number_at(&reply, "admitted"), 1);
}

#define house_test(function) cmocka_unit_test_setup_teardown(function, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(a_ca_is_pinned_changed_and_retired),
        house_test(wrong_orders),
        house_test(another_tenant_sees_nothing),
        house_test(a_chip_comes_in_and_shows_as_attested),
    };
    return cmocka_run_group_tests_name("vendor_cas", tests, NULL, NULL);
}
