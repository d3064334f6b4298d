/* The audit log over REST: fields, filters, pages, the export, a device's history and why it was refused. */
#include "tests/unit/api/device_house.h"

static json_t *records_of(const struct reply *reply)
{
    return json_object_get(reply->json, "records");
}

static const char *type_at(const struct reply *reply, size_t index)
{
    return text_of_item(json_array_get(records_of(reply), index), "type");
}

/* A chip that was enrolled, quarantined, turned away, and released. */
static void live(struct house *h, struct chip *chip)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    chip_make(chip);
    register_chips(h, chip, 1);
    assert_int_equal(enrol_by_est(h, chip), 200);
    h->clock.at_ms += 10;
    struct call call =
        about(h, HTTP_POST, "/api/v1/devices/{id}/quarantine", chip->id, "{\"note\":\"a \\\"b\\\"\"}");
    assert_status(h, &call, &reply, 200);
    h->clock.at_ms += 10;
    assert_int_equal(enrol_by_est(h, chip), 403);
    h->clock.at_ms += 10;
    call = about(h, HTTP_POST, "/api/v1/devices/{id}/release", chip->id, NULL);
    assert_status(h, &call, &reply, 200);
    h->clock.at_ms += 10;
}

static void fields_and_filters(void **state)
{
    static const char *const fields[] = {"ts", "source", "category", "type", "event_id", "result", "hash"};
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    char source[128];
    live(h, &chip);
    struct call call = rest(h, HTTP_GET, "/api/v1/audit", NULL);
    assert_status(h, &call, &reply, 200);
    size_t index = 0;
    json_t *record = NULL;
    json_array_foreach(records_of(&reply), index, record)
    {
        for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
            assert_true(strlen(text_of_item(record, fields[i])) > 0);
        }
    }
    assert_string_equal(type_at(&reply, 0), "device.released");
    record = json_array_get(records_of(&reply), 2);
    assert_string_equal(text_of_item(record, "type"), "device.quarantined");
    assert_string_equal(text_of_item(record, "category"), "access_control");
    assert_string_equal(text_of_item(json_object_get(record, "details"), "note"), "a \"b\"");
    (void)snprintf(source, sizeof source, "%s", text_of_item(record, "source"));
    call.query[0] = (struct http_field){"kind", "device.refused"};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(records_of(&reply)), 1);
    assert_string_equal(text_of_item(json_array_get(records_of(&reply), 0), "category"), "request_error");
    call.query[0] = (struct http_field){"actor", source};
    call.query[1] = (struct http_field){"device", chip.id};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(records_of(&reply)), 2);
    call.query[2] = (struct http_field){"kind", "device.released"};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(records_of(&reply)), 1);
    call.query[1] = (struct http_field){"since", "2000-01-01T00:00:00Z"};
    assert_status(h, &call, &reply, 400); /* kind and actor without a device */
    call.query[0] = (struct http_field){"until", "2000-01-01T00:00:00Z"};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(records_of(&reply)), 0);
    call.query[0].value = "yesterday";
    assert_status(h, &call, &reply, 400);
    call.query[0] = (struct http_field){"order", "desc"};
    assert_status(h, &call, &reply, 400);
}

/* What a request caused is found by its id alone, in any case of letters, page by page. */
static void what_a_request_caused(void **state)
{
#define REQUEST_ID "0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee" /* of every request of the fixture */
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    live(h, &chip);
    struct call call = rest(h, HTTP_GET, "/api/v1/audit", NULL);
    assert_status(h, &call, &reply, 200);
    size_t index = 0;
    size_t with_one = 0;
    json_t *record = NULL;
    json_array_foreach(records_of(&reply), index, record)
    {
        with_one += json_object_get(record, "request_id") != NULL ? 1 : 0;
    }
    assert_true(with_one >= 3 && with_one < index);
    static const char *const forms[] = {REQUEST_ID, "0190AAAA-BBBB-7CCC-8DDD-EEEEEEEEEEEE"};
    for (size_t i = 0; i < 2; i++) {
        call.query[0] = (struct http_field){"request_id", forms[i]};
        assert_status(h, &call, &reply, 200);
        assert_int_equal(json_array_size(records_of(&reply)), with_one);
        assert_string_equal(text_of_item(json_array_get(records_of(&reply), 0), "request_id"), REQUEST_ID);
    }
    call.query[0].value = "0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeef";
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(records_of(&reply)), 0);
    static const char *const bad[] = {"", "0190aaaa", "0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeeg", "%"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        call.query[0].value = bad[i];
        assert_status(h, &call, &reply, 400);
    }
    call.query[0].value = REQUEST_ID;
    call.query[1] = (struct http_field){"kind", "device.released"};
    assert_status(h, &call, &reply, 400);
    call.query[1] = (struct http_field){"device", chip.id};
    assert_status(h, &call, &reply, 400);
    call.query[1] = (struct http_field){"until", "2000-01-01T00:00:00Z"};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(records_of(&reply)), 0);
}

