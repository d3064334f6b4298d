/* The header Whorl-Rekey-After on every kind of answer on the device listener: who gets it, what it says as
 * time goes by, when a new key is asked for, and who gets none. */
#include "tests/unit/api/held_device.h"

#include "fleet/jobs.h"

#define AFTER  "Whorl-Rekey-After"
#define STATUS "/device/v1/status"
#define RE     "/.well-known/est/simplereenroll"

static void patch_product(struct house *h, const char *body)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(reply) changed = {.json = NULL};
    struct call call = rest(h, HTTP_GET, "/api/v1/products", NULL);
    assert_status(h, &call, &reply, 200);
    const json_t *first = json_array_get(json_object_get(reply.json, "products"), 0);
    call = about(h, HTTP_PATCH, "/api/v1/products/{id}", text_of_item(first, "id"), body);
    call.headers[0] = (struct http_field){"If-Match", "*"};
    assert_status(h, &call, &changed, 200);
    for (size_t i = 0, count = 0; i < 2; i++) { /* the walk through its devices, as the timer would */
        const struct job *jobs = fleet_jobs(&count);
        for (size_t j = 0; j < count; j++) {
            bool is_terms = strncmp(jobs[j].name, "device-terms", 12) == 0;
            assert_ok(is_terms ? jobs[j].run(h->fleet, h->clock.at_ms) : OK);
        }
    }
}

static const char *after_of(struct house *h, const struct peer_identity *peer, struct reply *reply)
{
    struct call call = {.method = HTTP_GET, .route = STATUS, .peer = peer};
    assert_status(h, &call, reply, 200);
    return reply_header(reply, AFTER);
}

static int64_t seconds(const char *value)
{
    char *end = NULL;
    int64_t number = strtoll(value, &end, 10);
    assert_true(end != value && (*end == '\0' || strcmp(end, ";key=new") == 0));
    assert_true(number >= 0);
    return number;
}

static void it_counts_down_and_stays_at_zero(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(held) held;
    int64_t due_ms = 0;
    held_make(h, &held);
    int64_t left = seconds(after_of(h, &held.peer, &reply));
    assert_ok(time_parse(bytes_str(text_at(&reply, "renew_after")), &due_ms));
    assert_in_range(left - (due_ms - h->clock.at_ms) / 1000, 0, 1);
    manual_clock_advance(&h->clock, (left - 1) * 1000);
    assert_string_equal(after_of(h, &held.peer, &reply), "1");
    manual_clock_advance(&h->clock, 1000);
    assert_string_equal(after_of(h, &held.peer, &reply), "0");
    manual_clock_advance(&h->clock, 86400000);
    assert_string_equal(after_of(h, &held.peer, &reply), "0");
    manual_clock_advance(&h->clock, -86400000 - 2500); /* a clock that went back */
    assert_in_range(seconds(after_of(h, &held.peer, &reply)), 2, 3);
}

/* Answers and refusals of every kind of route of devices. */
static void every_answer_has_it(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(held) held;
    held_make(h, &held);
    const struct {
        enum http_method method;
        const char *route, *type, *body;
        int status;
    } cases[] = {
        {HTTP_GET, STATUS, NULL, "", 200},
        {HTTP_POST, STATUS, "application/json", "{}", 200},
        {HTTP_POST, STATUS, "application/json", "{", 400},
        {HTTP_POST, STATUS, "text/plain", "{}", 415},
        {HTTP_POST, "/device/v1/challenge", "application/json", "{}", 422},
        {HTTP_POST, "/device/v1/enrol", "application/json", "{\"csr\":\"AAAA\"}", 400},
        {HTTP_GET, "/.well-known/est/cacerts", NULL, "", 200},
        {HTTP_GET, "/.well-known/est/csrattrs", NULL, "", 200},
        {HTTP_POST, RE, "application/pkcs10", "x", 400},
        {HTTP_POST, "/.well-known/est/serverkeygen", "application/pkcs10", "x", 501},
    };
    const char *expected = after_of(h, &held.peer, &reply);
    char first[32];
    (void)snprintf(first, sizeof first, "%s", expected);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct call call = {.method = cases[i].method,
                            .route = cases[i].route,
                            .type = cases[i].type,
                            .peer = &held.peer,
                            .body = bytes_str(cases[i].body)};
        assert_status(h, &call, &reply, cases[i].status);
        assert_string_equal(reply_header(&reply, AFTER), first);
    }
    /* a resumed session proves no key, but the device is known by it: refused before anything was looked up
     */
    struct call call = {.method = HTTP_POST,
                        .route = RE,
                        .type = "application/pkcs10",
                        .peer = &held.peer,
                        .is_resumed = true,
                        .body = bytes_str("x")};
    assert_status(h, &call, &reply, err_status(ERR_FULL_HANDSHAKE));
    assert_string_equal(reply_header(&reply, AFTER), first);
}

