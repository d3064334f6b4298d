/* The REST interface on a real fleet: batches, devices, certificates; each kind of bad input and what must
 * not be seen. */
#include "tests/unit/api/api_fixture.h"

#define ID_A "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"
#define ID_B "b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2"

static void hand_over_and_look(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call =
        rest(h, HTTP_POST, "/api/v1/batches", "{\"name\":\"lot-1\",\"devices\":[\"" ID_A "\",\"" ID_B "\"]}");
    assert_status(h, &call, &reply, 201);
    assert_string_equal(text_at(&reply, "name"), "lot-1");
    assert_string_equal(text_at(&reply, "product"), "default");
    assert_int_equal(number_at(&reply, "device_count"), 2);
    char id[UUID_TEXT_SIZE];
    char etag[64];
    (void)snprintf(id, sizeof id, "%s", text_at(&reply, "id"));
    assert_string_equal(reply_header(&reply, "Location") + strlen("/api/v1/batches/"), id);
    call = rest(h, HTTP_GET, "/api/v1/batches/{id}", NULL);
    call.param = id;
    assert_status(h, &call, &reply, 200);
    json_t *devices = json_object_get(reply.json, "devices");
    assert_int_equal(json_integer_value(json_object_get(devices, "registered")), 2);
    assert_int_equal(json_integer_value(json_object_get(devices, "enrolled")), 0);
    call.headers[0] = (struct http_field){"If-None-Match", "*"};
    assert_status(h, &call, &reply, 200); /* its counts change without a new version */
    call = rest(h, HTTP_GET, "/api/v1/authorities/{id}", NULL);
    call.param = "device";
    assert_status(h, &call, &reply, 200);
    (void)snprintf(etag, sizeof etag, "W/%s, \"x\"", reply_header(&reply, "ETag"));
    call.headers[0] = (struct http_field){"If-None-Match", etag};
    assert_status(h, &call, &reply, 304);
    assert_true(reply.response.body.n > 0); /* for its length: the server sends none of it */
    call = rest(h, HTTP_GET, "/api/v1/devices/{id}", NULL);
    call.param = ID_B;
    assert_status(h, &call, &reply, 200);
    (void)snprintf(etag, sizeof etag, "%s", reply_header(&reply, "ETag"));
    call.headers[0] = (struct http_field){"If-None-Match", etag};
    assert_status(h, &call, &reply, 200); /* it is seen without a new version */
    assert_string_equal(text_at(&reply, "state"), "registered");
    assert_string_equal(text_at(&reply, "batch_id"), id);
    assert_string_equal(text_at(&reply, "key_origin"), "batch");
    assert_null(json_object_get(reply.json, "spki")); /* its hash is all that was handed over */
    assert_int_equal(json_array_size(json_object_get(reply.json, "certificates")), 0);
}

static void a_bare_file_gets_a_name_and_a_repeat_the_first_answer(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE];
    struct call call = rest(h, HTTP_POST, "/api/v1/batches", "{\"devices\":[\"" ID_A "\"]}");
    call.headers[0] = (struct http_field){"Idempotency-Key", "\"attempt-1\""};
    assert_status(h, &call, &reply, 201);
    assert_int_equal(strncmp(text_at(&reply, "name"), "batch-20260102-", 15), 0);
    (void)snprintf(id, sizeof id, "%s", text_at(&reply, "id"));
    assert_status(h, &call, &reply, 201);
    assert_string_equal(text_at(&reply, "id"), id);
    call.body = bytes_str("{\"devices\":[\"" ID_B "\"]}");
    assert_status(h, &call, &reply, 422); /* the key stands for another body */
    call.headers[0] = (struct http_field){"Idempotency-Key", "\"\""};
    assert_status(h, &call, &reply, 400);
    call.headers[0].name = NULL;
    call.body = bytes_str("{\"devices\":[\"" ID_A "\"]}");
    assert_status(h, &call, &reply, 409);
    json_t *item = json_array_get(json_object_get(reply.json, "errors"), 0);
    assert_string_equal(json_string_value(json_object_get(item, "pointer")), "/devices/0");
}

static void one_bad_line_among_ten_thousand(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) body = {0};
    assert_ok(buf_append_str(&body, "{\"devices\":["));
    for (int i = 0; i < 10000; i++) {
        assert_ok(buf_printf(&body, i == 4321 ? "\"%064X\"," : "\"%064x\",", i + 0xabcdef));
    }
    body.p[body.n - 1] = ']';
    assert_ok(buf_append_str(&body, "}"));
    struct call call = rest(h, HTTP_POST, "/api/v1/batches", buf_str(&body));
    assert_status(h, &call, &reply, 422);
    json_t *errors = json_object_get(reply.json, "errors");
    assert_int_equal(json_array_size(errors), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(errors, 0), "pointer")),
                        "/devices/4321");
    call = rest(h, HTTP_GET, "/api/v1/devices", NULL);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "devices")), 0);
}

