/* What anybody may fetch: CRLs and CA certificates with their caching, health; and the figures. */
#include "tests/unit/api/api_fixture.h"

static struct call get(const char *route, const char *param)
{
    return (struct call){.method = HTTP_GET, .route = route, .param = param};
}

static void crls_say_how_long_they_hold(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char etag[RESPONSE_VALUE_SIZE];
    struct call call = get("/crl/{authority}.crl", "device");
    assert_status(h, &call, &reply, 200);
    assert_string_equal(reply.response.content_type, "application/pkix-crl");
    assert_true(shared_view(reply.response.shared).n > 100);
    assert_int_equal(shared_view(reply.response.shared).p[0], 0x30);
    assert_string_equal(reply_header(&reply, "Last-Modified"), "Fri, 02 Jan 2026 00:00:00 GMT");
    assert_string_equal(reply_header(&reply, "Expires"), "Sat, 03 Jan 2026 00:00:00 GMT");
    assert_string_equal(reply_header(&reply, "Cache-Control"), "public, max-age=300");
    (void)snprintf(etag, sizeof etag, "%s", reply_header(&reply, "ETag"));
    call.headers[0] = (struct http_field){"if-none-match", etag};
    assert_status(h, &call, &reply, 304);
    assert_non_null(reply.response.shared); /* for its length: the server sends none of it */
    assert_string_equal(reply_header(&reply, "ETag"), etag);
    call.headers[0].value = "\"other\", W/\"x\"";
    assert_status(h, &call, &reply, 200);
    call.headers[0].value = "*";
    assert_status(h, &call, &reply, 304);
    call.headers[0].name = NULL;
    manual_clock_advance(&h->clock, 86400000 - 90000);
    assert_status(h, &call, &reply, 200);
    assert_string_equal(reply_header(&reply, "Cache-Control"), "public, max-age=90");
    manual_clock_advance(&h->clock, 86400000);
    assert_status(h, &call, &reply, 200);
    assert_string_equal(reply_header(&reply, "Cache-Control"), "public, max-age=0");
}

static void ca_certificates(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    static const char *const names[] = {"root", "device", "infrastructure"};
    const struct authority *const authorities[] = {h->pki.root, h->pki.device, h->pki.infrastructure};
    for (size_t i = 0; i < 3; i++) {
        struct call call = get("/ca/{authority}.cer", names[i]);
        assert_status(h, &call, &reply, 200);
        assert_string_equal(reply.response.content_type, "application/pkix-cert");
        assert_true(bytes_equal(shared_view(reply.response.shared), authority_borrow_der(authorities[i])));
    }
    struct call call = get("/ca/{authority}.cer", "../root");
    assert_status(h, &call, &reply, 404);
    call = get("/crl/{authority}.crl", "");
    assert_status(h, &call, &reply, 404);
    call = get("/crl/{authority}/{shard}.crl", "device"); /* one complete list: no shards */
    call.param2 = "0";
    assert_status(h, &call, &reply, 404);
}

static void health_and_readiness(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = get("/healthz", NULL);
    assert_status(h, &call, &reply, 200);
    call = get("/readyz", NULL);
    assert_status(h, &call, &reply, 200);
    h->ready = ERR(ERR_UNAVAILABLE, "the inventory cannot be written");
    assert_status(h, &call, &reply, 503);
    assert_string_equal(text_at(&reply, "reason"), "the inventory cannot be written");
    assert_true(reply_header(&reply, "Retry-After")[0] != '\0');
}

static void figures_in_order(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = get("/metrics", NULL);
    assert_status(h, &call, &reply, 401);
    call.token = h->admin;
    assert_status(h, &call, &reply, 200);
    assert_string_equal(reply.response.content_type,
                        "application/openmetrics-text; version=1.0.0; charset=utf-8");
    const char *text = buf_str(&reply.response.body);
    const char *build = strstr(text, "whorl_build_info{version=\"1.2.3\"} 1\n");
    const char *fleet = strstr(text, "whorl_enrolments");
    const char *source = strstr(text, "house 1\n");
    assert_true(build != NULL && fleet > build && source > fleet);
    assert_string_equal(source, "house 1\n# EOF\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(crls_say_how_long_they_hold, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(ca_certificates, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(health_and_readiness, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(figures_in_order, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