static void nobody_else_gets_it(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(held) held;
    AUTO_VAL(chip) stranger;
    held_make(h, &held);
    chip_make(&stranger);
    assert_string_equal(after_of(h, &stranger.peer, &reply), "");
    assert_string_equal(after_of(h, &held.chip.peer, &reply),
                        ""); /* the identity key: no certificate shown */
    struct call call = {.method = HTTP_GET, .route = "/.well-known/est/cacerts"};
    assert_status(h, &call, &reply, 200);
    assert_string_equal(reply_header(&reply, AFTER), "");
    call.peer = &stranger.peer;
    assert_status(h, &call, &reply, 200);
    assert_string_equal(reply_header(&reply, AFTER), "");
    /* a serial that the inventory does not know */
    held.peer.certificate.serial[3] ^= 1;
    call.peer = &held.peer;
    assert_status(h, &call, &reply, 200);
    assert_string_equal(reply_header(&reply, AFTER), "");
    held.peer.certificate.serial[3] ^= 1;
    /* one that is not honoured */
    call = about(h, HTTP_POST, "/api/v1/devices/{id}/quarantine", held.chip.id, "{}");
    assert_status(h, &call, &reply, 200);
    assert_string_equal(after_of(h, &held.peer, &reply), "");
    /* and management never speaks of it */
    call = about(h, HTTP_GET, "/api/v1/devices/{id}", held.chip.id, NULL);
    call.peer = &held.peer;
    assert_status(h, &call, &reply, 200);
    assert_string_equal(reply_header(&reply, AFTER), "");
}

static void an_expired_certificate_is_told_nothing(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(held) held;
    held_make(h, &held);
    manual_clock_advance(&h->clock, INT64_C(366) * 86400000);
    assert_string_equal(after_of(h, &held.peer, &reply), "");
}

static void an_order_asks_for_a_new_key_until_it_is_used(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(held) held;
    AUTO(EVP_PKEY) *next = ec_key("P-256");
    held_make(h, &held);
    struct call call = about(h, HTTP_POST, "/api/v1/devices/{id}/rekey", held.chip.id, "{}");
    assert_status(h, &call, &reply, 200);
    assert_string_equal(after_of(h, &held.peer, &reply), "0;key=new");
    /* renewing the old key is possible, and is not enough */
    assert_int_equal(enrol(h, &held.peer, held.key, &reply), 200);
    assert_string_equal(reply_header(&reply, AFTER), "0;key=new");
    take_certificate(&reply, &held.peer);
    assert_string_equal(after_of(h, &held.peer, &reply), "0;key=new");
    /* the answer with the new key's certificate speaks of that one already */
    assert_int_equal(enrol(h, &held.peer, next, &reply), 200);
    assert_true(seconds(reply_header(&reply, AFTER)) > 86400);
    assert_null(strchr(reply_header(&reply, AFTER), ';'));
    assert_string_equal(after_of(h, &held.peer, &reply), "0;key=new");
    assert_int_equal(enrol(h, &held.peer, next, &reply), 200); /* the same again: the answer was lost */
    take_certificate(&reply, &held.peer);
    assert_true(seconds(after_of(h, &held.peer, &reply)) > 86400);
    assert_null(strchr(reply_header(&reply, AFTER), ';'));
}

static void a_policy_reaches_the_devices_that_are_there(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(held) held;
    held_make(h, &held);
    int64_t left = seconds(after_of(h, &held.peer, &reply));
    assert_true(left > 365 * 864 * 55 && left < 365 * 864 * 77);
    patch_product(h, "{\"renew_percent\":20,\"renew_spread_percent\":0}");
    assert_int_equal(seconds(after_of(h, &held.peer, &reply)), 365 * 864 * 20);
    patch_product(h, "{\"rekey_period_s\":86400}");
    assert_string_equal(after_of(h, &held.peer, &reply), "86400;key=new");
    manual_clock_advance(&h->clock, 86400000);
    assert_string_equal(after_of(h, &held.peer, &reply), "0;key=new");
    assert_true(json_is_true(json_object_get(reply.json, "rekey")));
}

