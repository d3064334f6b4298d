/* Calls against a real socket: what goes out, what comes back, and what is never connected to. */
#include "tests/unit/outbound/outbound_fixture.h"

#include "base/ports.h"

#define ANSWER(text) (text), sizeof(text) - 1

static struct outbound *make(const char *allow, const struct outbound_resolver *resolver)
{
    const struct outbound_options options = {.allow = allow, .allow_http = true, .resolver = resolver};
    struct outbound *outbound = NULL;
    assert_ok(outbound_new(&options, &outbound));
    return outbound;
}

static const char *url_of(const struct one_server *server, const char *host, const char *path)
{
    static char url[256];
    (void)snprintf(url, sizeof url, "http://%s:%d%s", host, server->port, path);
    return url;
}

static void a_post_arrives_and_its_answer_comes_back(void **state)
{
    (void)state;
    struct one_server server;
    one_server_begin(&server, ANSWER("HTTP/1.1 202 Accepted\r\nContent-Type: text/plain\r\n"
                                     "Cache-Control: public, max-age=600\r\nRetry-After: 7\r\n"
                                     "Content-Length: 2\r\n\r\nhi"));
    AUTO_PTR(outbound) *outbound = make("127.0.0.0/8", NULL);
    AUTO_VAL(outbound_answer) answer = {0};
    const struct outbound_call call = {
        .method = "POST",
        .url = url_of(&server, "127.0.0.1", "/hook?x=1"),
        .headers = {{"Content-Type", "application/json"}, {"webhook-id", "m1"}},
        .header_count = 2,
        .body = bytes_str("{\"a\":1}")};
    assert_ok(outbound_send(outbound, &call, &answer));
    one_server_end(&server);
    assert_int_equal(answer.status, 202);
    assert_string_equal(buf_str(&answer.body), "hi");
    assert_string_equal(answer.content_type, "text/plain");
    assert_string_equal(answer.address, "127.0.0.1");
    assert_int_equal(answer.max_age_s, 600);
    assert_int_equal(answer.retry_after_s, 7);
    assert_non_null(strstr(server.request, "POST /hook?x=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(server.request, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(server.request, "\r\nwebhook-id: m1\r\n"));
    assert_non_null(strstr(server.request, "\r\nUser-Agent: whorl\r\n"));
    assert_non_null(strstr(server.request, "\r\n\r\n{\"a\":1}"));
    assert_null(strstr(server.request, "Expect"));
}

static void a_get_has_no_body_and_no_type(void **state)
{
    (void)state;
    struct one_server server;
    one_server_begin(&server, ANSWER("HTTP/1.1 204 No Content\r\nCache-Control: no-store\r\n\r\n"));
    AUTO_PTR(outbound) *outbound = make("127.0.0.1", NULL);
    AUTO_VAL(outbound_answer) answer = {0};
    const struct outbound_call call = {.method = "GET", .url = url_of(&server, "127.0.0.1", "/")};
    assert_ok(outbound_send(outbound, &call, &answer));
    one_server_end(&server);
    assert_int_equal(answer.status, 204);
    assert_int_equal(answer.body.n, 0);
    assert_int_equal(answer.max_age_s, 0);
    assert_string_equal(answer.content_type, "");
    assert_null(strstr(server.request, "Content-Type"));
}

static void redirects_are_answers_not_orders(void **state)
{
    (void)state;
    struct one_server server;
    one_server_begin(&server, ANSWER("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
                                     "Content-Length: 0\r\n\r\n"));
    AUTO_PTR(outbound) *outbound = make("127.0.0.1", NULL);
    AUTO_VAL(outbound_answer) answer = {0};
    const struct outbound_call call = {.method = "GET", .url = url_of(&server, "127.0.0.1", "/")};
    assert_ok(outbound_send(outbound, &call, &answer));
    one_server_end(&server);
    assert_int_equal(answer.status, 302);
    assert_int_equal(answer.max_age_s, -1);
    assert_int_equal(server.connections, 1);
}

static void a_name_is_resolved_once_and_pinned(void **state)
{
    (void)state;
    struct one_server server;
    one_server_begin(&server, ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    /* an attacker's name: good at first, somebody's metadata service from then on */
    struct scripted names = {.answers = {"127.0.0.1\n", "169.254.169.254\n"}, .count = 2};
    scripted_init(&names);
    AUTO_PTR(outbound) *outbound = make("127.0.0.0/8", &names.resolver);
    AUTO_VAL(outbound_answer) answer = {0};
    const struct outbound_call call = {.method = "GET", .url = url_of(&server, "Rebind.Test", "/")};
    assert_ok(outbound_send(outbound, &call, &answer));
    assert_int_equal(names.asked, 1);
    assert_string_equal(names.host, "rebind.test");
    assert_string_equal(answer.address, "127.0.0.1");
    assert_int_equal(answer.status, 200);
    /* the next call asks anew, and sees what has become of it */
    AUTO_VAL(outbound_answer) second = {0};
    err_t error = outbound_send(outbound, &call, &second);
    one_server_end(&server);
    assert_error(error, ERR_UNPROCESSABLE);
    assert_non_null(strstr(error.detail, "169.254.169.254"));
    assert_int_equal(names.asked, 2);
    assert_int_equal(server.connections, 1);
    assert_non_null(strstr(server.request, "\r\nHost: Rebind.Test:"));
}

static void one_bad_address_spoils_the_name(void **state)
{
    (void)state;
    struct one_server server;
    one_server_begin(&server, ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    static const struct {
        const char *answer;
        err_code code;
    } table[] = {
        {"127.0.0.1\n10.0.0.1\n", ERR_UNPROCESSABLE},
        {"127.0.0.1\n::1\n", ERR_UNPROCESSABLE},
        {"::ffff:10.0.0.1\n", ERR_UNPROCESSABLE},
        {"64:ff9b::a00:1\n", ERR_UNPROCESSABLE},
        {"0.0.0.0\n", ERR_UNPROCESSABLE},
        {"", ERR_UNAVAILABLE},
        {"rubbish\n", ERR_UNAVAILABLE},
        {"127.0.0.1,10.0.0.1\n", ERR_UNAVAILABLE},
        {NULL, ERR_UNAVAILABLE},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct scripted names = {.answers = {table[i].answer}, .count = 1};
        scripted_init(&names);
        AUTO_PTR(outbound) *outbound = make("127.0.0.0/8", &names.resolver);
        AUTO_VAL(outbound_answer) answer = {0};
        const struct outbound_call call = {.method = "GET", .url = url_of(&server, "a.test", "/")};
        assert_error(outbound_send(outbound, &call, &answer), table[i].code);
    }
    one_server_end(&server);
    assert_int_equal(server.connections, 0);
}

static void several_addresses_are_tried(void **state)
{
    (void)state;
    struct one_server server;
    one_server_begin(&server, ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    struct scripted names = {.answers = {"127.0.0.9\n127.0.0.1\n"}, .count = 1}; /* nobody listens on .9 */
    scripted_init(&names);
    AUTO_PTR(outbound) *outbound = make("127.0.0.0/8", &names.resolver);
    AUTO_VAL(outbound_answer) answer = {0};
    const struct outbound_call call = {.method = "GET", .url = url_of(&server, "a.test", "/")};
    assert_ok(outbound_send(outbound, &call, &answer));
    one_server_end(&server);
    assert_string_equal(answer.address, "127.0.0.1");
}

static void loopback_is_refused_without_a_connection(void **state)
{
    (void)state;
    struct one_server server;
    one_server_begin(&server, ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    AUTO_PTR(outbound) *outbound = make("", NULL);
    static const char *const hosts[] = {"127.0.0.1", "localhost", "127.1", "2130706433",
                                        "[::ffff:127.0.0.1]"};
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        AUTO_VAL(outbound_answer) answer = {0};
        const struct outbound_call call = {.method = "GET", .url = url_of(&server, hosts[i], "/")};
        assert_error(outbound_send(outbound, &call, &answer), ERR_UNPROCESSABLE);
    }
    one_server_end(&server);
    assert_int_equal(server.connections, 0);
}

static void proxies_of_the_environment_are_not_used(void **state)
{
    (void)state;
    struct one_server server;
    one_server_begin(&server, ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    assert_int_equal(setenv("all_proxy", "http://127.0.0.1:1", 1), 0);
    AUTO_PTR(outbound) *outbound = make("127.0.0.1", NULL);
    AUTO_VAL(outbound_answer) answer = {0};
    const struct outbound_call call = {.method = "GET", .url = url_of(&server, "127.0.0.1", "/")};
    err_t error = outbound_send(outbound, &call, &answer);
    assert_int_equal(unsetenv("http_proxy"), 0);
    assert_int_equal(unsetenv("all_proxy"), 0);
    one_server_end(&server);
    assert_ok(error);
}

static void long_answers_are_cut_off(void **state)
{
    (void)state;
    static char long_answer[200000];
    int n = snprintf(long_answer, sizeof long_answer, "HTTP/1.1 200 OK\r\n\r\n");
    memset(long_answer + n, 'x', sizeof long_answer - (size_t)n);
    struct one_server server;
    one_server_begin(&server, long_answer, sizeof long_answer);
    AUTO_PTR(outbound) *outbound = make("127.0.0.1", NULL);
    struct outbound_call call = {.method = "GET", .url = url_of(&server, "127.0.0.1", "/")};
    AUTO_VAL(outbound_answer) first = {0};
    AUTO_VAL(outbound_answer) second = {0};
    assert_error(outbound_send(outbound, &call, &first), ERR_TOO_LARGE);
    assert_true(first.body.n <= 64 * 1024);
    call.answer_limit = 1 << 20;
    assert_ok(outbound_send(outbound, &call, &second));
    one_server_end(&server);
    assert_int_equal(second.body.n, sizeof long_answer - (size_t)n);
}

static void long_headers_are_cut_off(void **state)
{
    (void)state;
    static char answer_text[90000];
    int n = snprintf(answer_text, sizeof answer_text, "HTTP/1.1 200 OK\r\n");
    while ((size_t)n < sizeof answer_text - 200) {
        n += snprintf(answer_text + n, sizeof answer_text - (size_t)n, "X-%d: %0100d\r\n", n, 0);
    }
    struct one_server server;
    one_server_begin(&server, answer_text, (size_t)n);
    AUTO_PTR(outbound) *outbound = make("127.0.0.1", NULL);
    AUTO_VAL(outbound_answer) answer = {0};
    const struct outbound_call call = {.method = "GET", .url = url_of(&server, "127.0.0.1", "/")};
    err_t error = outbound_send(outbound, &call, &answer);
    one_server_end(&server);
    assert_error(error, ERR_TOO_LARGE);
}

static void silence_ends_at_the_limit(void **state)
{
    (void)state;
    struct one_server server;
    one_server_begin(&server, NULL, 0);
    AUTO_PTR(outbound) *outbound = make("127.0.0.1", NULL);
    AUTO_VAL(outbound_answer) answer = {0};
    const struct outbound_call call = {
        .method = "GET", .url = url_of(&server, "127.0.0.1", "/"), .total_ms = 200};
    int64_t begun = clock_monotonic_ms(clock_system());
    assert_error(outbound_send(outbound, &call, &answer), ERR_UNAVAILABLE);
    int64_t took = clock_monotonic_ms(clock_system()) - begun;
    one_server_end(&server);
    assert_true(took >= 150 && took < 5000);
}

struct sending {
    struct outbound *outbound;
    const char *url;
    err_code code;
};

static void *send_one(void *arg)
{
    struct sending *s = arg;
    AUTO_VAL(outbound_answer) answer = {0};
    const struct outbound_call call = {.method = "GET", .url = s->url, .total_ms = 60000};
    s->code = outbound_send(s->outbound, &call, &answer).code;
    return NULL;
}

/* The server ends: a call to whoever never answers ends within a second or two, the next one at once. */
static void abandoned_calls_end(void **state)
{
    struct one_server server = {0};
    const struct timespec pause = {.tv_nsec = 100000000};
    pthread_t thread;
    (void)state;
    one_server_begin(&server, NULL, 0);
    AUTO_PTR(outbound) *outbound = make("127.0.0.0/8", NULL);
    struct sending sending = {.outbound = outbound, .url = url_of(&server, "127.0.0.1", "/")};
    assert_int_equal(pthread_create(&thread, NULL, send_one, &sending), 0);
    (void)nanosleep(&pause, NULL);
    int64_t began_ms = clock_monotonic_ms(clock_system());
    outbound_abandon(outbound);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(sending.code, ERR_UNAVAILABLE);
    (void)send_one(&sending);
    assert_int_equal(sending.code, ERR_UNAVAILABLE);
    assert_in_range(clock_monotonic_ms(clock_system()) - began_ms, 0, 8000);
    one_server_end(&server);
    outbound_abandon(NULL);
}

static void what_is_no_http_is_an_outage(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
    } table[] = {{ANSWER("SSH-2.0-OpenSSH_9\r\n")},
                 {ANSWER("<html>HTTP/0.9</html>")},
                 {ANSWER("")},
                 {ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort")}};
    AUTO_PTR(outbound) *outbound = make("127.0.0.1", NULL);
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct one_server server;
        one_server_begin(&server, table[i].text, table[i].size);
        AUTO_VAL(outbound_answer) answer = {0};
        const struct outbound_call call = {
            .method = "GET", .url = url_of(&server, "127.0.0.1", "/"), .total_ms = 2000};
        err_t error = outbound_send(outbound, &call, &answer);
        one_server_end(&server);
        assert_error(error, ERR_UNAVAILABLE);
    }
}

static void tls_is_not_spoken_to_whoever_answers(void **state)
{
    (void)state;
    struct one_server server;
    one_server_begin(&server, ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    AUTO_PTR(outbound) *outbound = make("127.0.0.1", NULL);
    AUTO_VAL(outbound_answer) answer = {0};
    char url[64];
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%d/", server.port);
    const struct outbound_call call = {.method = "GET", .url = url, .total_ms = 1000};
    err_t error = outbound_send(outbound, &call, &answer);
    one_server_end(&server);
    assert_error(error, ERR_UNAVAILABLE);
    assert_int_equal(answer.status, 0);
}

static void headers_cannot_carry_a_second_request(void **state)
{
    (void)state;
    AUTO_PTR(outbound) *outbound = make("127.0.0.1", NULL);
    static const struct {
        const char *name, *value;
    } table[] = {{"X", "a\r\nY: b"}, {"X", "a\nb"}, {"X\r\nY", "a"}, {"X: y", "a"}, {"", "a"}};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        AUTO_VAL(outbound_answer) answer = {0};
        const struct outbound_call call = {.method = "GET",
                                           .url = "http://127.0.0.1:1/",
                                           .headers = {{table[i].name, table[i].value}},
                                           .header_count = 1};
        assert_error(outbound_send(outbound, &call, &answer), ERR_INTERNAL);
    }
    AUTO_VAL(outbound_answer) answer = {0};
    const struct outbound_call call = {.method = "GET / HTTP/1.1\r\nX:", .url = "http://127.0.0.1:1/"};
    assert_error(outbound_send(outbound, &call, &answer), ERR_INTERNAL);
}

static void names_of_the_system_are_judged_too(void **state)
{
    (void)state;
    struct one_server server;
    one_server_begin(&server, ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    AUTO_PTR(outbound) *outbound = make("127.0.0.0/8,::1", NULL);
    AUTO_VAL(outbound_answer) answer = {0};
    AUTO_VAL(outbound_answer) none = {0};
    const struct outbound_call call = {.method = "GET", .url = url_of(&server, "localhost", "/")};
    assert_ok(outbound_send(outbound, &call, &answer));
    one_server_end(&server);
    assert_int_equal(answer.status, 200);
    const struct outbound_call nowhere = {.method = "GET", .url = "http://nothing.invalid/"};
    assert_error(outbound_send(outbound, &nowhere, &none), ERR_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_post_arrives_and_its_answer_comes_back),
        cmocka_unit_test(a_get_has_no_body_and_no_type),
        cmocka_unit_test(redirects_are_answers_not_orders),
        cmocka_unit_test(a_name_is_resolved_once_and_pinned),
        cmocka_unit_test(one_bad_address_spoils_the_name),
        cmocka_unit_test(several_addresses_are_tried),
        cmocka_unit_test(loopback_is_refused_without_a_connection),
        cmocka_unit_test(proxies_of_the_environment_are_not_used),
        cmocka_unit_test(long_answers_are_cut_off),
        cmocka_unit_test(long_headers_are_cut_off),
        cmocka_unit_test(silence_ends_at_the_limit),
        cmocka_unit_test(abandoned_calls_end),
        cmocka_unit_test(what_is_no_http_is_an_outage),
        cmocka_unit_test(tls_is_not_spoken_to_whoever_answers),
        cmocka_unit_test(headers_cannot_carry_a_second_request),
        cmocka_unit_test(names_of_the_system_are_judged_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