/* Several records of one transaction have the same time: none is lost or shown twice at a page's edge. */
static void pages_lose_nothing(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    char cursor[256] = "", seen[64][200];
    size_t count = 0;
    live(h, &chip);
    struct call whole = about(h, HTTP_GET, "/api/v1/devices/{id}/history", chip.id, NULL);
    assert_status(h, &whole, &reply, 200);
    size_t want = json_array_size(records_of(&reply));
    assert_true(want >= 4);
    do {
        struct call call = about(h, HTTP_GET, "/api/v1/devices/{id}/history", chip.id, NULL);
        call.query[0] = (struct http_field){"limit", "1"};
        call.query[1] = (struct http_field){cursor[0] == '\0' ? NULL : "cursor", cursor};
        assert_status(h, &call, &reply, 200);
        const char *id = text_of_item(json_array_get(records_of(&reply), 0), "event_id");
        for (size_t i = 0; i < count; i++) {
            assert_string_not_equal(seen[i], id);
        }
        (void)snprintf(seen[count++], sizeof seen[0], "%s", id);
        (void)snprintf(cursor, sizeof cursor, "%s", text_at(&reply, "next"));
    } while (cursor[0] != '\0' && count < 60);
    assert_int_equal(count, want);
    /* a cursor of another list */
    struct call call = rest(h, HTTP_GET, "/api/v1/audit", NULL);
    call.query[0] = (struct http_field){"limit", "1"};
    assert_status(h, &call, &reply, 200);
    (void)snprintf(cursor, sizeof cursor, "%s", text_at(&reply, "next"));
    call = whole;
    call.query[0] = (struct http_field){"cursor", cursor};
    assert_status(h, &call, &reply, 400);
}

static void why_it_was_refused(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    live(h, &chip);
    struct call call = about(h, HTTP_GET, "/api/v1/devices/{id}/why", chip.id, NULL);
    assert_status(h, &call, &reply, 200);
    json_t *refusals = json_object_get(reply.json, "refusals");
    assert_int_equal(json_array_size(refusals), 1);
    assert_string_equal(text_of_item(json_array_get(refusals, 0), "cause"), "quarantined");
    assert_has(text_of_item(json_array_get(refusals, 0), "remedy"), "release");
    assert_null(json_object_get(reply.json, "obstacle"));
    json_t *next = json_object_get(reply.json, "next_profile");
    assert_string_equal(text_of_item(next, "name"), "ldevid");
    assert_int_equal(json_integer_value(json_object_get(next, "version")), 1);
    json_t *certificate = json_object_get(reply.json, "certificate");
    assert_string_equal(text_of_item(certificate, "profile"), "ldevid");
    assert_int_equal(json_integer_value(json_object_get(certificate, "profile_version")), 1);
    call = about(h, HTTP_POST, "/api/v1/devices/{id}/retire", chip.id, NULL);
    assert_status(h, &call, &reply, 200);
    h->clock.at_ms += 10;
    assert_int_equal(enrol_by_est(h, &chip), 403);
    call = about(h, HTTP_GET, "/api/v1/devices/{id}/why", chip.id, NULL);
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_of_item(json_object_get(reply.json, "obstacle"), "cause"), "retired");
    refusals = json_object_get(reply.json, "refusals");
    assert_string_equal(text_of_item(json_array_get(refusals, 0), "cause"), "retired");
}

static void another_tenant_and_scopes(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    char stranger[TOKEN_TEXT_SIZE], few[TOKEN_TEXT_SIZE];
    live(h, &chip);
    other_tenant(h, stranger);
    token_with(h, SCOPE_DEVICES_READ, few);
    struct call calls[] = {about(h, HTTP_GET, "/api/v1/devices/{id}/history", chip.id, NULL),
                           about(h, HTTP_GET, "/api/v1/devices/{id}/why", chip.id, NULL)};
    for (size_t i = 0; i < 2; i++) {
        calls[i].token = stranger;
        assert_status(h, &calls[i], &reply, 404);
        calls[i].token = few;
        assert_status(h, &calls[i], &reply, 200);
    }
    struct call call = rest(h, HTTP_GET, "/api/v1/audit", NULL);
    call.token = few;
    assert_status(h, &call, &reply, 403);
    assert_has(text_at(&reply, "detail"), "audit:read");
    call.token = stranger;
    call.query[0] = (struct http_field){"device", chip.id};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(records_of(&reply)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fields_and_filters, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(what_a_request_caused, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(pages_lose_nothing, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(why_it_was_refused, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(another_tenant_and_scopes, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
