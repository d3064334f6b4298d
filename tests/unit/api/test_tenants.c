/* Tenants and authorities over REST: who may see them, and in which form a chain is given. */
#include "tests/unit/api/resource_fixture.h"

#include "api/accept.h"

#define TENANTS     "/api/v1/tenants"
#define TOKENS      "/api/v1/tokens"
#define AUTHORITIES "/api/v1/authorities"

static void a_tenant_is_made_with_its_first_token(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE], body[256], text[TOKEN_TEXT_SIZE];
    struct call call = rest(h, HTTP_POST, TENANTS, "{\"name\":\"acme\"}");
    call.headers[0] = (struct http_field){"Idempotency-Key", "n1"};
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    assert_string_equal(reply_header(&reply, "Location") + strlen(TENANTS "/"), id);
    assert_status(h, &call, &reply, 201);
    assert_string_equal(text_at(&reply, "id"), id);
    call = rest(h, HTTP_GET, TENANTS "/{id}", NULL);
    call.param = id;
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "name"), "acme");
    call = rest(h, HTTP_GET, TENANTS, NULL);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "tenants")), 2);
    assert_bad_pages(h, TENANTS, "tenants");
    (void)snprintf(body, sizeof body, "{\"name\":\"first\",\"scopes\":[\"admin\"],\"tenant_id\":\"%s\"}", id);
    call = rest(h, HTTP_POST, TOKENS, body);
    assert_status(h, &call, &reply, 201);
    assert_string_equal(text_at(&reply, "tenant_id"), id);
    (void)snprintf(text, sizeof text, "%s", text_at(&reply, "token"));
    call = rest(h, HTTP_GET, "/api/v1/whoami", NULL);
    call.token = text;
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "tenant"), "acme");
    /* it comes with its product */
    call = rest(h, HTTP_GET, "/api/v1/products", NULL);
    call.token = text;
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "products")), 1);
    /* and is no way to other tenants */
    (void)snprintf(body, sizeof body, "{\"name\":\"up\",\"scopes\":[\"installation\"]}");
    call = rest(h, HTTP_POST, TOKENS, body);
    call.token = text;
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/scopes"));
    (void)snprintf(
        body, sizeof body,
        "{\"name\":\"up\",\"scopes\":[\"admin\"],\"tenant_id\":\"00000000-0000-7000-8000-000000000000\"}");
    call = rest(h, HTTP_POST, TOKENS, body);
    assert_status(h, &call, &reply, 422); /* no such tenant */
    assert_true(has_pointer(&reply, "/tenant_id"));
    call.token = text;
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/tenant_id"));
}

static void admin_of_a_tenant_is_not_enough(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char admin[TOKEN_TEXT_SIZE];
    other_tenant(h, "acme", (uint32_t)SCOPE_ADMIN, admin);
    struct call call = rest(h, HTTP_GET, TENANTS, NULL);
    call.token = admin;
    assert_status(h, &call, &reply, 403);
    assert_non_null(strstr(text_at(&reply, "detail"), "installation"));
    call = rest(h, HTTP_POST, TENANTS, "{\"name\":\"mine\"}");
    call.token = admin;
    assert_status(h, &call, &reply, 403);
}

static void what_people_call_a_tenant_can_change(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE], etag[32];
    struct call call =
        rest(h, HTTP_POST, TENANTS, "{\"name\":\"works\",\"display_name\":\"W\u00e9rks \\\"1\\\"\"}");
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    assert_string_equal(text_at(&reply, "display_name"), "W\u00e9rks \"1\"");
    (void)snprintf(etag, sizeof etag, "%s", reply_header(&reply, "ETag"));
    call = rest(h, HTTP_PATCH, TENANTS "/{id}", "{\"display_name\":\"Works\"}");
    call.param = id;
    assert_status(h, &call, &reply, 428);
    call.headers[0] = (struct http_field){"If-Match", etag};
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "display_name"), "Works");
    assert_string_equal(text_at(&reply, "name"), "works");
    assert_status(h, &call, &reply, 412);
    call.headers[0] = (struct http_field){"If-Match", "*"};
    static const char *const bad[] = {"{\"name\":\"other\"}", "{\"display_name\":null}",
                                      "{\"display_name\":7}", "{\"display_name\":\"a\\u0007\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        call.body = bytes_str(bad[i]);
        assert_status(h, &call, &reply, 422);
        assert_true(has_pointer(&reply, i == 0 ? "/name" : "/display_name"));
    }
    call.body = bytes_str("{}");
    call.param = "00000000-0000-7000-8000-000000000000";
    assert_status(h, &call, &reply, 404);
    char admin[TOKEN_TEXT_SIZE];
    other_tenant(h, "acme", (uint32_t)SCOPE_ADMIN, admin);
    call.token = admin;
    assert_status(h, &call, &reply, 403);
}

