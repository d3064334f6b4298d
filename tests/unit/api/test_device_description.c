/* Labels, attributes and notes over REST, and the lists that find devices, batches and certificates. */
#include "tests/unit/api/device_house.h"

#define DEVICE "/api/v1/devices/{id}"

static struct call patch(const struct house *h, const struct chip *chip, const char *match, const char *body)
{
    struct call call = about(h, HTTP_PATCH, DEVICE, chip->id, body);
    call.headers[0] = (struct http_field){match == NULL ? NULL : "If-Match", match};
    return call;
}

static size_t found(struct house *h, const char *name, const char *value)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_GET, "/api/v1/devices", NULL);
    call.query[0] = (struct http_field){name, value};
    assert_status(h, &call, &reply, 200);
    return json_array_size(json_object_get(reply.json, "devices"));
}

static void labels_are_merged_and_found(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct chip chips[2];
    chip_make(&chips[0]);
    chip_make(&chips[1]);
    register_chips(h, chips, 2);
    for (size_t i = 0; i < 2; i++) {
        struct call call = patch(h, &chips[i], "\"1\"",
                                 "{\"labels\":{\"site\":\"Z=\\u00fcrich\",\"line\":\"7\"},\"note\":\"n\"}");
        assert_status(h, &call, &reply, 200);
        assert_string_equal(text_of_item(json_object_get(reply.json, "labels"), "site"), "Z=\xc3\xbcrich");
    }
    assert_int_equal(found(h, "label", "site=Z=\xc3\xbcrich"), 2);
    assert_int_equal(found(h, "label", "site=Z"), 0);
    struct call call =
        patch(h, &chips[0], "\"2\"",
              "{\"labels\":{\"site\":null,\"room\":\"x\"},\"note\":null,\"attributes\":{\"a\":[1]}}");
    call.type = "application/merge-patch+json";
    assert_status(h, &call, &reply, 200);
    json_t *labels = json_object_get(reply.json, "labels");
    assert_int_equal(json_object_size(labels), 2);
    assert_string_equal(text_of_item(labels, "line"), "7");
    assert_null(json_object_get(reply.json, "note"));
    assert_string_equal(reply_header(&reply, "ETag"), "\"3\"");
    assert_int_equal(found(h, "label", "site=Z=\xc3\xbcrich"), 1);
    assert_int_equal(found(h, "label", "line=7"), 2);
    chip_clear(&chips[0]);
    chip_clear(&chips[1]);
}

static void bad_patches(void **state)
{
    static const struct {
        const char *match, *body;
        int status, errors;
    } rows[] = {
        {NULL, "{}", 428, 0},
        {"\"9\"", "{\"note\":\"x\"}", 412, 0},
        {"\"1\"", "{\"colour\":1,\"labels\":[],\"note\":7}", 422, 3},
        {"\"1\"", "{\"labels\":{\"a\":7,\"b\":\"\",\"c\":\"ok\",\"no name\":\"x\"}}", 422, 3},
        {"\"1\"", "[]", 422, 1},
        {"\"1\"", "{\"note\":\"\\u0007\"}", 422, 1},
        {"\"1\"", "{\"state\":\"enrolled\"}", 422, 1},
        {"\"1\"", "{\"note\":\"a\",\"note\":\"b\"}", 400, 0},
        {"*", "{}", 200, 0},
    };
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    char stranger[TOKEN_TEXT_SIZE];
    chip_make(&chip);
    register_chips(h, &chip, 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct call call = patch(h, &chip, rows[i].match, rows[i].body);
        assert_status(h, &call, &reply, rows[i].status);
        if (rows[i].errors > 0) {
            assert_int_equal(json_array_size(json_object_get(reply.json, "errors")), rows[i].errors);
        }
    }
    assert_string_equal(reply_header(&reply, "ETag"), "\"1\""); /* nothing was changed */
    AUTO_VAL(buf) many = {0};
    assert_ok(buf_append_str(&many, "{\"labels\":{"));
    for (int i = 0; i < 17; i++) {
        assert_ok(buf_printf(&many, "%s\"l%d\":\"v\"", i == 0 ? "" : ",", i));
    }
    assert_ok(buf_append_str(&many, "}}"));
    struct call call = patch(h, &chip, "\"1\"", buf_str(&many));
    assert_status(h, &call, &reply, 422);
    other_tenant(h, stranger);
    call = patch(h, &chip, "*", "{\"note\":\"x\"}");
    call.token = stranger;
    assert_status(h, &call, &reply, 404);
}

