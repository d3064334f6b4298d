/* Orders of lists: up and down, page by page, equals at a page's edge, and cursors that know their order. */
#include "tests/unit/api/device_house.h"

enum { DEVICES = 7, NAMES = 5 };

/* What a list shows of one field, page by page, as "a b c ". */
static void walk(struct house *h, struct call call, const char *field, struct buf *out)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    char cursor[512] = "";
    const char *list = strrchr(call.route, '/') + 1;
    out->n = 0;
    call.query[1] = (struct http_field){"limit", "2"};
    do {
        size_t i = 0;
        json_t *item = NULL;
        assert_status(h, &call, &reply, 200);
        json_array_foreach(json_object_get(reply.json, list), i, item)
        {
            assert_ok(buf_printf(out, "%s ", text_of_item(item, field)));
        }
        (void)snprintf(cursor, sizeof cursor, "%s", text_at(&reply, "next"));
        call.query[2] = (struct http_field){"cursor", cursor};
    } while (cursor[0] != '\0');
}

static void assert_sorted(struct house *h, const char *route, const char *sort, const char *field,
                          const char *want)
{
    AUTO_VAL(buf) seen = {0};
    struct call call = rest(h, HTTP_GET, route, NULL);
    call.query[0] = (struct http_field){"sort", sort};
    walk(h, call, field, &seen);
    assert_string_equal(buf_str(&seen), want);
}

static void add_named(struct house *h, const char *route, const char *const names[NAMES], const char *more)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    for (size_t i = 0; i < NAMES; i++) {
        AUTO_VAL(buf) body = {0};
        assert_ok(buf_printf(&body, "{\"name\":\"%s\"%s}", names[i], more));
        struct call call = rest(h, HTTP_POST, route, buf_str(&body));
        assert_status(h, &call, &reply, 201);
        h->clock.at_ms += 5; /* ids are in order of time */
    }
}

static void named_things(void **state)
{
    static const char *const names[NAMES] = {"b", "z.9", "Z", "a", "aa"};
    struct house *h = *state;
    add_named(h, "/api/v1/hubs", names, ",\"host\":\"h.example\"");
    assert_sorted(h, "/api/v1/hubs", "id", "name", "b z.9 Z a aa ");
    assert_sorted(h, "/api/v1/hubs", "-id", "name", "aa a Z z.9 b ");
    assert_sorted(h, "/api/v1/hubs", "name", "name", "Z a aa b z.9 ");
    assert_sorted(h, "/api/v1/hubs", "-name", "name", "z.9 b aa a Z ");
    add_named(h, "/api/v1/products", names, "");
    assert_sorted(h, "/api/v1/products", "-id", "name", "aa a Z z.9 b default ");
    assert_sorted(h, "/api/v1/products", "name", "name", "Z a aa b default z.9 ");
    assert_sorted(h, "/api/v1/products", "-name", "name", "z.9 default b aa a Z ");
}

/* Names of tokens may be equal: none is lost or shown twice at a page's edge. */
static void tokens_of_one_name(void **state)
{
    static const char *const names[NAMES] = {"same", "same", "a", "same", "z"};
    struct house *h = *state;
    add_named(h, "/api/v1/tokens", names, ",\"scopes\":[\"devices:read\"]");
    assert_sorted(h, "/api/v1/tokens", "name", "name", "a first-admin same same same z ");
    assert_sorted(h, "/api/v1/tokens", "-name", "name", "z same same same first-admin a ");
    AUTO_VAL(buf) by_name = {0};
    struct call call = rest(h, HTTP_GET, "/api/v1/tokens", NULL);
    call.query[0] = (struct http_field){"sort", "name"};
    walk(h, call, "id", &by_name);
    for (const char *at = buf_str(&by_name); *at != '\0'; at += 17) { /* an id and a space */
        char id[18];
        (void)snprintf(id, sizeof id, "%.17s", at);
        assert_null(strstr(at + 17, id));
    }
}

/* Device n has the id nn…, and a serial that falls; two of each time. */
static void register_devices(struct house *h)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    for (int i = 0; i < DEVICES; i++) {
        AUTO_VAL(buf) body = {0};
        assert_ok(buf_printf(&body, "{\"devices\":[{\"id\":\"%d%063d\",\"serial\":\"S%d\"}]}", i % 4, i,
                             (DEVICES - i) / 2));
        struct call call = rest(h, HTTP_POST, "/api/v1/batches", buf_str(&body));
        assert_status(h, &call, &reply, 201);
        h->clock.at_ms += i % 2 == 1 ? 1000 : 0;
    }
}

