/* What one client cannot do to the others: be silent, be slow, be many, or fill the queue. */
#include "tests/unit/server/server_client.h"

static struct fixture *fixture_of(void **state)
{
    return *state;
}

static int start(void **state, const struct server_limits *limits, int workers)
{
    struct fixture *f = malloc(sizeof *f);
    fixture_start(f, limits, workers);
    *state = f;
    return 0;
}

static int setup(void **state)
{
    return start(state, &test_limits, 1);
}

static int setup_few(void **state)
{
    struct server_limits limits = test_limits;
    limits.connections = 8;
    limits.connections_per_address = 5;
    limits.idle_ms = 1000;
    return start(state, &limits, 1);
}

static int teardown(void **state)
{
    fixture_stop(*state);
    free(*state);
    return 0;
}

static int64_t now_ms(void)
{
    return clock_monotonic_ms(clock_system());
}

/* One byte every 50 ms: never idle, never done. @return what came back until the server closed */
static void drip(struct client *c, const char *text, struct buf *all)
{
    int64_t began_ms = now_ms();
    for (const char *at = text; now_ms() - began_ms < 15000; at = at[1] != '\0' ? at + 1 : at) {
        struct pollfd poll_fd = {.fd = c->fd, .events = POLLIN};
        if (poll(&poll_fd, 1, 50) > 0 || !client_send(c, at, 1)) {
            break;
        }
    }
    client_read_all(c, all);
    assert_true(now_ms() - began_ms < 15000);
}

static void test_slow_headers(void **state)
{
    struct client c = client_plain(fixture_of(state));
    AUTO_VAL(buf) all = {0};
    drip(&c,
         "GET /loop HTTP/1.1\r\nHost: x\r\nX-Slow: "
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         &all);
    assert_has(buf_str(&all), "HTTP/1.1 408");
    client_close(&c);
}

