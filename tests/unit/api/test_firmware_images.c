/* firmware_images.c, firmware_uploads.c, firmware_image_sink.c: the same rules over REST, refused as a person
 * can act on it. */
#include "tests/unit/api/resource_fixture.h"

#define UPLOADS "/api/v1/firmware/uploads"
#define UPLOAD  "/api/v1/firmware/uploads/{id}"
#define IMAGES  "/api/v1/firmware/images"
#define IMAGE   "/api/v1/firmware/images/{id}"
#define CONTENT "/api/v1/firmware/images/{id}/content"

static const char ORDER[] =
    "{\"product\":\"default\",\"filename\":\"a.bin\",\"size\":11,\"version\":\"1.0\"}";

static struct call part(const struct house *h, const char *id, const char *offset, const char *bytes)
{
    struct call call = {.method = HTTP_PATCH,
                        .route = UPLOAD,
                        .param = id,
                        .token = h->admin,
                        .type = "application/partial-upload",
                        .body = bytes_str(bytes)};
    call.headers[0] = (struct http_field){"Upload-Offset", offset};
    return call;
}

static void start(struct house *h, char id[UUID_TEXT_SIZE])
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_POST, UPLOADS, ORDER);
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    assert_string_equal(reply_header(&reply, "Upload-Offset"), "0");
    assert_non_null(strstr(reply_header(&reply, "Location"), id));
}

static void an_upload_goes_part_by_part(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE];
    start(h, id);
    struct call call = part(h, id, "0", "hello ");
    assert_status(h, &call, &reply, 204);
    assert_string_equal(reply_header(&reply, "Upload-Offset"), "6");
    assert_string_equal(reply_header(&reply, "Upload-Complete"), "?0");
    assert_status(h, &call, &reply, 409);
    assert_non_null(strstr(text_at(&reply, "detail"), "at byte 6"));
    call = rest(h, HTTP_GET, UPLOAD, NULL);
    call.param = id;
    assert_status(h, &call, &reply, 200);
    assert_int_equal(number_at(&reply, "offset"), 6);
    assert_string_equal(reply_header(&reply, "Upload-Offset"), "6");
    call = rest(h, HTTP_GET, UPLOADS, NULL);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "uploads")), 1);
    call = part(h, id, "6", "world");
    assert_status(h, &call, &reply, 201);
    assert_string_equal(reply_header(&reply, "Upload-Complete"), "?1");
    assert_string_equal(text_at(&reply, "sha256"),
                        "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9");
    call = rest(h, HTTP_GET, UPLOAD, NULL);
    call.param = id;
    assert_status(h, &call, &reply, 404);
}

static void a_part_says_what_it_is(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE];
    start(h, id);
    static const char *const bad[] = {"", "x", "-1", "+1", "1 ", "1.0", "9999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct call call = part(h, id, bad[i], "x");
        assert_status(h, &call, &reply, 400);
    }
    struct call call = part(h, id, "0", "x");
    call.headers[0] = (struct http_field){NULL, NULL};
    assert_status(h, &call, &reply, 400);
    call = part(h, id, "0", "x");
    call.type = "application/json";
    assert_status(h, &call, &reply, 415);
    call = part(h, id, "0", "twelve bytes");
    assert_status(h, &call, &reply, 413);
    call = part(h, "x", "0", "x");
    assert_status(h, &call, &reply, 400);
    call = part(h, id, "6", ""); /* what came before there was too much of it stays */
    assert_status(h, &call, &reply, 204);
}

static struct call whole(const struct house *h, const char *bytes)
{
    struct call call = {.method = HTTP_POST,
                        .route = IMAGES,
                        .token = h->admin,
                        .type = "application/octet-stream",
                        .body = bytes_str(bytes)};
    call.query[0] = (struct http_field){"product", "default"};
    call.query[1] = (struct http_field){"filename", "a.bin"};
    call.query[2] = (struct http_field){"version", "1.0"};
    call.query[3] = (struct http_field){"format", "raw"};
    return call;
}

static void an_image_in_one_request(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE];
    struct call call = whole(h, "hello world");
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    assert_status(h, &call, &reply, 200); /* the same bytes */
    assert_string_equal(text_at(&reply, "id"), id);
    call = whole(h, "other bytes");
    assert_status(h, &call, &reply, 201);
    assert_int_equal(json_array_size(json_object_get(reply.json, "warnings")), 1);
    call = whole(h, "");
    assert_status(h, &call, &reply, 422);
    call = whole(h, "hello");
    call.query[3].value = "mcuboot";
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, ""));
    call.query[3].value = "zip";
    assert_status(h, &call, &reply, 400);
    call = whole(h, "hello");
    call.query[0].value = "nothing";
    assert_status(h, &call, &reply, 422);
    call = whole(h, "hello");
    call.query[1].name = "colour";
    assert_status(h, &call, &reply, 400);
    call = whole(h, "hello");
    call.type = "text/plain";
    assert_status(h, &call, &reply, 415);
    call = rest(h, HTTP_GET, UPLOADS, NULL); /* nothing of them stayed */
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "uploads")), 0);
}