/* Of two who saw the same version one is told. */
static void two_patches(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    chip_make(&chip);
    register_chips(h, &chip, 1);
    struct call first = patch(h, &chip, "\"1\"", "{\"note\":\"first\"}");
    struct call second = patch(h, &chip, "\"1\"", "{\"note\":\"second\"}");
    assert_status(h, &first, &reply, 200);
    assert_status(h, &second, &reply, 412);
    struct call call = about(h, HTTP_GET, DEVICE, chip.id, NULL);
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "note"), "first");
}

static void filters_of_devices(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) body = {0};
    char batch[UUID_TEXT_SIZE], product[UUID_TEXT_SIZE];
    assert_ok(buf_printf(&body, "{\"devices\":[{\"id\":\"%064x\",\"serial\":\"SN 1\"},\"%064x\"]}", 1, 2));
    struct call call = rest(h, HTTP_POST, "/api/v1/batches", buf_str(&body));
    assert_status(h, &call, &reply, 201);
    (void)snprintf(batch, sizeof batch, "%s", text_at(&reply, "id"));
    (void)snprintf(product, sizeof product, "%s", text_at(&reply, "product_id"));
    assert_int_equal(found(h, "serial", "SN 1"), 1);
    assert_int_equal(found(h, "serial", "SN"), 0);
    assert_int_equal(found(h, "batch", batch), 2);
    assert_int_equal(found(h, "product", product), 2);
    assert_int_equal(found(h, "product", batch), 0);
    static const struct http_field bad[][2] = {{{"label", "x"}, {NULL, NULL}},
                                               {{"label", "=x"}, {NULL, NULL}},
                                               {{"serial", "x"}, {"label", "a=b"}},
                                               {{"serial", "x"}, {"state", "retired"}},
                                               {{"product", "x"}, {NULL, NULL}}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        call = rest(h, HTTP_GET, "/api/v1/devices", NULL);
        call.query[0] = bad[i][0];
        call.query[1] = bad[i][1];
        assert_status(h, &call, &reply, 400);
    }
    call = rest(h, HTTP_GET, "/api/v1/devices", NULL);
    call.query[0] = (struct http_field){"product", product};
    call.query[1] = (struct http_field){"state", "registered"};
    call.query[2] = (struct http_field){"limit", "1"};
    assert_status(h, &call, &reply, 200);
    assert_has(reply_header(&reply, "Link"), "&state=registered&cursor=");
    char cursor[256];
    (void)snprintf(cursor, sizeof cursor, "%s", text_at(&reply, "next"));
    call.query[3] = (struct http_field){"cursor", cursor};
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "next"), "");
    call.query[1].value = "enrolled";
    assert_status(h, &call, &reply, 400);
}

static void batches_are_listed_and_renamed(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE], cursor[256], stranger[TOKEN_TEXT_SIZE];
    struct chip chips[3];
    for (size_t i = 0; i < 3; i++) {
        chip_make(&chips[i]);
        register_chips(h, &chips[i], 1);
        h->clock.at_ms += 5;
        chip_clear(&chips[i]);
    }
    struct call call = rest(h, HTTP_GET, "/api/v1/batches", NULL);
    call.query[0] = (struct http_field){"limit", "2"};
    assert_status(h, &call, &reply, 200);
    json_t *list = json_object_get(reply.json, "batches");
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(text_of_item(json_array_get(list, 0), "product"), "default");
    (void)snprintf(id, sizeof id, "%s", text_of_item(json_array_get(list, 0), "id"));
    (void)snprintf(cursor, sizeof cursor, "%s", text_at(&reply, "next"));
    call.query[1] = (struct http_field){"cursor", cursor};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "batches")), 1);
    static const struct {
        const char *match, *body;
        int status;
    } rows[] = {{NULL, "{\"name\":\"x\"}", 428},        {"\"7\"", "{\"name\":\"x\"}", 412},
                {"\"1\"", "{\"name\":\"a b\"}", 422},   {"\"1\"", "{}", 422},
                {"\"1\"", "{\"device_count\":7}", 422}, {"\"1\"", "{\"name\":\"lot-7\"}", 200}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        call = about(h, HTTP_PATCH, "/api/v1/batches/{id}", id, rows[i].body);
        call.headers[0] = (struct http_field){rows[i].match == NULL ? NULL : "If-Match", rows[i].match};
        assert_status(h, &call, &reply, rows[i].status);
    }
    assert_string_equal(text_at(&reply, "name"), "lot-7");
    other_tenant(h, stranger);
    call.token = stranger;
    call.headers[0].value = "*";
    assert_status(h, &call, &reply, 404);
    call = rest(h, HTTP_GET, "/api/v1/batches", NULL);
    call.token = stranger;
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "batches")), 0);
}

