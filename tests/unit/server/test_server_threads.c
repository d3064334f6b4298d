/* The server end to end over real sockets: what a client writes, and what comes back. */
#include "tests/unit/server/server_client.h"

static struct fixture *fixture_of(void **state)
{
    return *state;
}

static int setup(void **state)
{
    struct fixture *f = malloc(sizeof *f);
    fixture_start(f, &test_limits, 4);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_stop(*state);
    free(*state);
    return 0;
}

static void test_get_on_loop_and_on_worker(void **state)
{
    struct client c = client_plain(fixture_of(state));
    AUTO_VAL(buf) body = {0};
    for (int i = 0; i < 20; i++) {
        assert_int_equal(client_get(&c, i % 2 == 0 ? "/loop" : "/work", &body), 200);
        assert_string_equal(buf_str(&body), "hello");
    }
    client_close(&c);
}

static void test_errors_have_their_status(void **state)
{
    static const struct {
        const char *request;
        int status;
    } rows[] = {
        {"GET /none HTTP/1.1\r\nHost: x\r\n\r\n", 404},
        {"POST /loop HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405},
        {"OPTIONS /loop HTTP/1.1\r\nHost: x\r\n\r\n", 405},
        {"GET /work HTTP/1.1\r\nHost: x\r\nX-Nobody: 1\r\n\r\n", 401},
        {"GET /fail HTTP/1.1\r\nHost: x\r\n\r\n", 503},
        {"GET /things/a%00b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /loop%00/x HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /things/a%ff%feb HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /things/a%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /things/.. HTTP/1.1\r\nHost: x\r\n\r\n", 404},
        {"GET /things/ HTTP/1.1\r\nHost: x\r\n\r\n", 404},
        {"GET /things/a%2Fb?q=c+d HTTP/1.1\r\nHost: x\r\n\r\n", 200},
    };
    AUTO_VAL(buf) body = {0};
    struct client c = client_plain(fixture_of(state));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        client_say(&c, rows[i].request);
        int status = client_response(&c, &body);
        if (status != rows[i].status) {
            fail_msg("%s got %d", rows[i].request, status);
        }
        assert_null(strstr(buf_str(&body), "secret"));
    }
    assert_string_equal(buf_str(&body), "a/b|c d");
    client_close(&c);
}

/* Answered on the loop where memory has it, by a worker where it has not; admitted there alone. */
static void test_a_quick_handler(void **state)
{
    static const struct {
        const char *path;
        int status;
        const char *body;
    } rows[] = {{"/memory/kept", 200, "hello"},
                {"/memory/a//b%2F%2B/c=", 200, "a//b/+/c="},
                {"/memory/kept/2", 200, "hello"},
                {"/memory/bad", 422, "said on the loop"},
                {"/memory/", 404, ""},
                {"/memory/1/2/3/4/5/6/7/8/9/10/11/12/13", 200, ""}};
    struct fixture *f = fixture_of(state);
    struct client c = client_plain(f);
    AUTO_VAL(buf) body = {0};
    int admitted = atomic_load(&f->api.admitted);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(client_get(&c, rows[i].path, &body), rows[i].status);
        assert_has(buf_str(&body), rows[i].body);
    }
    assert_int_equal(atomic_load(&f->api.admitted), admitted + 2);
    client_close(&c);
}

