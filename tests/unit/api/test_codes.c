/* Enrolment codes over REST, and devices that show them: by EST as a Basic password, in JSON. */
#include "tests/unit/api/resource_fixture.h"

#define CODES "/api/v1/enrolment-codes"
#define CODE  "/api/v1/enrolment-codes/{id}"

struct kept {
    char id[32], text[96];
};

static void admit_by_code(struct house *h)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call =
        rest(h, HTTP_POST, "/api/v1/products", "{\"name\":\"sensor\",\"admission\":\"token\"}");
    assert_status(h, &call, &reply, 201);
}

static struct kept make_code(struct house *h, const char *body)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct kept kept;
    struct call call = rest(h, HTTP_POST, CODES, body);
    assert_status(h, &call, &reply, 201);
    (void)snprintf(kept.id, sizeof kept.id, "%s", text_at(&reply, "id"));
    (void)snprintf(kept.text, sizeof kept.text, "%s", text_at(&reply, "code"));
    return kept;
}

static void get_code(struct house *h, const char *id, struct reply *reply)
{
    struct call call = rest(h, HTTP_GET, CODE, NULL);
    call.param = id;
    assert_status(h, &call, reply, 200);
}

static void a_code_is_made_shown_once_and_revoked(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    admit_by_code(h);
    struct call call =
        rest(h, HTTP_POST, CODES,
             "{\"name\":\"line-3\",\"kind\":\"batch\",\"product\":\"sensor\",\"use_limit\":500,"
             "\"not_after\":\"2026-02-01T00:00:00Z\"}");
    call.headers[0] = (struct http_field){"Idempotency-Key", "\"k-1\""};
    assert_status(h, &call, &reply, 201);
    char id[32];
    (void)snprintf(id, sizeof id, "%s", text_at(&reply, "id"));
    assert_int_equal(strncmp(text_at(&reply, "code"), "whorlcode_", 10), 0);
    assert_string_equal(reply_header(&reply, "Cache-Control"), "no-store");
    assert_string_equal(reply_header(&reply, "Location") + strlen(CODES "/"), id);
    assert_int_equal(number_at(&reply, "use_limit"), 500);
    assert_string_equal(text_at(&reply, "not_after"), "2026-02-01T00:00:00Z");
    assert_string_equal(text_at(&reply, "state"), "active");
    assert_status(h, &call, &reply, 409); /* the secret is not stored */
    assert_non_null(strstr(text_at(&reply, "detail"), id));
    get_code(h, id, &reply);
    assert_null(json_object_get(reply.json, "code"));
    assert_int_equal(number_at(&reply, "used"), 0);
    char etag[32];
    (void)snprintf(etag, sizeof etag, "%s", reply_header(&reply, "ETag"));
    call = rest(h, HTTP_POST, CODE "/revoke", "{}");
    call.param = id;
    call.headers[0] = (struct http_field){"If-Match", "\"7\""};
    assert_status(h, &call, &reply, 412);
    call.headers[0].value = etag;
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), "revoked");
    call.headers[0].name = NULL;
    call.body = BYTES_NONE;
    call.type = NULL;
    assert_status(h, &call, &reply, 200);
    call = rest(h, HTTP_POST, CODE "/revoke", "{\"why\":\"lost\"}");
    call.param = id;
    assert_status(h, &call, &reply, 422);
}

static void many_at_once_and_their_list(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    admit_by_code(h);
    struct call call = rest(h, HTTP_POST, CODES, "{\"name\":\"units\",\"product\":\"sensor\",\"count\":25}");
    assert_status(h, &call, &reply, 201);
    json_t *made = json_object_get(reply.json, "enrolment_codes");
    assert_int_equal(json_array_size(made), 25);
    assert_non_null(json_object_get(json_array_get(made, 24), "code"));
    char product[UUID_TEXT_SIZE];
    (void)snprintf(product, sizeof product, "%s",
                   json_string_value(json_object_get(json_array_get(made, 0), "product_id")));
    size_t seen = 0;
    char cursor[256] = "";
    do {
        call = rest(h, HTTP_GET, CODES, NULL);
        call.query[0] = (struct http_field){"limit", "10"};
        call.query[1] = (struct http_field){"product", product};
        if (cursor[0] != '\0') {
            call.query[2] = (struct http_field){"cursor", cursor};
        }
        assert_status(h, &call, &reply, 200);
        assert_null(strstr(buf_str(&reply.response.body), "whorlcode_"));
        seen += json_array_size(json_object_get(reply.json, "enrolment_codes"));
        (void)snprintf(cursor, sizeof cursor, "%s", text_at(&reply, "next"));
    } while (cursor[0] != '\0');
    assert_int_equal(seen, 25);
    call = rest(h, HTTP_GET, CODES, NULL);
    call.query[0] = (struct http_field){"product", "01920000-0000-7000-8000-000000000001"};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "enrolment_codes")), 0);
    call.query[0].value = "sensor";
    assert_status(h, &call, &reply, 400);
    assert_bad_pages(h, CODES, "enrolment_codes");
}

