/* What an HTTP library was seen to let through, byte for byte over a real socket: nothing of it may reach a
 * handler. */
#include "tests/unit/server/server_client.h"

static struct fixture *fixture_of(void **state)
{
    return *state;
}

/* What is sent byte by byte may take its time on a busy machine: no answer here depends on the clock. */
static int setup(void **state)
{
    struct fixture *f = malloc(sizeof *f);
    struct server_limits limits = test_limits;
    limits.header_ms = 20000;
    fixture_start(f, &limits, 2);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_stop(*state);
    free(*state);
    return 0;
}

#define HEAD        "POST /echo HTTP/1.1\r\nHost: x\r\n"
#define BYTES(text) text, sizeof(text) - 1

static const struct {
    const char *what, *bytes;
    size_t n;
    int status;
} traps[] = {
    {"two framings", BYTES(HEAD "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400},
    {"two framings, other order",
     BYTES(HEAD "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"), 400},
    {"two lengths", BYTES(HEAD "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"), 400},
    {"gzip", BYTES(HEAD "Transfer-Encoding: gzip\r\n\r\n"), 501},
    {"gzip, chunked", BYTES(HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 501},
    {"chunked twice", BYTES(HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
     501},
    {"chunked in 1.0", BYTES("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400},
    {"bare LF behind the request line", BYTES("GET /loop HTTP/1.1\nHost: x\r\n\r\n"), 400},
    {"bare LF behind a field", BYTES("GET /loop HTTP/1.1\r\nHost: x\n\r\n"), 400},
    {"bare LF at the end", BYTES("GET /loop HTTP/1.1\r\nHost: x\r\n\n"), 400},
    {"bare LF in a chunk line", BYTES(HEAD "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n"), 400},
    {"bare LF behind a chunk", BYTES(HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n"), 400},
    {"chunk extension", BYTES(HEAD "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n"), 400},
    {"chunk size with a sign", BYTES(HEAD "Transfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n"), 400},
    {"chunk size of nine digits",
     BYTES(HEAD "Transfer-Encoding: chunked\r\n\r\n000000003\r\nabc\r\n0\r\n\r\n"), 400},
    {"folded field", BYTES("GET /loop HTTP/1.1\r\nHost: x\r\nX: y\r\n Transfer-Encoding: chunked\r\n\r\n"),
     400},
    {"space before the colon", BYTES(HEAD "Content-Length : 3\r\n\r\nabc"), 400},
    {"NUL in a value", BYTES("GET /loop HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n"), 400},
    {"NUL in a name", BYTES("GET /loop HTTP/1.1\r\nHost: x\r\nX\0: a\r\n\r\n"), 400},
    {"NUL in the target", BYTES("GET /loop\0 HTTP/1.1\r\nHost: x\r\n\r\n"), 400},
    {"signed length", BYTES(HEAD "Content-Length: +3\r\n\r\nabc"), 400},
    {"list of lengths", BYTES(HEAD "Content-Length: 3, 3\r\n\r\nabc"), 400},
    {"huge length", BYTES(HEAD "Content-Length: 18446744073709551619\r\n\r\nabc"), 400},
    {"no Host", BYTES("GET /loop HTTP/1.1\r\n\r\n"), 400},
    {"two Hosts", BYTES("GET /loop HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n"), 400},
    {"absolute target without Host", BYTES("GET http://x/loop HTTP/1.1\r\n\r\n"), 400},
    {"another scheme", BYTES("GET ftp://x/loop HTTP/1.1\r\nHost: x\r\n\r\n"), 400},
    {"a scheme without authority", BYTES("GET http:/loop HTTP/1.1\r\nHost: x\r\n\r\n"), 400},
    {"a scheme cut short", BYTES("GET http HTTP/1.1\r\nHost: x\r\n\r\n"), 400},
    {"an authority for a target", BYTES("CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n"), 400},
    {"asterisk", BYTES("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"), 501},
    {"asterisk of another method", BYTES("GET * HTTP/1.1\r\nHost: x\r\n\r\n"), 400},
    {"HTTP/2 preface", BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 400},
    {"HTTP/1.2", BYTES("GET /loop HTTP/1.2\r\nHost: x\r\n\r\n"), 400},
    {"two spaces", BYTES("GET  /loop HTTP/1.1\r\nHost: x\r\n\r\n"), 400},
    {"CR in a value", BYTES("GET /loop HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n"), 400},
    {"bad chunk behind an early answer",
     BYTES("POST /loop HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n"), 405},
    {"bad request behind an early answer",
     BYTES("POST /loop HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc\n\r\n"), 405},
    {"TLS on the plain port", BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), 400},
};

static void assert_trap(struct fixture *f, size_t row, bool byte_by_byte)
{
    struct client c = client_plain(f);
    AUTO_VAL(buf) all = {0};
    int handled = atomic_load(&f->api.handled);
    for (size_t i = 0; byte_by_byte && i + 1 < traps[row].n; i++) {
        if (send(c.fd, traps[row].bytes + i, 1, MSG_NOSIGNAL) != 1) {
            break;
        }
    }
    size_t from = byte_by_byte ? traps[row].n - 1 : 0;
    (void)send(c.fd, traps[row].bytes + from, traps[row].n - from, MSG_NOSIGNAL);
    client_read_all(&c, &all); /* ends: the connection is closed */
    char expected[32];
    (void)snprintf(expected, sizeof expected, "HTTP/1.1 %d ", traps[row].status);
    if (strncmp(buf_str(&all), expected, strlen(expected)) != 0 || atomic_load(&f->api.handled) != handled) {
        fail_msg("%s%s: %s", traps[row].what, byte_by_byte ? ", byte by byte" : "", buf_str(&all));
    }
    const char *last = strstr(buf_str(&all), "Connection: close");
    if (last == NULL || strstr(last + 1, "Connection: close") != NULL) {
        fail_msg("%s: not one last answer: %s", traps[row].what, buf_str(&all));
    }
    client_close(&c);
}

static void test_every_trap(void **state)
{
    for (size_t i = 0; i < sizeof traps / sizeof traps[0]; i++) {
        assert_trap(fixture_of(state), i, false);
        assert_trap(fixture_of(state), i, true);
    }
}

/* The good request in front is answered first, by the handler; what was smuggled behind the bad one is never
 * seen. */
static void test_refusal_behind_good_requests(void **state)
{
    struct fixture *f = fixture_of(state);
    struct client c = client_plain(f);
    AUTO_VAL(buf) all = {0};
    int handled = atomic_load(&f->api.handled);
    client_say(&c, "GET /work HTTP/1.1\r\nHost: x\r\n\r\nGET /work HTTP/1.1\r\nHost: x\r\n\r\n"
                   "GET /work HTTP/1.1\r\nHost: x\nX: y\r\n\r\nGET /work HTTP/1.1\r\nHost: x\r\n\r\n");
    client_read_all(&c, &all);
    const char *first = strstr(buf_str(&all), "hello");
    const char *second = first != NULL ? strstr(first + 1, "hello") : NULL;
    assert_non_null(second);
    assert_non_null(strstr(second, "HTTP/1.1 400"));
    assert_int_equal(atomic_load(&f->api.handled), handled + 2);
    client_close(&c);
}

/* The refusal comes while a worker has the first of three good requests: the library is told of the end
 * before it has looked at the other two, and answers them all the same. */
static void test_refusal_while_good_requests_wait(void **state)
{
    struct fixture *f = fixture_of(state);
    AUTO_VAL(buf) all = {0};
    int handled = atomic_load(&f->api.handled);
    atomic_store(&f->api.gate, 0);
    struct client c = client_plain(f);
    client_say(&c, "GET /gate HTTP/1.1\r\nHost: x\r\n\r\nGET /work HTTP/1.1\r\nHost: x\r\n\r\n"
                   "GET /loop HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_until(atomic_load(&f->api.handled) == handled + 1);
    client_say(&c, "GET /work HTTP/1.1\r\nHost: x\nX: y\r\n\r\n");
    sleep_ms(50);
    atomic_store(&f->api.gate, 1);
    client_read_all(&c, &all);
    const char *first = strstr(buf_str(&all), "through");
    const char *second = first != NULL ? strstr(first, "hello") : NULL;
    const char *third = second != NULL ? strstr(second + 1, "hello") : NULL;
    assert_non_null(third);
    assert_non_null(strstr(third, "HTTP/1.1 400"));
    assert_int_equal(atomic_load(&f->api.handled), handled + 3);
    client_close(&c);
}

/* The last good bytes of a body and their end reach the library by one event, and it looks once: it was seen
 * to take the bytes and to wait for ever. */
static void test_refusal_behind_half_a_body(void **state)
{
    struct fixture *f = fixture_of(state);
    AUTO_VAL(buf) all = {0};
    for (int half = 0; half < 2; half++) {
        struct client c = client_plain(f);
        client_say(&c, HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\na");
        sleep_ms(20); /* read by now */
        if (half == 0) {
            client_say(&c, "bc\n");
        } else {
            client_say(&c, "b");
            shutdown(c.fd, SHUT_WR);
        }
        buf_clear(&all);
        int64_t before_ms = clock_now_ms(clock_system());
        client_read_all(&c, &all);
        assert_in_range(clock_now_ms(clock_system()) - before_ms, 0, 5000);
        assert_true(half == 1 || strstr(buf_str(&all), "HTTP/1.1 400 ") == buf_str(&all));
        client_close(&c);
    }
}

static void test_header_limits(void **state)
{
    struct client c = client_plain(fixture_of(state));
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) all = {0};
    assert_ok(buf_append_str(&text, "GET /loop HTTP/1.1\r\nHost: x\r\nX: "));
    for (int i = 0; i < 5000; i++) {
        assert_ok(buf_append(&text, "a", 1));
    }
    (void)client_send(&c, text.p, text.n);
    client_read_all(&c, &all);
    assert_has(buf_str(&all), "HTTP/1.1 431");
    client_close(&c);
    c = client_plain(fixture_of(state));
    buf_clear(&text);
    buf_clear(&all);
    assert_ok(buf_append_str(&text, "GET /loop HTTP/1.1\r\nHost: x\r\n"));
    for (int i = 0; i < 32; i++) {
        assert_ok(buf_append_str(&text, "X: y\r\n"));
    }
    (void)client_send(&c, text.p, text.n);
    client_read_all(&c, &all);
    assert_has(buf_str(&all), "HTTP/1.1 431");
    client_close(&c);
}

static void test_the_largest_header_is_served(void **state)
{
    struct client c = client_plain(fixture_of(state));
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) body = {0};
    assert_ok(buf_append_str(&text, "GET /work HTTP/1.1\r\nHost: x\r\n"));
    for (int i = 0; i < 30; i++) {
        assert_ok(buf_printf(&text, "X-%02d: %0120d\r\n", i, i));
    }
    assert_ok(buf_append_str(&text, "\r\n"));
    assert_true(text.n > 3800 && text.n <= test_limits.header_bytes);
    for (int i = 0; i < 2; i++) {
        client_say(&c, buf_str(&text));
        assert_int_equal(client_response(&c, &body), 200);
    }
    client_close(&c);
}

static void test_a_blank_line_before_a_request_is_tolerated(void **state)
{
    struct client c = client_plain(fixture_of(state));
    AUTO_VAL(buf) body = {0};
    client_say(&c, "\r\nGET /loop HTTP/1.1\r\nHost: x\r\n\r\n\r\n");
    assert_int_equal(client_response(&c, &body), 200);
    assert_int_equal(client_get(&c, "/loop", &body), 200);
    client_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_trap),
        cmocka_unit_test(test_refusal_behind_good_requests),
        cmocka_unit_test(test_refusal_while_good_requests_wait),
        cmocka_unit_test(test_refusal_behind_half_a_body),
        cmocka_unit_test(test_header_limits),
        cmocka_unit_test(test_the_largest_header_is_served),
        cmocka_unit_test(test_a_blank_line_before_a_request_is_tolerated),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