static void bad_hand_overs(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    static const struct {
        const char *type, *body, *pointer;
        int status;
    } table[] = {
        {"text/plain", "{}", NULL, 415},
        {NULL, "{}", NULL, 415},
        {"application/json", "", NULL, 400},
        {"application/json", "{\"devices\":[\"" ID_A "\"],\"colour\":\"red\"}", "/colour", 422},
        {"application/json", "{\"devices\":[\"" ID_A "\"],\"product\":\"none\"}", NULL, 422},
        {"application/json", "{\"devices\":[\"" ID_A "\"],\"name\":\"a b\"}", NULL, 422},
        {"application/json", "{\"devices\":[\"" ID_A "\",\"" ID_A "\"]}", "/devices/1", 422},
        {"application/json", "{\"devices\":[{\"spki\":\"AQID\"}]}", "/devices/0", 422},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct call call = rest(h, HTTP_POST, "/api/v1/batches", table[i].body);
        call.type = table[i].type;
        int status = send_call(h, &call, &reply);
        if (status != table[i].status) {
            print_error("%s: %d %s\n", table[i].body, status, buf_str(&reply.response.body));
        }
        assert_int_equal(status, table[i].status);
        json_t *item = json_array_get(json_object_get(reply.json, "errors"), 0);
        const char *pointer = json_string_value(json_object_get(item, "pointer"));
        if (table[i].pointer != NULL) {
            assert_non_null(pointer);
            assert_string_equal(pointer, table[i].pointer);
        }
    }
}

static void lists_go_page_by_page(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) body = {0};
    char cursor[256] = "";
    size_t seen = 0;
    assert_ok(buf_append_str(&body, "{\"devices\":["));
    for (int i = 0; i < 25; i++) {
        assert_ok(buf_printf(&body, "%s\"%064x\"", i == 0 ? "" : ",", i * 7 + 1));
    }
    assert_ok(buf_append_str(&body, "]}"));
    struct call call = rest(h, HTTP_POST, "/api/v1/batches", buf_str(&body));
    assert_status(h, &call, &reply, 201);
    do {
        call = rest(h, HTTP_GET, "/api/v1/devices", NULL);
        call.query[0] = (struct http_field){"limit", "10"};
        call.query[1] = (struct http_field){"state", "registered"};
        call.query[2] = (struct http_field){cursor[0] == '\0' ? NULL : "cursor", cursor};
        assert_status(h, &call, &reply, 200);
        seen += json_array_size(json_object_get(reply.json, "devices"));
        (void)snprintf(cursor, sizeof cursor, "%s", text_at(&reply, "next"));
        AUTO_VAL(buf) link = {0};
        assert_ok(
            buf_printf(&link, "</api/v1/devices?limit=10&state=registered&cursor=%s>; rel=\"next\"", cursor));
        assert_string_equal(reply_header(&reply, "Link"), cursor[0] == '\0' ? "" : buf_str(&link));
    } while (cursor[0] != '\0' && seen < 100);
    assert_int_equal(seen, 25);
}

static void bad_queries_and_ids(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    static const struct http_field bad[] = {
        {"limit", "0"}, {"limit", "1001"},  {"limit", "ten"}, {"limit", "-1"},    {"limit", "+5"},
        {"limit", ""},  {"state", "happy"}, {"batch", "7"},   {"cursor", "Zm9v"}, {"offset", "5"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct call call = rest(h, HTTP_GET, "/api/v1/devices", NULL);
        call.query[0] = bad[i];
        assert_status(h, &call, &reply, 400);
    }
    static const struct {
        const char *route, *param;
        int status;
    } ids[] = {{"/api/v1/devices/{id}", "A1", 400},
               {"/api/v1/devices/{id}", ID_A, 404},
               {"/api/v1/batches/{id}", "7", 400},
               {"/api/v1/batches/{id}", "0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee", 404},
               {"/api/v1/certificates/{serial}", "7", 400},
               {"/api/v1/certificates/{serial}", "00112233445566778899aabbccddeeff", 404}};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct call call = rest(h, HTTP_GET, ids[i].route, NULL);
        call.param = ids[i].param;
        assert_status(h, &call, &reply, ids[i].status);
    }
}

