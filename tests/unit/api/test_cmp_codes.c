/* Codes for CMP over REST: made and shown once, looked at, revoked. */
#include "tests/unit/api/resource_fixture.h"

#define CODE "/api/v1/devices/{id}/cmp-code"

/* Registers the chip under a product that admits by code. */
static void register_coded(struct house *h, const struct chip *chip)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    char body[160];
    struct call call =
        rest(h, HTTP_POST, "/api/v1/products", "{\"name\":\"sensor\",\"admission\":\"token\"}");
    assert_status(h, &call, &reply, 201);
    (void)snprintf(body, sizeof body, "{\"product\":\"sensor\",\"devices\":[\"%s\"]}", chip->id);
    call = rest(h, HTTP_POST, "/api/v1/batches", body);
    assert_status(h, &call, &reply, 201);
}

static struct call code_call(struct house *h, const struct chip *chip, enum http_method method,
                             const char *body)
{
    struct call call = rest(h, method, CODE, body);
    call.param = chip->id;
    return call;
}

static void a_code_is_made_shown_once_and_revoked(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip = {.key = NULL};
    AUTO_VAL(chip) listed = {.key = NULL};
    chip_make(&chip);
    chip_make(&listed);
    register_chips(h, &listed, 1);
    register_coded(h, &chip);
    struct call make = code_call(h, &listed, HTTP_POST, "{\"not_after\":\"2026-02-01T00:00:00Z\"}");
    assert_status(h, &make, &reply, 409); /* "default" admits by list */
    assert_non_null(strstr(text_at(&reply, "detail"), "listed"));
    make.param = chip.id;
    struct call look = code_call(h, &chip, HTTP_GET, NULL);
    assert_status(h, &look, &reply, 404);
    make.headers[0] = (struct http_field){"Idempotency-Key", "\"k-1\""};
    assert_status(h, &make, &reply, 201);
    assert_int_equal(strncmp(text_at(&reply, "code"), "whorlcmp_", 9), 0);
    assert_int_equal(strlen(text_at(&reply, "reference")), 16);
    assert_string_equal(text_at(&reply, "state"), "active");
    assert_string_equal(text_at(&reply, "device_id"), chip.id);
    assert_string_equal(text_at(&reply, "not_after"), "2026-02-01T00:00:00Z");
    assert_string_equal(reply_header(&reply, "Cache-Control"), "no-store");
    assert_non_null(strstr(reply_header(&reply, "Location"), chip.id));
    char reference[32];
    (void)snprintf(reference, sizeof reference, "%s", text_at(&reply, "reference"));
    assert_status(h, &make, &reply, 409); /* the answer cannot be given again */
    assert_non_null(strstr(text_at(&reply, "detail"), reference));
    make.headers[0] = (struct http_field){NULL, NULL};
    assert_status(h, &make, &reply, 409);
    assert_non_null(strstr(text_at(&reply, "detail"), "active"));
    assert_status(h, &look, &reply, 200);
    assert_null(json_object_get(reply.json, "code"));
    assert_null(strstr(buf_str(&reply.response.body), "whorlcmp_"));
    assert_int_equal(number_at(&reply, "failed_attempts"), 0);
    char etag[32];
    (void)snprintf(etag, sizeof etag, "%s", reply_header(&reply, "ETag"));
    struct call revoke = code_call(h, &chip, HTTP_DELETE, NULL);
    revoke.headers[0] = (struct http_field){"If-Match", "\"7\""};
    assert_status(h, &revoke, &reply, 412);
    revoke.headers[0].value = etag;
    assert_status(h, &revoke, &reply, 204);
    revoke.headers[0].name = NULL;
    assert_status(h, &revoke, &reply, 204);
    assert_status(h, &look, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), "revoked");
    make.body = BYTES_NONE;
    make.type = NULL;
    assert_status(h, &make, &reply, 201); /* in its place */
    assert_string_not_equal(text_at(&reply, "reference"), reference);
}

static void wrong_orders(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip = {.key = NULL};
    chip_make(&chip);
    register_coded(h, &chip);
    struct call call = code_call(h, &chip, HTTP_POST, "{\"not_after\":\"soon\",\"secret\":\"mine\"}");
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/not_after"));
    assert_true(has_pointer(&reply, "/secret"));
    call = code_call(h, &chip, HTTP_POST, "{\"not_after\":\"2020-01-01T00:00:00Z\"}");
    assert_status(h, &call, &reply, 422);
    call = code_call(h, &chip, HTTP_POST, "{\"not_after\":\"2099-01-01T00:00:00Z\"}");
    assert_status(h, &call, &reply, 422);
    call = code_call(h, &chip, HTTP_POST, "[]");
    assert_status(h, &call, &reply, 422);
    call = code_call(h, &chip, HTTP_POST, "{");
    assert_status(h, &call, &reply, 400);
    call = code_call(h, &chip, HTTP_GET, NULL);
    call.query[0] = (struct http_field){"colour", "red"};
    assert_status(h, &call, &reply, 400);
    call = code_call(h, &chip, HTTP_GET, NULL);
    call.param = "xyz";
    assert_status(h, &call, &reply, 400);
    call.param = "00000000000000000000000000000000000000000000000000000000000000aa";
    assert_status(h, &call, &reply, 404);
}

static void others_see_and_may_nothing(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip = {.key = NULL};
    char token[TOKEN_TEXT_SIZE];
    chip_make(&chip);
    register_coded(h, &chip);
    struct call call = code_call(h, &chip, HTTP_POST, "{}");
    assert_status(h, &call, &reply, 201);
    (void)other_tenant(h, "acme", SCOPE_ADMIN, token);
    static const enum http_method METHODS[] = {HTTP_GET, HTTP_POST, HTTP_DELETE};
    for (size_t i = 0; i < sizeof METHODS / sizeof METHODS[0]; i++) {
        call = code_call(h, &chip, METHODS[i], METHODS[i] == HTTP_POST ? "{}" : NULL);
        call.token = token;
        assert_status(h, &call, &reply, 404);
    }
    call = code_call(h, &chip, HTTP_GET, NULL);
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), "active");
}

#define house_test(function) cmocka_unit_test_setup_teardown(function, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(a_code_is_made_shown_once_and_revoked),
        house_test(wrong_orders),
        house_test(others_see_and_may_nothing),
    };
    return cmocka_run_group_tests_name("cmp codes", tests, NULL, NULL);
}