/* The last digit of each id is the order of registration; the first one that of the ids. */
static void assert_devices(struct house *h, const char *sort, const char *want)
{
    AUTO_VAL(buf) seen = {0};
    char digits[DEVICES + 1] = "";
    struct call call = rest(h, HTTP_GET, "/api/v1/devices", NULL);
    call.query[0] = (struct http_field){"sort", sort};
    walk(h, call, "id", &seen);
    for (size_t i = 0; i * 65 < seen.n && i < DEVICES; i++) {
        digits[i] = buf_str(&seen)[i * 65 + 63];
    }
    assert_string_equal(digits, want);
    assert_int_equal(seen.n, 65 * strlen(want));
}

static void devices_in_every_order(void **state)
{
    struct house *h = *state;
    register_devices(h); /* ids 0…0 1…1 2…2 3…3 0…4 1…5 2…6 */
    assert_devices(h, "id", "0415263");
    assert_devices(h, "-id", "3625140");
    assert_devices(h, "registered_at", "0123456"); /* of equal times the id decides */
    assert_devices(h, "-registered_at", "6543210");
    assert_devices(h, "serial", "6452301");
    assert_devices(h, "-serial", "1032546");
    assert_devices(h, "enrolled_at", "");
}

static void enrolled_ones(void **state)
{
    struct house *h = *state;
    struct chip chips[3];
    char want[3][200];
    for (size_t i = 0; i < 3; i++) {
        chip_make(&chips[i]);
        register_chips(h, &chips[i], 1);
    }
    for (size_t i = 0; i < 3; i++) {
        h->clock.at_ms += 1000;
        assert_int_equal(enrol_by_est(h, &chips[2 - i]), 200);
    }
    (void)snprintf(want[0], sizeof want[0], "%s %s %s ", chips[2].id, chips[1].id, chips[0].id);
    (void)snprintf(want[1], sizeof want[1], "%s %s %s ", chips[0].id, chips[1].id, chips[2].id);
    assert_sorted(h, "/api/v1/devices", "enrolled_at", "id", want[0]);
    assert_sorted(h, "/api/v1/devices", "-enrolled_at", "id", want[1]);
    for (size_t i = 0; i < 3; i++) {
        chip_clear(&chips[i]);
    }
}

/* A filter goes up and down by id; it takes no other order. */
static void filters_and_bad_orders(void **state)
{
    static const struct http_field bad[][2] = {{{"sort", "colour"}, {NULL, NULL}},
                                               {{"sort", "-"}, {NULL, NULL}},
                                               {{"sort", ""}, {NULL, NULL}},
                                               {{"sort", "--id"}, {NULL, NULL}},
                                               {{"sort", "name"}, {NULL, NULL}},
                                               {{"sort", "serial"}, {"state", "registered"}},
                                               {{"sort", "registered_at"}, {"label", "a=b"}}};
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char cursor[512];
    register_devices(h);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct call call = rest(h, HTTP_GET, "/api/v1/devices", NULL);
        call.query[0] = bad[i][0];
        call.query[1] = bad[i][1];
        assert_status(h, &call, &reply, 400);
    }
    struct call call = rest(h, HTTP_GET, "/api/v1/devices", NULL);
    call.query[0] = (struct http_field){"sort", "-id"};
    call.query[1] = (struct http_field){"state", "registered"};
    call.query[2] = (struct http_field){"limit", "1"};
    assert_status(h, &call, &reply, 200);
    assert_has(text_of_item(json_array_get(json_object_get(reply.json, "devices"), 0), "id"), "300000");
    assert_has(reply_header(&reply, "Link"), "&sort=-id&cursor=");
    (void)snprintf(cursor, sizeof cursor, "%s", text_at(&reply, "next"));
    call.query[3] = (struct http_field){"cursor", cursor};
    assert_status(h, &call, &reply, 200);
    call.query[0].value = "id"; /* a cursor of another order */
    assert_status(h, &call, &reply, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(named_things, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(tokens_of_one_name, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(devices_in_every_order, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(enrolled_ones, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(filters_and_bad_orders, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
