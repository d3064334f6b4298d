/* Events over REST: pages by id, filters, streams that resume, end and are limited. */
#include "tests/unit/api/device_house.h"

#include "fleet/event_hub.h"

#define EVENTS  "/api/v1/events"
#define BATCHES "/api/v1/batches"

static json_t *events_of(const struct reply *reply)
{
    return json_object_get(reply->json, "events");
}

static struct call query(const struct house *h, const char *name, const char *value)
{
    struct call call = rest(h, HTTP_GET, EVENTS, NULL);
    call.query[0] = (struct http_field){name, value};
    return call;
}

/* The id to go on behind. */
static void keep_last(const struct reply *reply, char out[256])
{
    (void)snprintf(out, 256, "%s", text_at(reply, "last"));
}

static void make_hub(struct house *h, const char *name)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    char body[96];
    (void)snprintf(body, sizeof body, "{\"name\":\"%s\",\"host\":\"h\"}", name);
    struct call call = rest(h, HTTP_POST, "/api/v1/hubs", body);
    assert_status(h, &call, &reply, 201);
}

static void a_consumer_goes_on_where_it_was(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char last[256];
    struct call call = query(h, "after", "latest");
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(events_of(&reply)), 0);
    keep_last(&reply, last);
    call = query(h, "after", last);
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "last"), last); /* nothing new: the same place */
    assert_null(json_object_get(reply.json, "next"));
    for (int i = 0; i < 5; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "hub-%d", i);
        make_hub(h, name);
        h->clock.at_ms += 86400000LL / 5;
    }
    int64_t sequence = 0;
    for (int i = 0; i < 5; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "hub-%d", i);
        call = query(h, "after", last);
        call.query[1] = (struct http_field){"limit", "1"};
        assert_status(h, &call, &reply, 200);
        const json_t *event = json_array_get(events_of(&reply), 0);
        assert_string_equal(text_of_item(event, "type"), "hub.added");
        assert_string_equal(text_of_item(json_object_get(event, "data"), "name"), name);
        assert_string_equal(text_of_item(event, "id"), text_at(&reply, "last"));
        int64_t number = json_integer_value(json_object_get(event, "sequence"));
        assert_true(i == 0 || number == sequence + 1);
        sequence = number;
        bool has_next = json_object_get(reply.json, "next") != NULL;
        assert_int_equal(has_next, i < 4);
        assert_int_equal(strstr(reply_header(&reply, "Link"), last) != NULL, false);
        assert_int_equal(strstr(reply_header(&reply, "Link"), "rel=\"next\"") != NULL, i < 4);
        keep_last(&reply, last);
    }
}

static void fields_of_an_event(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    chip_make(&chip);
    register_chips(h, &chip, 1);
    assert_int_equal(enrol_by_est(h, &chip), 200);
    struct call call = query(h, "device", chip.id);
    assert_status(h, &call, &reply, 200);
    const json_t *event = json_array_get(events_of(&reply), 0);
    assert_string_equal(text_of_item(event, "type"), "device.enrolled");
    assert_string_equal(text_of_item(event, "device_id"), chip.id);
    assert_true(strlen(text_of_item(event, "timestamp")) == 20);
    assert_true(strlen(text_of_item(event, "tenant_id")) == 36);
    assert_true(strncmp(text_of_item(event, "actor"), "device:", 7) == 0);
    assert_true(strlen(text_of_item(event, "request_id")) == 36);
    assert_true(json_is_integer(json_object_get(json_object_get(event, "data"), "generation")));
    /* the audit log knows it under the same name */
    char id[256];
    (void)snprintf(id, sizeof id, "%s", text_of_item(event, "id"));
    call = rest(h, HTTP_GET, "/api/v1/audit", NULL);
    call.query[0] = (struct http_field){"kind", "device.enrolled"};
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_of_item(json_array_get(json_object_get(reply.json, "records"), 0), "event_id"),
                        id);
}

static void filters(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    make_hub(h, "one");
    struct call call = query(h, "type", "hub.*,device.enrolled");
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(events_of(&reply)), 1);
    static const struct http_field bad[] = {
        {"type", "hubs.added"}, {"type", ""},      {"type", "hub.added,"}, {"device", "abc"},
        {"limit", "0"},         {"limit", "1001"}, {"limit", "ten"},       {"colour", "red"},
        {"after", "yesterday"}, {"cursor", "00"},  {"after", ""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        call = query(h, bad[i].name, bad[i].value);
        assert_status(h, &call, &reply, 400);
    }
    call = query(h, "after", "01920000-0000-7000-8000-00000000000a.1.0.1");
    assert_status(h, &call, &reply, 404);
}

static void walls_between_tenants_and_scopes(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char token[TOKEN_TEXT_SIZE];
    char last[256];
    make_hub(h, "secret-plan");
    struct call call = query(h, "after", "latest");
    assert_status(h, &call, &reply, 200);
    keep_last(&reply, last);
    other_tenant(h, token);
    call = rest(h, HTTP_GET, EVENTS, NULL);
    call.token = token;
    assert_status(h, &call, &reply, 200);
    assert_null(strstr(buf_str(&reply.response.body), "secret-plan"));
    call = query(h, "after", last);
    call.token = token;
    assert_status(h, &call, &reply, 404);
    token_with(h, SCOPE_DEVICES_READ, token);
    assert_status(h, &call, &reply, 403);
    token_with(h, SCOPE_EVENTS_READ, token);
    assert_status(h, &call, &reply, 200);
}

/* --- streams ------------------------------------------------------------------------------------------ */

static struct call stream_call(const struct house *h, const char *resumed)
{
    struct call call = rest(h, HTTP_GET, EVENTS, NULL);
    call.headers[0] = (struct http_field){"accept", "text/event-stream"};
    if (resumed != NULL) {
        call.headers[1] = (struct http_field){"last-event-id", resumed};
    }
    return call;
}