static void wrong_orders_name_every_field(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_POST, CODES,
                            "{\"kind\":\"crate\",\"use_limit\":\"many\",\"device_id\":\"12\",\"serial\":\"\","
                            "\"not_before\":\"tomorrow\",\"count\":1.5,\"secret\":\"mine\"}");
    assert_status(h, &call, &reply, 422);
    static const char *const pointers[] = {"/name",   "/kind",       "/use_limit", "/device_id",
                                           "/serial", "/not_before", "/count",     "/secret"};
    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
        assert_true(has_pointer(&reply, pointers[i]));
    }
    call = rest(h, HTTP_POST, CODES, "{\"name\":\"x\"}");
    assert_status(h, &call, &reply, 422); /* "default" admits by list */
    assert_true(has_pointer(&reply, "/product"));
    call = rest(h, HTTP_GET, CODE, NULL);
    call.param = "xyz";
    assert_status(h, &call, &reply, 400);
    call.param = "0011223344556677";
    assert_status(h, &call, &reply, 404);
}

static void others_see_and_may_nothing(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char token[TOKEN_TEXT_SIZE];
    admit_by_code(h);
    struct kept code = make_code(h, "{\"name\":\"a\",\"product\":\"sensor\"}");
    (void)other_tenant(h, "acme", SCOPE_ADMIN, token);
    struct call call = rest(h, HTTP_GET, CODE, NULL);
    call.param = code.id;
    call.token = token;
    assert_status(h, &call, &reply, 404);
    call = rest(h, HTTP_POST, CODE "/revoke", "{}");
    call.param = code.id;
    call.token = token;
    assert_status(h, &call, &reply, 404);
    (void)other_tenant(h, "factory", SCOPE_CODES_READ, token);
    call = rest(h, HTTP_POST, CODES, "{\"name\":\"b\",\"product\":\"sensor\"}");
    call.token = token;
    assert_status(h, &call, &reply, 403);
}

/* --- devices ---------------------------------------------------------------------------------------- */

static struct call est_call(const struct chip *chip, const char *route, struct buf *csr)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    buf_clear(csr);
    make_csr(key, "SHA256", NULL, csr);
    return (struct call){.method = HTTP_POST,
                         .route = route,
                         .peer = &chip->peer,
                         .type = "application/pkcs10",
                         .body = buf_view(csr)};
}

static void basic_of(const char *user, const char *code, struct buf *out)
{
    AUTO_VAL(buf) pair = {0};
    buf_clear(out);
    assert_ok(buf_printf(&pair, "%s:%s", user, code));
    assert_ok(buf_append_str(out, "Basic "));
    assert_ok(base64_append(out, buf_view(&pair)));
}

#define SIMPLE   "/.well-known/est/simpleenroll"
#define LABELLED "/.well-known/est/{label}/simpleenroll"

static void est_asks_for_a_code_and_takes_it(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    AUTO_VAL(buf) csr = {0};
    AUTO_VAL(buf) basic = {0};
    chip_make(&chip);
    struct call call = est_call(&chip, SIMPLE, &csr);
    assert_status(h, &call, &reply, 403); /* no product takes codes */
    assert_string_equal(reply_header(&reply, "WWW-Authenticate"), "");
    admit_by_code(h);
    assert_status(h, &call, &reply, 401);
    assert_int_equal(strncmp(reply_header(&reply, "WWW-Authenticate"), "Basic realm=", 12), 0);
    struct kept code = make_code(h, "{\"name\":\"a\",\"product\":\"sensor\"}");
    basic_of("somebody", "whorlcode_1", &basic);
    call.headers[0] = (struct http_field){"Authorization", buf_str(&basic)};
    assert_status(h, &call, &reply, 401);
    call.headers[0].value = "Basic !!!";
    assert_status(h, &call, &reply, 400);
    basic_of("", code.text, &basic);
    call.headers[0].value = buf_str(&basic);
    call.headers[1] = call.headers[0];
    assert_status(h, &call, &reply, 400); /* two of them */
    call.headers[1].name = NULL;
    assert_status(h, &call, &reply, 200);
    get_code(h, code.id, &reply);
    assert_string_equal(text_at(&reply, "state"), "used");
    assert_string_equal(text_at(&reply, "device_id"), chip.id);
    struct call look = rest(h, HTTP_GET, "/api/v1/devices/{id}", NULL);
    look.param = chip.id;
    assert_status(h, &look, &reply, 200);
    assert_string_equal(text_at(&reply, "key_origin"), "claimed");
    assert_true(strlen(text_at(&reply, "spki")) > 100);
    AUTO_VAL(chip) stranger;
    chip_make(&stranger);
    call.peer = &stranger.peer;
    assert_status(h, &call, &reply, 401);
    assert_non_null(strstr(buf_str(&reply.response.body), "another device's"));
}