static void images_are_listed_looked_at_and_fetched(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE];
    struct call call = whole(h, "hello world");
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    call = rest(h, HTTP_GET, IMAGE, NULL);
    call.param = id;
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "sha1"), "2aae6c35c94fcfb415dbe95f408b9ce91ee846ed");
    assert_string_equal(text_at(&reply, "md5"), "5eb63bbbe01eeed093cb22bb8f5acdc3");
    assert_string_equal(text_at(&reply, "product"), "default");
    call.route = CONTENT;
    assert_status(h, &call, &reply, 200);
    assert_int_equal(reply.response.file_size, 11);
    static const struct {
        const char *name, *value;
        size_t count;
    } filters[] = {{"product", "default", 1}, {"product", "nothing", 0}, {"format", "raw", 1},
                   {"format", "esp", 0},      {"state", "ready", 1},     {"state", "withdrawn", 0}};
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        call = rest(h, HTTP_GET, IMAGES, NULL);
        call.query[0] = (struct http_field){filters[i].name, filters[i].value};
        assert_status(h, &call, &reply, 200);
        assert_int_equal(json_array_size(json_object_get(reply.json, "images")), filters[i].count);
    }
    call.query[0] = (struct http_field){"state", "odd"};
    assert_status(h, &call, &reply, 400);
    assert_bad_pages(h, IMAGES, "images");
    assert_bad_pages(h, UPLOADS, "uploads");
}

static void a_hold_is_kept(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE];
    struct call call = whole(h, "hello world");
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    call = change(h, IMAGE, id, NULL, "{\"hold_reason\":\"x\"}");
    assert_status(h, &call, &reply, 428);
    call = change(h, IMAGE, id, "\"1\"", "{\"hold_until\":\"soon\",\"colour\":1}");
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/hold_until"));
    assert_true(has_pointer(&reply, "/colour"));
    call = change(h, IMAGE, id, "\"1\"", "{\"hold_until\":\"2099-01-01T00:00:00Z\",\"hold_reason\":\"law\"}");
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "hold_reason"), "law");
    call = rest(h, HTTP_DELETE, IMAGE, NULL);
    call.param = id;
    assert_status(h, &call, &reply, 409);
    assert_non_null(strstr(text_at(&reply, "detail"), "held until 2099"));
    call = change(h, IMAGE, id, "\"2\"", "{\"hold_until\":null}");
    assert_status(h, &call, &reply, 200);
    call = rest(h, HTTP_DELETE, IMAGE, NULL);
    call.param = id;
    assert_status(h, &call, &reply, 204);
    assert_status(h, &call, &reply, 404);
}

static void tenants_share_bytes_and_do_not_know(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char other[TOKEN_TEXT_SIZE];
    char id[UUID_TEXT_SIZE];
    char upload[UUID_TEXT_SIZE];
    other_tenant(h, "acme", (uint32_t)SCOPE_ADMIN, other);
    struct call call = whole(h, "hello world");
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    start(h, upload);
    call = rest(h, HTTP_GET, IMAGE, NULL);
    call.param = id;
    call.token = other;
    assert_status(h, &call, &reply, 404);
    call.route = CONTENT;
    assert_status(h, &call, &reply, 404);
    call.method = HTTP_DELETE;
    call.route = IMAGE;
    assert_status(h, &call, &reply, 404);
    call = change(h, IMAGE, id, "*", "{\"hold_reason\":\"x\"}");
    call.token = other;
    assert_status(h, &call, &reply, 404);
    call = part(h, upload, "0", "x");
    call.token = other;
    assert_status(h, &call, &reply, 404);
    call = rest(h, HTTP_DELETE, UPLOAD, NULL);
    call.param = upload;
    call.token = other;
    assert_status(h, &call, &reply, 404);
    call = whole(h, "hello world");
    call.token = other;
    assert_status(h, &call, &reply, 201); /* as if nobody had them */
    assert_string_not_equal(text_at(&reply, "id"), id);
    call = rest(h, HTTP_DELETE, UPLOAD, NULL);
    call.param = upload;
    assert_status(h, &call, &reply, 204);
    assert_status(h, &call, &reply, 404);
}

static void every_wrong_field_of_an_order_is_named(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_POST, UPLOADS,
                            "{\"filename\":\"a/b\",\"size\":0,\"sha256\":\"AA\",\"format\":\"zip\","
                            "\"version\":\"\",\"may_be_unsigned\":1,\"x\":1}");
    assert_status(h, &call, &reply, 422);
    static const char *const pointers[] = {"/product", "/filename",        "/size", "/sha256", "/format",
                                           "/version", "/may_be_unsigned", "/x"};
    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
        assert_true(has_pointer(&reply, pointers[i]));
    }
    call.body =
        bytes_str("{\"product\":\"default\",\"filename\":\"a\",\"size\":99999999999,\"version\":\"1\"}");
    assert_status(h, &call, &reply, 413);
}

static void the_same_key_makes_one_upload(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE];
    struct call call = rest(h, HTTP_POST, UPLOADS, ORDER);
    call.headers[0] = (struct http_field){"Idempotency-Key", "\"u1\""};
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    assert_status(h, &call, &reply, 201);
    assert_string_equal(text_at(&reply, "id"), id);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_upload_goes_part_by_part),
        TEST(a_part_says_what_it_is),
        TEST(an_image_in_one_request),
        TEST(images_are_listed_looked_at_and_fetched),
        TEST(a_hold_is_kept),
        TEST(tenants_share_bytes_and_do_not_know),
        TEST(every_wrong_field_of_an_order_is_named),
        TEST(the_same_key_makes_one_upload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