static void test_head_has_no_body(void **state)
{
    struct client c = client_plain(fixture_of(state));
    AUTO_VAL(buf) all = {0};
    client_say(&c, "HEAD /loop HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    client_read_all(&c, &all);
    assert_has(buf_str(&all), "HTTP/1.1 200");
    assert_has(buf_str(&all), "Content-Length: 5");
    assert_has(buf_str(&all), "X-Request-Id: ");
    assert_null(strstr(buf_str(&all), "hello"));
    client_close(&c);
}

/* RFC 9110 §8.6: neither says a length that the 200 would not have. */
static void test_answers_that_have_no_body(void **state)
{
    static const struct {
        const char *request, *status, *length; /* length NULL: none */
    } rows[] = {
        {"GET /no-content HTTP/1.1\r\nHost: x\r\n", "HTTP/1.1 204 ", NULL},
        {"GET /unchanged HTTP/1.1\r\nHost: x\r\n", "HTTP/1.1 304 ", NULL},
        {"HEAD /unchanged HTTP/1.1\r\nHost: x\r\n", "HTTP/1.1 304 ", NULL},
        {"GET /unchanged HTTP/1.1\r\nHost: x\r\nX-Known: 1\r\n", "HTTP/1.1 304 ", "Content-Length: 5\r\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct client c = client_plain(fixture_of(state));
        AUTO_VAL(buf) all = {0};
        client_say(&c, rows[i].request);
        client_say(&c, "Connection: close\r\n\r\n");
        client_read_all(&c, &all);
        assert_has(buf_str(&all), rows[i].status);
        assert_string_equal(buf_str(&all) + all.n - 4, "\r\n\r\n"); /* nothing behind the header section */
        assert_null(strstr(buf_str(&all), "Transfer-Encoding"));
        const char *length = strstr(buf_str(&all), "Content-Length");
        if (rows[i].length == NULL ? length != NULL
                                   : length == NULL || strstr(length, rows[i].length) != length) {
            fail_msg("%s got %s", rows[i].request, buf_str(&all));
        }
        client_close(&c);
    }
    struct client c = client_plain(fixture_of(state)); /* a length that is told keeps the connection */
    AUTO_VAL(buf) body = {0};
    client_say(
        &c,
        "GET /unchanged HTTP/1.1\r\nHost: x\r\nX-Known: 1\r\n\r\nGET /no-content HTTP/1.1\r\nHost: x\r\n\r\n"
        "GET /loop HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    client_read_all(&c, &body);
    const char *second = strstr(buf_str(&body), "\r\n\r\nHTTP/1.1 204 ");
    assert_non_null(second);
    assert_non_null(strstr(second, "\r\n\r\nHTTP/1.1 200 "));
    client_close(&c);
}

/* RFC 9112 §3.2.2: the absolute form is taken, its host checked and its path routed. */
static void test_absolute_targets(void **state)
{
    static const struct {
        const char *target;
        int status;
    } rows[] = {
        {"http://x/things/a?q=b", 200},
        {"HTTPS://example.org:443/things/a?q=b", 200},
        {"http://[2001:db8::1]:80/things/a?q=b", 200},
        {"http://a%20b!$:/things/a?q=b", 200},
        {"http://x", 404},
        {"http://x?q=/loop", 404},
        {"http://x/loop/", 404},
        {"http://x/things/%00", 400},
        {"http:///loop", 400},
        {"http://:80/loop", 400},
        {"http://user@x/loop", 400},
        {"http://x:80a/loop", 400},
        {"http://x:8:0/loop", 400},
        {"http://a%2/loop", 400},
        {"http://[::1/loop", 400},
        {"http://[::g]/loop", 400},
        {"http://[]/loop", 400},
        {"http://[v1.x]/loop", 400},
        {"http://[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]/loop", 400},
        {"http://x[/loop", 400},
    };
    struct client c = client_plain(fixture_of(state));
    AUTO_VAL(buf) body = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int status = client_get(&c, rows[i].target, &body);
        if (status != rows[i].status || (status == 200 && strcmp(buf_str(&body), "a|b") != 0)) {
            fail_msg("%s got %d %s", rows[i].target, status, buf_str(&body));
        }
    }
    client_close(&c);
}

/* What no handler sees is told in the way of the route that was meant. */
static void test_errors_are_told_as_the_route_tells_them(void **state)
{
    static const struct {
        const char *request, *status, *type;
    } rows[] = {
        {"GET /plain/words/a HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 ", "text/plain"},
        {"POST /plain/words/a/b HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 404 ",
         "text/plain"},
        {"POST /plain/words/a HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n", "HTTP/1.1 413 ",
         "text/plain"},
        {"GET /plain/other HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ", "application/problem+json"},
        {"POST /loop HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 405 ",
         "application/problem+json"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct client c = client_plain(fixture_of(state));
        AUTO_VAL(buf) all = {0};
        client_say(&c, rows[i].request);
        assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
        client_read_all(&c, &all);
        char type[64];
        (void)snprintf(type, sizeof type, "Content-Type: %s\r\n", rows[i].type);
        if (strstr(buf_str(&all), rows[i].status) == NULL || strstr(buf_str(&all), type) == NULL) {
            fail_msg("%s got %s", rows[i].request, buf_str(&all));
        }
        client_close(&c);
    }
}

static void test_body_echoed_by_length_and_in_chunks(void **state)
{
    struct client c = client_plain(fixture_of(state));
    AUTO_VAL(buf) body = {0};
    AUTO_VAL(buf) big = {0};
    client_say(&c, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde");
    assert_int_equal(client_response(&c, &body), 200);
    assert_string_equal(buf_str(&body), "abcde");
    client_say(&c, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
                   "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    assert_int_equal(client_response(&c, &body), 200);
    assert_string_equal(buf_str(&body), "abcde");
    client_say(&c,
               "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n");
    assert_int_equal(client_response(&c, &body), 100);
    for (int i = 0; i < 10000; i++) {
        assert_ok(buf_printf(&big, "%010d", i));
    }
    assert_true(client_send(&c, big.p, big.n));
    assert_int_equal(client_response(&c, &body), 200);
    assert_true(bytes_equal(buf_view(&body), buf_view(&big)));
    client_close(&c);
}

static void test_too_large_by_length_and_by_count(void **state)
{
    struct fixture *f = fixture_of(state);
    AUTO_VAL(buf) body = {0};
    struct client c = client_plain(f);
    client_say(&c, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\n");
    assert_int_equal(client_response(&c, &body), 413);
    client_close(&c);
    c = client_plain(f);
    client_say(&c, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    char chunk[4096 + 8] = "1000\r\n";
    memset(chunk + 6, 'x', 4096);
    memcpy(chunk + 6 + 4096, "\r\n", 2);
    for (int i = 0; i < 40 && client_send(&c, chunk, sizeof chunk); i++) {
    }
    assert_int_equal(client_response(&c, &body), 413);
    client_close(&c);
}

static void test_pipelined_requests_in_order(void **state)
{
    struct client c = client_plain(fixture_of(state));
    AUTO_VAL(buf) body = {0};
    AUTO_VAL(buf) all = {0};
    for (int i = 0; i < 50; i++) {
        assert_ok(buf_printf(&all, "GET /things/n%d HTTP/1.1\r\nHost: x\r\n\r\n", i));
    }
    client_say(&c, buf_str(&all));
    for (int i = 0; i < 50; i++) {
        char expected[16];
        (void)snprintf(expected, sizeof expected, "n%d", i);
        assert_int_equal(client_response(&c, &body), 200);
        assert_string_equal(buf_str(&body), expected);
    }
    client_close(&c);
}

/* It was taken out of the kernel's queue, so no other process will answer it. The last test: the server ends.
 */
static void test_who_came_just_before_a_stop_is_answered(void **state)
{
    struct fixture *f = fixture_of(state);
    AUTO_VAL(buf) body = {0};
    struct client kept = client_plain(f);
    assert_int_equal(client_get(&kept, "/work", &body), 200);
    struct client fresh = client_plain(f);
    sleep_ms(100); /* accepted */
    server_stop(f->server);
    char byte = 0;
    assert_int_equal(client_read(&kept, &byte, 1), 0); /* it had its answer, and is let go at once */
    assert_int_equal(client_get(&fresh, "/work", &body), 200);
    assert_int_equal(client_read(&fresh, &byte, 1), 0);
    client_close(&kept);
    client_close(&fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get_on_loop_and_on_worker),
        cmocka_unit_test(test_errors_have_their_status),
        cmocka_unit_test(test_a_quick_handler),
        cmocka_unit_test(test_head_has_no_body),
        cmocka_unit_test(test_answers_that_have_no_body),
        cmocka_unit_test(test_absolute_targets),
        cmocka_unit_test(test_errors_are_told_as_the_route_tells_them),
        cmocka_unit_test(test_body_echoed_by_length_and_in_chunks),
        cmocka_unit_test(test_too_large_by_length_and_by_count),
        cmocka_unit_test(test_pipelined_requests_in_order),
        cmocka_unit_test(test_who_came_just_before_a_stop_is_answered),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