static void bad_tenants_are_refused(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    static const struct {
        const char *body, *pointer;
        int status;
    } table[] = {
        {"{}", "/name", 422},
        {"{\"name\":\"Acme\"}", "/name", 422},
        {"{\"name\":7}", "/name", 422},
        {"{\"name\":\"a\",\"label\":\"b\"}", "/label", 422},
        {"{\"name\":\"default\"}", NULL, 409},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct call call = rest(h, HTTP_POST, TENANTS, table[i].body);
        assert_status(h, &call, &reply, table[i].status);
        assert_true(table[i].pointer == NULL || has_pointer(&reply, table[i].pointer));
    }
    struct call call = rest(h, HTTP_GET, TENANTS "/{id}", NULL);
    call.param = "00000000-0000-7000-8000-000000000000";
    assert_status(h, &call, &reply, 404);
}

static void authorities_are_listed(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_GET, AUTHORITIES, NULL);
    call.query[0] = (struct http_field){"limit", "2"};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "authorities")), 2);
    char cursor[128];
    (void)snprintf(cursor, sizeof cursor, "%s", text_at(&reply, "next"));
    call.query[1] = (struct http_field){"cursor", cursor};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "authorities")), 1);
    assert_bad_pages(h, AUTHORITIES, "authorities");
    call = rest(h, HTTP_GET, AUTHORITIES "/{id}", NULL);
    call.param = "device";
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "role"), "device");
    assert_string_equal(text_at(&reply, "state"), "active");
    assert_string_equal(text_at(&reply, "key_algorithm"), "P-256");
    assert_non_null(strstr(text_at(&reply, "pem"), "BEGIN CERTIFICATE"));
    call.param = "nobody";
    assert_status(h, &call, &reply, 404);
    char reader[TOKEN_TEXT_SIZE];
    other_tenant(h, "readers", (uint32_t)SCOPE_DEVICES_READ, reader);
    call.token = reader;
    assert_status(h, &call, &reply, 403);
}

static void a_chain_has_four_forms(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) first = {0};
    struct call call = rest(h, HTTP_GET, AUTHORITIES "/{id}/chain", NULL);
    call.param = "device";
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "certificates")), 2);
    assert_string_equal(reply_header(&reply, "Vary"), "Accept");
    call.headers[0] = (struct http_field){"Accept", "application/pem-certificate-chain"};
    assert_status(h, &call, &reply, 200);
    assert_string_equal(reply.response.content_type, "application/pem-certificate-chain");
    assert_ok(certificate_from_pem(buf_view(&reply.response.body), &first));
    assert_true(bytes_equal(buf_view(&first), authority_borrow_der(h->pki.device)));
    const char *second = strstr(buf_str(&reply.response.body) + 10, "-----BEGIN");
    assert_non_null(second);
    buf_clear(&first);
    assert_ok(certificate_from_pem(bytes_str(second), &first));
    assert_true(bytes_equal(buf_view(&first), authority_borrow_der(h->pki.root)));
    call.headers[0].value = "application/pkix-cert";
    assert_status(h, &call, &reply, 200);
    assert_true(bytes_equal(buf_view(&reply.response.body), authority_borrow_der(h->pki.device)));
    call.headers[0].value = "application/pkcs7-mime";
    assert_status(h, &call, &reply, 200);
    assert_string_equal(reply.response.content_type, "application/pkcs7-mime");
    assert_int_equal(reply.response.body.p[0], 0x30);
    call.param = "root";
    call.headers[0].value = "text/html, */*;q=0.1";
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "certificates")), 1);
}

static void the_heaviest_type_is_chosen(void **state)
{
    (void)state;
    static const char *const offers[] = {"application/json", "text/plain", "application/x"};
    static const struct {
        const char *accept;
        size_t chosen;
    } table[] = {
        {NULL, 0},
        {"", 0},
        {"image/png", 0},
        {"*/*", 0},
        {"text/*", 1},
        {"application/*", 0},
        {"application/json;q=0.5, text/plain;q=0.7", 1},
        {"application/json;q=0.5, text/plain; q=0.49", 0},
        {"*/*;q=0.1,application/x", 2},
        {"application/json;q=0, */*;q=0.5", 1},
        {"Application/X; v=1;Q=1.0", 2},
        {"application/xx", 0},
        {";;,,/", 0},
        {"application/x;q=", 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (accept_choose(table[i].accept, offers, 3) != table[i].chosen) {
            fail_msg("%s: %zu", table[i].accept, accept_choose(table[i].accept, offers, 3));
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_tenant_is_made_with_its_first_token),
        TEST(admin_of_a_tenant_is_not_enough),
        TEST(what_people_call_a_tenant_can_change),
        TEST(bad_tenants_are_refused),
        TEST(authorities_are_listed),
        TEST(a_chain_has_four_forms),
        cmocka_unit_test(the_heaviest_type_is_chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