/* Enrols a chip by EST. @param[out] serial of its certificate */
static void enrol_chip(struct house *h, const struct chip *chip, char serial[33])
{
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) csr = {0};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    make_csr(key, "SHA256", NULL, &csr);
    struct call call = {.method = HTTP_POST,
                        .route = "/.well-known/est/simpleenroll",
                        .peer = &chip->peer,
                        .type = "application/pkcs10",
                        .body = buf_view(&csr)};
    assert_status(h, &call, &reply, 200);
    call = rest(h, HTTP_GET, "/api/v1/devices/{id}", NULL);
    call.param = chip->id;
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), "enrolled");
    json_t *certificate = json_array_get(json_object_get(reply.json, "certificates"), 0);
    (void)snprintf(serial, 33, "%s", json_string_value(json_object_get(certificate, "serial")));
}

static void revoke_and_allow_again(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    char serial[33];
    chip_make(&chip);
    register_chips(h, &chip, 1);
    enrol_chip(h, &chip, serial);
    struct call call = rest(h, HTTP_GET, "/api/v1/certificates/{serial}", NULL);
    call.param = serial;
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "serial"), serial);
    assert_has(text_at(&reply, "pem"), "-----BEGIN CERTIFICATE-----");
    call = rest(h, HTTP_POST, "/api/v1/certificates/{serial}/revoke", "{\"reason\":\"boredom\"}");
    call.param = serial;
    assert_status(h, &call, &reply, 422);
    call.body = bytes_str("{}");
    assert_status(h, &call, &reply, 422);
    call.body = bytes_str("{\"reason\":\"keyCompromise\",\"x\":1}");
    assert_status(h, &call, &reply, 422);
    call.body = bytes_str("{\"reason\":\"keyCompromise\"}");
    call.headers[0] = (struct http_field){"If-Match", "\"999\""};
    assert_status(h, &call, &reply, 412);
    call.headers[0].name = NULL;
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), "revoked");
    assert_string_equal(text_at(&reply, "revocation_reason"), "keyCompromise");
    assert_has(text_at(&reply, "pem"), "BEGIN");
    call = rest(h, HTTP_GET, "/api/v1/devices/{id}", NULL);
    call.param = chip.id;
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), "revoked");
    call = rest(h, HTTP_POST, "/api/v1/devices/{id}/allow-reenrol", NULL);
    call.param = chip.id;
    assert_status(h, &call, &reply, 200);
    assert_true(json_is_true(json_object_get(reply.json, "reenrol_allowed")));
    call = rest(h, HTTP_POST, "/api/v1/devices/{id}/allow-reenrol", "{\"x\":1}");
    call.param = chip.id;
    assert_status(h, &call, &reply, 422);
    enrol_chip(h, &chip, serial);
}

static void another_tenant_sees_nothing(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    char serial[33];
    char text[TOKEN_TEXT_SIZE];
    struct tenant_row tenant;
    struct token_row row;
    const struct actor actor = {.name = "test", .request_id = ""};
    chip_make(&chip);
    register_chips(h, &chip, 1);
    enrol_chip(h, &chip, serial);
    assert_ok(tenant_add(h->fleet, &actor, "other", &tenant));
    const struct token_order order = {
        .tenant = tenant.id, .name = "t", .scopes = SCOPE_ADMIN, .expires_at = h->clock.at_ms + 1000};
    assert_ok(token_add(h->fleet, &actor, &order, text, &row));
    struct call calls[] = {
        rest(h, HTTP_GET, "/api/v1/devices/{id}", NULL),
        rest(h, HTTP_POST, "/api/v1/devices/{id}/allow-reenrol", NULL),
        rest(h, HTTP_GET, "/api/v1/certificates/{serial}", NULL),
        rest(h, HTTP_POST, "/api/v1/certificates/{serial}/revoke", "{\"reason\":\"unspecified\"}")};
    for (size_t i = 0; i < 4; i++) {
        calls[i].token = text;
        calls[i].param = i < 2 ? chip.id : serial;
        assert_status(h, &calls[i], &reply, 404);
    }
    struct call call = rest(h, HTTP_GET, "/api/v1/devices", NULL);
    call.token = text;
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "devices")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hand_over_and_look, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_bare_file_gets_a_name_and_a_repeat_the_first_answer, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(one_bad_line_among_ten_thousand, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(bad_hand_overs, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(lists_go_page_by_page, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(bad_queries_and_ids, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(revoke_and_allow_again, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(another_tenant_sees_nothing, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
