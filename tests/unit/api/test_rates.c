/* Too many requests: of an address before its credential is looked at, of a device before the inventory is,
 * of a tenant; what answers say of it; and that nobody else waits. */
#include "tests/unit/api/device_house.h"

static const struct rate none = {.per_second = 0, .burst = 1};

static void limit(struct house *h, enum rate_scope scope, int64_t per_second, int64_t burst)
{
    struct rate_limits limits = {.of = {none, none, none}};
    limits.of[scope] = (struct rate){per_second, burst};
    assert_ok(rates_set(h->fleet, &limits));
}

static long long metric(struct house *h, const char *name)
{
    AUTO_VAL(buf) text = {0};
    assert_ok(fleet_write_metrics(h->fleet, &text));
    const char *at = strstr(buf_str(&text), name);
    assert_non_null(at);
    return strtoll(at + strlen(name), NULL, 10);
}

/* Retry-After, which the field t must repeat. */
static int64_t refused(struct house *h, const struct call *call, const char *scope, int64_t least,
                       int64_t most)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    char left[64];
    assert_status(h, call, &reply, 429);
    int64_t after = strtoll(reply_header(&reply, "Retry-After"), NULL, 10);
    assert_in_range(after, least, most);
    (void)snprintf(left, sizeof left, "\"%s\";r=0;t=%lld", scope, (long long)after);
    assert_string_equal(reply_header(&reply, "RateLimit"), left);
    if (reply.json != NULL) {
        assert_string_equal(text_at(&reply, "type"), "/problems/too-many-requests");
        assert_non_null(strstr(text_at(&reply, "detail"), scope));
    }
    return after;
}

static void a_tenants_requests(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char other[TOKEN_TEXT_SIZE];
    other_tenant(h, other);
    const struct call call = rest(h, HTTP_GET, "/api/v1/hubs", NULL);
    assert_status(h, &call, &reply, 200);
    assert_string_equal(reply_header(&reply, "RateLimit"), ""); /* no limit, nothing to say */
    limit(h, RATE_TENANT, 2, 3);
    static const char *const left[] = {"\"tenant\";r=2;t=1", "\"tenant\";r=1;t=1", "\"tenant\";r=0;t=2"};
    for (size_t i = 0; i < 3; i++) {
        assert_status(h, &call, &reply, 200);
        assert_string_equal(reply_header(&reply, "RateLimit-Policy"), "\"tenant\";q=3;w=2");
        assert_string_equal(reply_header(&reply, "RateLimit"), left[i]);
    }
    /* a change is refused before anything of it is done */
    const struct call make =
        rest(h, HTTP_POST, "/api/v1/hubs", "{\"name\":\"late\",\"endpoint\":\"mqtts://hub.example:8883\"}");
    int64_t after = refused(h, &make, "tenant", 1, 5);
    struct call others = call;
    others.token = other;
    assert_status(h, &others, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "hubs")), 0);
    manual_clock_advance(&h->clock, after * 1000);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "hubs")), 0);
    assert_int_equal(metric(h, "whorl_requests_limited_total{scope=\"tenant\"} "), 1);
    assert_int_equal(metric(h, "whorl_requests_limited_total{scope=\"address\"} "), 0);
}

