/* Boot keys over REST. */
#include "tests/unit/api/resource_fixture.h"

#include "base/file.h"

#define KEYS "/api/v1/firmware/boot-keys"
#define KEY  "/api/v1/firmware/boot-keys/{id}"

struct wish {
    const char *name, *kind, *file, *product;
};

/* @return the body, heap text in `out` */
static const char *body_of(const struct wish *wish, struct buf *out)
{
    char path[160];
    AUTO_VAL(buf) pem = {0};
    AUTO(json_t) *body = json_object();
    (void)snprintf(path, sizeof path, "tests/vectors/firmware/%s", wish->file);
    assert_ok(file_read(path, 1 << 16, &pem));
    assert_ok(json_set_text(body, "name", wish->name));
    assert_ok(json_set_text(body, "kind", wish->kind));
    assert_ok(json_set_text(body, "public", buf_str(&pem)));
    if (wish->product != NULL) {
        assert_ok(json_set_text(body, "product", wish->product));
    }
    out->n = 0;
    assert_ok(json_append(out, body));
    return buf_str(out);
}

static void each_kind_is_registered(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) body = {0};
    static const struct wish rows[] = {{"a", "mcuboot", "p256.pub.pem", NULL},
                                       {"b", "mcuboot", "rsa2048.pub.pem", "default"},
                                       {"c", "esp", "rsa3072.pub.pem", NULL},
                                       {"d", "cms", "authority.crt", NULL},
                                       {"e", "detached", "swu.crt", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct call call = rest(h, HTTP_POST, KEYS, body_of(&rows[i], &body));
        assert_status(h, &call, &reply, 201);
        assert_string_equal(text_at(&reply, "kind"), rows[i].kind);
        assert_string_equal(text_at(&reply, "state"), "active");
        assert_string_equal(text_at(&reply, "product"), "default");
        assert_int_equal(strlen(text_at(&reply, "digest")), 64);
        assert_non_null(strstr(text_at(&reply, "public"), i == 3 ? "BEGIN CERTIFICATE" : "BEGIN PUBLIC KEY"));
    }
    struct call call = rest(h, HTTP_GET, KEYS, NULL);
    call.query[0] = (struct http_field){"product", "default"};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "boot_keys")), 5);
    call.query[0].value = "nothing";
    assert_status(h, &call, &reply, 400);
    assert_bad_pages(h, KEYS, "boot_keys");
}

static void bad_ones_are_refused(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) body = {0};
    static const struct {
        struct wish wish;
        const char *pointer;
    } rows[] = {{{"x", "esp", "rsa2048.pub.pem", NULL}, "/public"},
                {{"x", "esp", "ed25519.pub.pem", NULL}, "/public"},
                {{"x", "cms", "p256.pub.pem", NULL}, "/public"},
                {{"x", "uboot", "p256.pub.pem", NULL}, "/kind"},
                {{"x y", "mcuboot", "p256.pub.pem", NULL}, "/name"},
                {{"x", "mcuboot", "p256.pub.pem", "nothing"}, "/product"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct call call = rest(h, HTTP_POST, KEYS, body_of(&rows[i].wish, &body));
        assert_status(h, &call, &reply, 422);
        assert_true(has_pointer(&reply, rows[i].pointer));
    }
    struct call call = rest(h, HTTP_POST, KEYS, "{\"colour\":1}");
    assert_status(h, &call, &reply, 422);
    static const char *const pointers[] = {"/name", "/kind", "/public", "/colour"};
    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
        assert_true(has_pointer(&reply, pointers[i]));
    }
    call = rest(h, HTTP_POST, KEYS,
                "{\"name\":\"x\",\"kind\":\"mcuboot\",\"public\":\"-----BEGIN PRIVATE KEY-----\\nMAA=\\n"
                "-----END PRIVATE KEY-----\\n\"}");
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/public"));
    const struct wish taken = {"a", "mcuboot", "p256.pub.pem", NULL};
    call = rest(h, HTTP_POST, KEYS, body_of(&taken, &body));
    assert_status(h, &call, &reply, 409);
}

static void one_attempt_makes_one_key_that_is_revoked_once(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) body = {0};
    char id[UUID_TEXT_SIZE];
    const struct wish wish = {"once", "mcuboot", "ed25519.pub.pem", NULL};
    struct call call = rest(h, HTTP_POST, KEYS, body_of(&wish, &body));
    call.headers[0] = (struct http_field){"Idempotency-Key", "\"once\""};
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    assert_status(h, &call, &reply, 201);
    assert_string_equal(text_at(&reply, "id"), id);
    call = rest(h, HTTP_GET, KEY, NULL);
    call.param = id;
    assert_status(h, &call, &reply, 200);
    call = rest(h, HTTP_POST, KEY "/revoke", "{\"why\":1}");
    call.param = id;
    assert_status(h, &call, &reply, 422);
    call = rest(h, HTTP_POST, KEY "/revoke", "{}");
    call.param = id;
    call.headers[0] = (struct http_field){"If-Match", "\"7\""};
    assert_status(h, &call, &reply, 412);
    call.headers[0] = (struct http_field){"If-Match", "\"1\""};
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), "revoked");
    call.headers[0] = (struct http_field){NULL, NULL};
    assert_status(h, &call, &reply, 200);
    call.param = "01a20ee7-5495-7fc0-8873-4ce1159f76fd";
    assert_status(h, &call, &reply, 404);
    call.param = "words";
    assert_status(h, &call, &reply, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_registered),
        cmocka_unit_test(bad_ones_are_refused),
        cmocka_unit_test(one_attempt_makes_one_key_that_is_revoked_once),
    };
    return cmocka_run_group_tests(tests, house_setup, house_teardown);
}