/* Where no product of the label takes codes, a password means nothing. */
static void labels_without_codes_do_not_look(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    AUTO_VAL(buf) csr = {0};
    AUTO_VAL(buf) basic = {0};
    char token[TOKEN_TEXT_SIZE];
    chip_make(&chip);
    admit_by_code(h);
    (void)other_tenant(h, "acme", SCOPE_ADMIN, token);
    struct kept code = make_code(h, "{\"name\":\"a\",\"product\":\"sensor\"}");
    struct call call = est_call(&chip, LABELLED, &csr);
    call.param = "acme";
    assert_status(h, &call, &reply, 403);
    basic_of("", code.text, &basic);
    call.headers[0] = (struct http_field){"Authorization", buf_str(&basic)};
    assert_status(h, &call, &reply, 403);
    assert_string_equal(reply_header(&reply, "WWW-Authenticate"), "");
    call.param = "nobody";
    assert_status(h, &call, &reply, 404);
    call.param = "default";
    assert_status(h, &call, &reply, 200);
}

static void many_wrong_codes_earn_a_wait(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    AUTO_VAL(buf) csr = {0};
    chip_make(&chip);
    admit_by_code(h);
    struct call call = est_call(&chip, SIMPLE, &csr);
    call.headers[0] = (struct http_field){"Authorization", "Basic Om5vbmU="};
    for (int i = 0; i < 13; i++) {
        (void)send_call(h, &call, &reply);
        h->clock.at_ms += i < 12 ? 2001 : 0;
    }
    assert_int_equal(reply.response.status, 401);
    assert_status(h, &call, &reply, 429);
    assert_string_equal(reply_header(&reply, "Retry-After"), "4");
    call.headers[0].name = NULL;
    assert_status(h, &call, &reply, 401); /* without a code nobody waits */
}

static void json_takes_a_code_too(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    AUTO_VAL(buf) csr = {0};
    AUTO_VAL(buf) body = {0};
    chip_make(&chip);
    admit_by_code(h);
    struct kept code = make_code(h, "{\"name\":\"a\",\"product\":\"sensor\"}");
    struct call call = {.method = HTTP_POST,
                        .route = "/device/v1/status",
                        .peer = &chip.peer,
                        .type = "application/json",
                        .body = bytes_str("{}")};
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "status"), "does_not_exist");
    assert_ok(buf_printf(&body, "{\"code\":\"%s\"}", code.text));
    call.body = buf_view(&body);
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "status"), "not_enrolled");
    assert_int_equal(strlen(text_at(&reply, "owner_salt")), 64);
    (void)est_call(&chip, SIMPLE, &csr);
    call.route = "/device/v1/enrol";
    buf_clear(&body);
    assert_ok(buf_append_str(&body, "{\"csr\":\""));
    assert_ok(base64_append(&body, buf_view(&csr)));
    assert_ok(buf_append_str(&body, "\",\"code\":\""));
    size_t before_code = body.n;
    assert_ok(buf_append_str(&body, "whorlcode_x\"}"));
    call.body = buf_view(&body);
    assert_status(h, &call, &reply, 401);
    assert_string_equal(text_at(&reply, "type"), "/problems/enrolment-code");
    body.n = before_code;
    assert_ok(buf_printf(&body, "%s \"}", code.text)); /* pasted with a blank */
    call.body = buf_view(&body);
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "status"), "enrolled");
    call.body = bytes_str("{\"code\":7}");
    assert_status(h, &call, &reply, 422);
}

#define house_test(function) cmocka_unit_test_setup_teardown(function, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(a_code_is_made_shown_once_and_revoked), house_test(many_at_once_and_their_list),
        house_test(wrong_orders_name_every_field),         house_test(others_see_and_may_nothing),
        house_test(est_asks_for_a_code_and_takes_it),      house_test(labels_without_codes_do_not_look),
        house_test(many_wrong_codes_earn_a_wait),          house_test(json_takes_a_code_too),
    };
    return cmocka_run_group_tests_name("codes", tests, NULL, NULL);
}