/* Also those whose credential is wrong, or is none: it is not even looked at. */
static void an_addresss_requests(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_GET, "/api/v1/hubs", NULL);
    call.token = "whorl_nonsense";
    call.address = "2001:db8::1";
    limit(h, RATE_ADDRESS, 1, 2);
    assert_status(h, &call, &reply, 401);
    assert_string_equal(reply_header(&reply, "RateLimit"), "\"address\";r=1;t=1");
    call.address = "2001:db8::2"; /* the same /64 */
    assert_status(h, &call, &reply, 401);
    call.token = h->admin;
    int64_t after = refused(h, &call, "address", 1, 15);
    const struct call challenge = {
        .method = HTTP_POST, .route = "/device/v1/challenge", .address = "2001:db8::3"};
    (void)refused(h, &challenge, "address", 1, 15);
    struct call list = {
        .method = HTTP_GET, .route = "/crl/{authority}.crl", .param = "device", .address = "2001:db8::1"};
    for (int i = 0; i < 5; i++) {
        assert_status(h, &list, &reply, 200); /* what lies ready is free */
        assert_string_equal(reply_header(&reply, "RateLimit"), "");
    }
    call.address = "2001:db8:0:1::1";
    assert_status(h, &call, &reply, 200);
    call.address = "2001:db8::1";
    manual_clock_step(&h->clock, -3600 * 1000); /* nobody is locked out, or let in, by a clock that is set */
    (void)refused(h, &call, "address", 1, 15);
    manual_clock_step(&h->clock, 3600 * 1000);
    (void)refused(h, &call, "address", 1, 15);
    manual_clock_advance(&h->clock, after * 1000);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(metric(h, "whorl_requests_limited_total{scope=\"address\"} "), 4);
}

static void a_devices_requests(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip = {0};
    AUTO_VAL(chip) neighbour = {0};
    chip_make(&chip);
    chip_make(&neighbour);
    struct call call = {.method = HTTP_GET, .route = "/device/v1/firmware", .peer = &chip.peer};
    limit(h, RATE_DEVICE, 1, 8);
    for (int i = 0; i < 8; i++) {
        assert_status(h, &call, &reply, 403); /* unknown: that is asked of the inventory, so it counts */
        const char *left = reply_header(&reply, "RateLimit");
        assert_int_equal(left[0] != '\0', i >= 6); /* told when less than a quarter is left */
    }
    long long turned_away = metric(h, "whorl_refusals_total{device=\"unknown\"} ");
    int64_t after = refused(h, &call, "device", 1, 2);
    assert_int_equal(metric(h, "whorl_refusals_total{device=\"unknown\"} "), turned_away);
    /* in the words of EST */
    const struct call est = {.method = HTTP_POST,
                             .route = "/.well-known/est/simpleenroll",
                             .peer = &chip.peer,
                             .type = "application/pkcs10",
                             .body = bytes_str("x")};
    assert_status(h, &est, &reply, 429);
    assert_string_equal(reply.response.content_type, "text/plain; charset=utf-8");
    assert_true(strtol(reply_header(&reply, "Retry-After"), NULL, 10) >= 1);
    /* pieces of images are not counted: neither given nor refused for their number */
    const struct call piece = {.method = HTTP_GET,
                               .route = "/device/v1/firmware/images/{sha256}",
                               .param = "00",
                               .peer = &chip.peer};
    (void)send_call(h, &piece, &reply);
    assert_int_not_equal(reply.response.status, 429);
    call.peer = &neighbour.peer;
    assert_status(h, &call, &reply, 403);
    call.peer = &chip.peer;
    manual_clock_advance(&h->clock, after * 1000);
    assert_status(h, &call, &reply, 403);
}

static void numbers_out_of_range(void **state)
{
    struct house *h = *state;
    struct rate_limits limits = {.of = {none, none, none}};
    limits.of[RATE_DEVICE].burst = 0;
    assert_error(rates_set(h->fleet, &limits), ERR_UNPROCESSABLE, "device");
    limits.of[RATE_DEVICE] = (struct rate){1000001, 1};
    assert_error(rates_set(h->fleet, &limits), ERR_UNPROCESSABLE, "device");
    limits.of[RATE_DEVICE] = (struct rate){-1, 1};
    assert_error(rates_set(h->fleet, &limits), ERR_UNPROCESSABLE, "device");
    limits.of[RATE_DEVICE] = (struct rate){1000000, 1000000};
    assert_ok(rates_set(h->fleet, &limits));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(a_tenants_requests), TEST(an_addresss_requests),
                                       TEST(a_devices_requests), TEST(numbers_out_of_range)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