/* Without the flag an old key goes on and stays due; with it, it is refused with a reason, and a new one is
 * not. */
static void an_old_key_is_refused_only_where_the_product_says_so(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(held) held;
    AUTO(EVP_PKEY) *next = ec_key("P-256");
    held_make(h, &held);
    patch_product(h, "{\"rekey_period_s\":86400}");
    manual_clock_advance(&h->clock, 2 * 86400000);
    assert_int_equal(enrol(h, &held.peer, held.key, &reply), 200);
    assert_string_equal(reply_header(&reply, AFTER), "0;key=new");
    take_certificate(&reply, &held.peer);
    assert_string_equal(after_of(h, &held.peer, &reply), "0;key=new");
    patch_product(h, "{\"rekey_required\":true}");
    assert_int_equal(enrol(h, &held.peer, held.key, &reply), 422);
    assert_has(text_at(&reply, "detail"), "make a new key pair");
    assert_string_equal(reply_header(&reply, AFTER), "0;key=new");
    assert_int_equal(enrol(h, &held.peer, next, &reply), 200);
    assert_true(seconds(reply_header(&reply, AFTER)) > 0);
}

/* What a person sees of it: when it was seen, where it stands, and what follows. */
static void people_see_where_a_device_stands(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(held) held;
    AUTO_VAL(chip) silent;
    held_make(h, &held);
    chip_make(&silent);
    register_chips(h, &silent, 1);
    patch_product(h, "{\"renew_percent\":20,\"renew_spread_percent\":0,\"overdue_quarantine_days\":9}");
    struct call look = about(h, HTTP_GET, "/api/v1/devices/{id}", held.chip.id, NULL);
    struct call why = about(h, HTTP_GET, "/api/v1/devices/{id}/why", held.chip.id, NULL);
    (void)after_of(h, &held.peer, &reply);
    assert_status(h, &look, &reply, 200);
    assert_string_equal(text_at(&reply, "last_seen_at"), "2026-01-02T00:00:00Z");
    assert_status(h, &why, &reply, 200);
    assert_string_equal(text_at(&reply, "last_seen_at"), "2026-01-02T00:00:00Z");
    const json_t *schedule = json_object_get(reply.json, "schedule");
    assert_string_equal(text_of_item(schedule, "due_at"), "2026-03-16T00:00:00Z"); /* 73 days */
    assert_true(json_is_false(json_object_get(schedule, "new_key")));
    assert_true(json_is_false(json_object_get(schedule, "is_overdue")));
    assert_null(json_object_get(schedule, "told_at"));
    assert_int_equal(json_integer_value(json_object_get(schedule, "quarantine_days")), 9);
    manual_clock_advance(&h->clock, INT64_C(74) * 86400000);
    (void)after_of(h, &held.peer, &reply);
    assert_status(h, &why, &reply, 200);
    schedule = json_object_get(reply.json, "schedule");
    assert_string_equal(text_of_item(schedule, "told_at"), "2026-03-17T00:00:00Z");
    assert_int_equal(json_integer_value(json_object_get(schedule, "contact_days")), 0);
    look.param = silent.id;
    why.param = silent.id;
    assert_status(h, &look, &reply, 200);
    assert_null(json_object_get(reply.json, "last_seen_at"));
    assert_status(h, &why, &reply, 200);
    assert_null(json_object_get(reply.json, "last_seen_at"));
    assert_null(json_object_get(reply.json, "schedule"));
}

#define house_test(function) cmocka_unit_test_setup_teardown(function, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(it_counts_down_and_stays_at_zero),
        house_test(every_answer_has_it),
        house_test(nobody_else_gets_it),
        house_test(an_expired_certificate_is_told_nothing),
        house_test(an_order_asks_for_a_new_key_until_it_is_used),
        house_test(a_policy_reaches_the_devices_that_are_there),
        house_test(people_see_where_a_device_stands),
        house_test(an_old_key_is_refused_only_where_the_product_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