static void count_wake(void *waker)
{
    ++*(int *)waker;
}

/* As the server asks: what came, in place of what was there. */
static bool ask(struct reply *reply, struct buf *text)
{
    struct response_source *source = reply->response.source;
    bool is_end = false;
    text->n = 0;
    assert_non_null(source);
    assert_ok(source->next(source->state, text, &is_end));
    return is_end;
}

static void begin(struct house *h, const struct call *call, struct reply *reply, int *woken)
{
    assert_status(h, call, reply, 200);
    assert_string_equal(reply->response.content_type, "text/event-stream");
    reply->response.source->wake = count_wake;
    reply->response.source->waker = woken;
}

static void a_stream_tells_waits_and_beats(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) text = {0};
    int woken = 0;
    struct call call = stream_call(h, NULL);
    call.query[0] = (struct http_field){"after", "latest"};
    call.query[1] = (struct http_field){"type", "hub.*"};
    begin(h, &call, &reply, &woken);
    assert_false(ask(&reply, &text));
    assert_string_equal(buf_str(&text), "retry: 2000\n\n");
    assert_false(ask(&reply, &text));
    assert_int_equal(text.n, 0);
    make_hub(h, "one");
    event_hub_look(h->fleet);
    assert_int_equal(woken, 1);
    assert_false(ask(&reply, &text));
    assert_true(strncmp(buf_str(&text), "id: ", 4) == 0);
    assert_non_null(strstr(buf_str(&text), "\nevent: hub.added\ndata: {"));
    assert_string_equal(buf_str(&text) + text.n - 3, "}\n\n");
    assert_false(ask(&reply, &text));
    assert_int_equal(text.n, 0);
    /* what the filter leaves out moves the place on, told with the next beat */
    struct call other = rest(h, HTTP_POST, "/api/v1/products", "{\"name\":\"p\"}");
    AUTO_VAL(reply) made = {.json = NULL};
    assert_status(h, &other, &made, 201);
    event_hub_look(h->fleet);
    assert_int_equal(woken, 2);
    assert_false(ask(&reply, &text));
    assert_int_equal(text.n, 0);
    h->clock.at_ms += EVENT_BEAT_MS;
    event_hub_look(h->fleet);
    assert_int_equal(woken, 3);
    assert_false(ask(&reply, &text));
    assert_true(strncmp(buf_str(&text), ":\nid: ", 6) == 0);
    h->clock.at_ms += EVENT_BEAT_MS;
    assert_false(ask(&reply, &text));
    assert_string_equal(buf_str(&text), ":\n\n");
    assert_int_equal(event_hub_streams(h->fleet), 1);
    reply_clear(&reply);
    assert_int_equal(event_hub_streams(h->fleet), 0);
}

static void a_stream_resumes_behind_an_id(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) text = {0};
    char id[256] = "";
    int woken = 0;
    make_hub(h, "one");
    make_hub(h, "two");
    struct call call = stream_call(h, NULL);
    begin(h, &call, &reply, &woken);
    assert_false(ask(&reply, &text));
    const char *event = strstr(buf_str(&text), "\nevent: hub.added"); /* the first of the two */
    assert_non_null(event);
    const char *line = event;
    while (strncmp(line, "id: ", 4) != 0) {
        line--;
    }
    (void)snprintf(id, sizeof id, "%.*s", (int)(event - line - 4), line + 4);
    call = stream_call(h, id);
    call.query[0] = (struct http_field){"after", "latest"}; /* the header wins */
    begin(h, &call, &reply, &woken);
    assert_false(ask(&reply, &text));
    assert_null(strstr(buf_str(&text), "\"one\""));
    assert_non_null(strstr(buf_str(&text), "\"two\""));
    call = stream_call(h, "nonsense");
    assert_status(h, &call, &reply, 400);
    call = stream_call(h, "01920000-0000-7000-8000-00000000000a.1.0.1");
    assert_status(h, &call, &reply, 404);
    call = stream_call(h, NULL);
    call.query[0] = (struct http_field){"limit", "1"};
    assert_status(h, &call, &reply, 400);
    assert_int_equal(event_hub_streams(h->fleet), 0);
}

static void a_stream_ends_with_its_token(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(reply) ended = {.json = NULL};
    AUTO_VAL(buf) text = {0};
    char id[UUID_TEXT_SIZE];
    int woken = 0;
    struct call call = rest(h, HTTP_POST, "/api/v1/tokens", "{\"name\":\"t\",\"scopes\":[\"events:read\"]}");
    assert_status(h, &call, &reply, 201);
    char token[TOKEN_TEXT_SIZE];
    (void)snprintf(token, sizeof token, "%s", text_at(&reply, "token"));
    (void)snprintf(id, sizeof id, "%s", text_at(&reply, "id"));
    call = stream_call(h, NULL);
    call.token = token;
    begin(h, &call, &reply, &woken);
    assert_false(ask(&reply, &text));
    h->clock.at_ms += EVENT_BEAT_MS;
    assert_false(ask(&reply, &text));
    call = about(h, HTTP_POST, "/api/v1/tokens/{id}/revoke", id, NULL);
    assert_status(h, &call, &ended, 200);
    h->clock.at_ms += EVENT_BEAT_MS;
    assert_true(ask(&reply, &text));
    assert_int_equal(text.n, 0); /* not even the event of its own end */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_consumer_goes_on_where_it_was, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(fields_of_an_event, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(filters, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(walls_between_tenants_and_scopes, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_stream_tells_waits_and_beats, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_stream_resumes_behind_an_id, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_stream_ends_with_its_token, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