static void test_slow_body(void **state)
{
    struct fixture *f = fixture_of(state);
    struct client c = client_plain(f);
    AUTO_VAL(buf) all = {0};
    int handled = atomic_load(&f->api.handled);
    client_say(&c, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n");
    drip(&c, "x", &all);
    assert_has(buf_str(&all), "HTTP/1.1 408");
    assert_int_equal(atomic_load(&f->api.handled), handled);
    client_close(&c);
}

static void test_slow_upload_aborts_the_sink(void **state)
{
    struct fixture *f = fixture_of(state);
    struct client c = client_plain(f);
    AUTO_VAL(buf) all = {0};
    int aborted = atomic_load(&f->api.aborted);
    client_say(&c, "PUT /sink HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n");
    drip(&c, "x", &all);
    assert_has(buf_str(&all), "HTTP/1.1 408");
    wait_until(atomic_load(&f->api.aborted) == aborted + 1);
    client_close(&c);
}

static void test_reader_that_does_not_read_is_dropped(void **state)
{
    struct fixture *f = fixture_of(state);
    AUTO_VAL(buf) content = {0};
    assert_ok(buf_reserve(&content, 30 << 20));
    memset(content.p, 'x', 30 << 20);
    content.n = 30 << 20;
    write_in(&f->house.folder, "big", buf_view(&content));
    (void)snprintf(f->api.file_path, sizeof f->api.file_path, "%s/big", f->house.folder.path);
    struct client c = client_plain(f);
    wait_for_metric(f, "\nwhorl_listener_connections{listener=\"public\"} 1\n");
    client_say(&c, "GET /file HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for_metric(f, "\nwhorl_connections 0\n");
    wait_for_metric(f, "\nwhorl_listener_connections{listener=\"public\"} 0\n");
    client_close(&c);
}

static void test_slow_clients_hold_no_worker(void **state)
{
    struct fixture *f = fixture_of(state);
    struct client slow[30];
    AUTO_VAL(buf) body = {0};
    for (int i = 0; i < 30; i++) {
        slow[i] = client_plain(f);
        client_say(&slow[i], i % 2 == 0 ? "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx"
                                        : "PUT /sink HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx");
        struct client c = client_plain(f);
        assert_int_equal(client_get(&c, "/work", &body), 200); /* there is one worker */
        client_close(&c);
    }
    for (int i = 0; i < 30; i++) {
        client_close(&slow[i]);
    }
}

static void test_full_queue_is_503(void **state)
{
    struct fixture *f = fixture_of(state);
    AUTO_VAL(buf) body = {0};
    AUTO_VAL(buf) all = {0};
    struct client waiting[5];
    atomic_store(&f->api.gate, 0);
    wait_for_metric(f, "\nwhorl_worker_queue 0\n");
    int handled = atomic_load(&f->api.handled);
    for (int i = 0; i < 5; i++) { /* one at work, four in the queue */
        waiting[i] = client_plain(f);
        client_say(&waiting[i], "GET /gate HTTP/1.1\r\nHost: x\r\n\r\n");
        wait_until(atomic_load(&f->api.handled) == handled + 1);
        char line[40];
        (void)snprintf(line, sizeof line, "\nwhorl_worker_queue %d\n", i);
        wait_for_metric(f, line);
    }
    struct client c = client_plain(f);
    client_say(&c, "GET /work HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    client_read_all(&c, &all);
    assert_has(buf_str(&all), "HTTP/1.1 503");
    assert_has(buf_str(&all), "Retry-After: ");
    client_close(&c);
    c = client_plain(f);
    assert_int_equal(client_get(&c, "/loop", &body), 200); /* the loop has time */
    client_close(&c);
    atomic_store(&f->api.gate, 1);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(client_response(&waiting[i], &body), 200);
        client_close(&waiting[i]);
    }
}

static int setup_hasty(void **state)
{
    struct server_limits limits = test_limits;
    limits.queue_wait_ms = 50;
    return start(state, &limits, 1);
}

static void test_who_waited_too_long_for_a_worker_is_not_handled(void **state)
{
    struct fixture *f = fixture_of(state);
    AUTO_VAL(buf) body = {0};
    AUTO_VAL(buf) all = {0};
    atomic_store(&f->api.gate, 0);
    int handled = atomic_load(&f->api.handled);
    struct client first = client_plain(f);
    struct client late = client_plain(f);
    client_say(&first, "GET /gate HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_until(atomic_load(&f->api.handled) == handled + 1);
    client_say(&late, "GET /work HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    wait_for_metric(f, "\nwhorl_worker_queue 1\n");
    sleep_ms(100);
    atomic_store(&f->api.gate, 1);
    client_read_all(&late, &all);
    assert_has(buf_str(&all), "HTTP/1.1 503");
    assert_has(buf_str(&all), "Retry-After: ");
    wait_for_metric(f, "\nwhorl_http_refused_total{reason=\"wait\"} 1\n");
    assert_int_equal(client_response(&first, &body), 200); /* it was in time */
    assert_int_equal(atomic_load(&f->api.handled), handled + 1);
    client_close(&late);
    late = client_plain(f);
    assert_int_equal(client_get(&late, "/work", &body), 200); /* and so is who comes now */
    client_close(&late);
    client_close(&first);
}

static void test_connections_of_one_address(void **state)
{
    struct fixture *f = fixture_of(state);
    AUTO_VAL(buf) body = {0};
    struct client held[5];
    for (int i = 0; i < 5; i++) {
        held[i] = client_plain(f);
        assert_int_equal(client_get(&held[i], "/loop", &body), 200);
    }
    struct client c = client_plain(f);
    char byte = 0;
    assert_true(client_read(&c, &byte, 1) <= 0);
    client_close(&c);
    client_close(&held[0]);
    int status = 0;
    for (int i = 0; i < 1000 && status != 200; i++) {
        c = client_plain(f);
        send(c.fd, "GET /loop HTTP/1.1\r\nHost: x\r\n\r\n", 31, MSG_NOSIGNAL);
        status = client_response(&c, &body);
        client_close(&c);
    }
    assert_int_equal(status, 200);
    for (int i = 1; i < 5; i++) {
        client_close(&held[i]);
    }
}

static void test_idle_connection_is_closed(void **state)
{
    struct fixture *f = fixture_of(state);
    AUTO_VAL(buf) body = {0};
    wait_for_metric(f, "\nwhorl_connections 0\n"); /* those of the test before take their places till then */
    struct client c = client_plain(f);
    int64_t began_ms = now_ms();
    for (int i = 0; i < 6; i++) { /* requests keep it alive longer than one idle time */
        assert_int_equal(client_get(&c, "/loop", &body), 200);
        sleep_ms(250);
    }
    client_read_all(&c, &body);
    assert_true(now_ms() - began_ms < 6000);
    client_close(&c);
}

static void test_address_in_use_is_noticed(void **state)
{
    struct fixture *f = fixture_of(state);
    struct server_options options = {
        .workers = 1, .loops = 1, .limits = test_limits, .clock = clock_system(), .random = random_system()};
    options.listeners[0] =
        (struct server_listener){LISTENER_PUBLIC, server_address(f->server, LISTENER_PUBLIC), 8192, 0};
    const struct server_app app = {.api = &f->api,
                                   .tables = &test_table,
                                   .table_count = 1,
                                   .admit = test_admit,
                                   .run = test_run,
                                   .refuse = test_refuse};
    struct server *second = NULL;
    char expected[80];
    (void)snprintf(expected, sizeof expected, "%s: the address is in use",
                   server_address(f->server, LISTENER_PUBLIC));
    assert_error(server_new(&options, &app, NULL, NULL, &second), ERR_CONFLICT, expected);
    static const char *const bad[] = {"127.0.0.1", "nowhere:80", "127.0.0.1:99999", "[::1:80", "127.0.0.1:"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        options.listeners[0].address = bad[i];
        assert_error(server_new(&options, &app, NULL, NULL, &second), ERR_UNPROCESSABLE, bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest roomy[] = {
        cmocka_unit_test(test_slow_headers),
        cmocka_unit_test(test_slow_body),
        cmocka_unit_test(test_slow_upload_aborts_the_sink),
        cmocka_unit_test(test_reader_that_does_not_read_is_dropped),
        cmocka_unit_test(test_slow_clients_hold_no_worker),
        cmocka_unit_test(test_full_queue_is_503),
    };
    const struct CMUnitTest few[] = {
        cmocka_unit_test(test_connections_of_one_address),
        cmocka_unit_test(test_idle_connection_is_closed),
        cmocka_unit_test(test_address_in_use_is_noticed),
    };
    const struct CMUnitTest hasty[] = {
        cmocka_unit_test(test_who_waited_too_long_for_a_worker_is_not_handled),
    };
    int failed = cmocka_run_group_tests(roomy, setup, teardown);
    failed += cmocka_run_group_tests(hasty, setup_hasty, teardown);
    return failed + cmocka_run_group_tests(few, setup_few, teardown);
}