static size_t certificates(struct house *h, const struct http_field *query, struct reply *reply)
{
    struct call call = rest(h, HTTP_GET, "/api/v1/certificates", NULL);
    for (size_t i = 0; i < 4 && query[i].name != NULL; i++) {
        call.query[i] = query[i];
    }
    assert_status(h, &call, reply, 200);
    return json_array_size(json_object_get(reply->json, "certificates"));
}

static void certificates_are_listed(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char cursor[256];
    struct chip chips[3];
    for (size_t i = 0; i < 3; i++) {
        chip_make(&chips[i]);
        register_chips(h, &chips[i], 1);
        assert_int_equal(enrol_by_est(h, &chips[i]), 200);
    }
    struct call call = about(h, HTTP_POST, "/api/v1/devices/{id}/revoke", chips[0].id, NULL);
    assert_status(h, &call, &reply, 200);
#define QUERY(...) ((const struct http_field[5]){__VA_ARGS__})
    assert_int_equal(certificates(h, QUERY({NULL, NULL}), &reply), 3);
    assert_int_equal(certificates(h, QUERY({"state", "revoked"}), &reply), 1);
    assert_int_equal(certificates(h, QUERY({"device", chips[1].id}), &reply), 1);
    assert_int_equal(certificates(h, QUERY({"device", chips[1].id}, {"state", "revoked"}), &reply), 0);
    assert_int_equal(
        certificates(h, QUERY({"device", chips[1].id}, {"state", "confirmed"}, {"authority", "device"}),
                     &reply),
        1);
    assert_int_equal(certificates(h, QUERY({"authority", "device"}), &reply), 3);
    assert_int_equal(certificates(h, QUERY({"authority", "root"}), &reply), 0);
    assert_int_equal(certificates(h, QUERY({"expires_before", "2001-01-01T00:00:00Z"}), &reply), 0);
    assert_int_equal(certificates(h, QUERY({"expires_before", "2090-01-01T00:00:00Z"}), &reply), 3);
    /* all three end in the same second; none is lost between pages */
    assert_int_equal(certificates(h, QUERY({"limit", "2"}), &reply), 2);
    (void)snprintf(cursor, sizeof cursor, "%s", text_at(&reply, "next"));
    assert_int_equal(certificates(h, QUERY({"limit", "2"}, {"cursor", cursor}), &reply), 1);
    assert_string_equal(text_at(&reply, "next"), "");
    static const struct http_field bad[] = {
        {"state", "good"}, {"device", "7"}, {"expires_before", "soon"}, {"serial", "7"}};
    for (size_t i = 0; i < 4; i++) {
        call = rest(h, HTTP_GET, "/api/v1/certificates", NULL);
        call.query[0] = bad[i];
        assert_status(h, &call, &reply, 400);
    }
    call.query[0] = (struct http_field){"state", "revoked"};
    call.query[1] = (struct http_field){"authority", "device"};
    assert_status(h, &call, &reply, 400);
    char stranger[TOKEN_TEXT_SIZE];
    other_tenant(h, stranger);
    call = rest(h, HTTP_GET, "/api/v1/certificates", NULL);
    call.token = stranger;
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "certificates")), 0);
    for (size_t i = 0; i < 3; i++) {
        chip_clear(&chips[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(labels_are_merged_and_found, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(bad_patches, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(two_patches, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(filters_of_devices, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(batches_are_listed_and_renamed, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(certificates_are_listed, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
