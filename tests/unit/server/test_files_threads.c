/* Bodies that are regions of files: what arrives is what was asked for, whatever comes behind it on the
 * connection, and however it ends. */
#include "tests/unit/server/server_client.h"

enum { FILE_SIZE = 3000001, LARGE_SIZE = 14000000 };

static struct fixture *fixture_of(void **state)
{
    return *state;
}

static uint8_t byte_at(size_t i)
{
    return (uint8_t)(i * 31 + (i >> 12));
}

static void make_file(struct fixture *f)
{
    AUTO_VAL(buf) content = {0};
    assert_ok(buf_reserve(&content, FILE_SIZE));
    for (size_t i = 0; i < FILE_SIZE; i++) {
        content.p[i] = byte_at(i);
    }
    content.n = FILE_SIZE;
    (void)snprintf(f->api.file_path, sizeof f->api.file_path, "%s/image", f->house.folder.path);
    write_in(&f->house.folder, "image", buf_view(&content));
}

static int setup(void **state)
{
    struct fixture *f = malloc(sizeof *f);
    fixture_start(f, &test_limits, 4);
    make_file(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_stop(*state);
    free(*state);
    return 0;
}

static int forget(void **state)
{
    struct fixture *f = *state;
    atomic_store(&f->api.sent_bytes, 0);
    atomic_store(&f->api.sent_files, 0);
    return 0;
}

static struct client client_tls(const struct fixture *f)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    struct client c = {.fd = connect_to(f, LISTENER_DEVICE), .ssl = SSL_new(context)};
    SSL_CTX_free(context);
    SSL_set_fd(c.ssl, c.fd);
    assert_int_equal(SSL_connect(c.ssl), 1);
    return c;
}

static void ask(struct client *c, size_t at, size_t size, const char *more)
{
    AUTO_VAL(buf) text = {0};
    assert_ok(buf_printf(&text, "GET /file?at=%zu&size=%zu HTTP/1.1\r\nHost: x\r\n%s\r\n", at, size, more));
    client_say(c, buf_str(&text));
}

static void assert_region(const struct buf *body, size_t at, size_t size)
{
    assert_int_equal(body->n, size);
    for (size_t i = 0; i < size; i++) {
        if (body->p[i] != byte_at(at + i)) {
            fail_msg("byte %zu of %zu at %zu differs", i, size, at);
        }
    }
}

static const size_t regions[][2] = {{0, FILE_SIZE},
                                    {0, 1},
                                    {FILE_SIZE - 1, 1},
                                    {4095, 2},
                                    {1, 15 * 1024},
                                    {7, 15361},
                                    {16384, 16384},
                                    {5, 16385},
                                    {100000, 70000},
                                    {12345, 99999},
                                    {FILE_SIZE - 20000, 20000},
                                    {3, 0}};
enum { REGIONS = sizeof regions / sizeof regions[0] };

static void take_regions(struct client *c)
{
    AUTO_VAL(buf) body = {0};
    for (size_t i = 0; i < REGIONS; i++) {
        ask(c, regions[i][0], regions[i][1], "");
        assert_int_equal(client_response(c, &body), 200);
        assert_region(&body, regions[i][0], regions[i][1]);
        assert_int_equal(client_get(c, i % 2 == 0 ? "/loop" : "/work", &body), 200);
        assert_string_equal(buf_str(&body), "hello");
    }
}

static void test_regions_and_other_answers_by_turns(void **state)
{
    struct fixture *f = fixture_of(state);
    struct client c = client_plain(f);
    take_regions(&c);
    client_close(&c);
    c = client_tls(f);
    take_regions(&c);
    client_close(&c);
    long long size = 0;
    for (size_t i = 0; i < REGIONS; i++) {
        size += (long long)(2 * regions[i][1]);
    }
    wait_until(atomic_load(&f->api.sent_files) == 2 * REGIONS);
    assert_int_equal(atomic_load(&f->api.sent_bytes), size);
}

/* All of them asked for at once: each answer begins behind the file before it. */
static void test_pipelined(void **state)
{
    struct fixture *f = fixture_of(state);
    AUTO_VAL(buf) body = {0};
    for (int turn = 0; turn < 2; turn++) {
        struct client c = turn == 0 ? client_plain(f) : client_tls(f);
        for (size_t i = 0; i < REGIONS; i++) {
            ask(&c, regions[i][0], regions[i][1], "");
            client_say(&c, "HEAD /file HTTP/1.1\r\nHost: x\r\n\r\nGET /loop HTTP/1.1\r\nHost: x\r\n\r\n");
        }
        for (size_t i = 0; i < REGIONS; i++) {
            assert_int_equal(client_response(&c, &body), 200);
            assert_region(&body, regions[i][0], regions[i][1]);
            char head[2048] = "";
            size_t n = 0;
            while (n + 1 < sizeof head && strstr(head, "\r\n\r\n") == NULL) {
                assert_int_equal(client_read(&c, head + n++, 1), 1);
            }
            assert_has(head, "Content-Length: 3000001\r\n");
            assert_int_equal(client_response(&c, &body), 200);
            assert_string_equal(buf_str(&body), "hello");
        }
        client_close(&c);
    }
}

/* What cannot be a request, right behind one for a file: the file is whole, then comes the refusal, and the
 * end. */
static void test_garbage_behind_a_file(void **state)
{
    static const char *const garbage[] = {"GET /loop HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n",
                                          "GET  /loop HTTP/1.1\r\nHost: x\r\n\r\n",
                                          "GET /loop HTTP/9.9\r\nHost: x\r\n\r\n",
                                          "BREW /loop HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\n\r\n"};
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        struct client c = client_plain(fixture_of(state));
        AUTO_VAL(buf) body = {0};
        AUTO_VAL(buf) rest = {0};
        ask(&c, 5, 2000000, "");
        client_say(&c, garbage[i]);
        assert_int_equal(client_response(&c, &body), 200);
        assert_region(&body, 5, 2000000);
        client_read_all(&c, &rest);
        if (strncmp(buf_str(&rest), "HTTP/1.1 4", 10) != 0 &&
            strncmp(buf_str(&rest), "HTTP/1.1 5", 10) != 0) {
            fail_msg("%s got %s", garbage[i], buf_str(&rest));
        }
        client_close(&c);
    }
}

static void test_last_answer_of_a_connection(void **state)
{
    struct fixture *f = fixture_of(state);
    for (int turn = 0; turn < 4; turn++) {
        struct client c = turn % 2 == 0 ? client_plain(f) : client_tls(f);
        AUTO_VAL(buf) all = {0};
        if (turn < 2) {
            ask(&c, 1, 1000000, "Connection: close\r\n");
        } else {
            client_say(&c, "GET /file?at=1&size=1000000 HTTP/1.0\r\n\r\n");
        }
        client_read_all(&c, &all);
        const char *end = strstr(buf_str(&all), "\r\n\r\n");
        assert_non_null(end);
        struct buf body = {.p = all.p + (end + 4 - buf_str(&all))};
        body.n = all.n - (size_t)(body.p - all.p);
        assert_region(&body, 1, 1000000);
        client_close(&c);
    }
}

/* A client that says that it has no more to ask still gets all of it. */
static void test_half_closed(void **state)
{
    struct client c = client_plain(fixture_of(state));
    AUTO_VAL(buf) body = {0};
    ask(&c, 0, FILE_SIZE, "");
    assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
    assert_int_equal(client_response(&c, &body), 200);
    assert_region(&body, 0, FILE_SIZE);
    client_close(&c);
}

/* Clients that leave in the middle, with another request behind it: told once each, and never as whole. */
static void test_clients_that_leave(void **state)
{
    struct fixture *f = fixture_of(state);
    char some[1000];
    for (int i = 0; i < 20; i++) {
        struct client c = i % 2 == 0 ? client_plain(f) : client_tls(f);
        int small = 4096;
        setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        ask(&c, 0, FILE_SIZE, "");
        ask(&c, 9, FILE_SIZE - 9, "");
        assert_true(client_read(&c, some, sizeof some) > 0);
        client_close(&c);
    }
    wait_until(atomic_load(&f->api.sent_files) >= 20);
    assert_true(atomic_load(&f->api.sent_bytes) < 40LL * (FILE_SIZE - 9));
    struct client c = client_plain(f);
    AUTO_VAL(buf) body = {0};
    assert_int_equal(client_get(&c, "/loop", &body), 200);
    client_close(&c);
}

/* A file that shrinks while it is sent ends its connection and nothing else. */
static void test_a_file_that_shrinks(void **state)
{
    struct fixture *f = fixture_of(state);
    assert_int_equal(truncate(f->api.file_path, LARGE_SIZE), 0); /* more than the kernel takes at once */
    struct client c = client_plain(f);
    char some[1000];
    AUTO_VAL(buf) rest = {0};
    ask(&c, 0, LARGE_SIZE, "");
    assert_true(client_read(&c, some, sizeof some) > 0);
    AUTO_VAL(buf) path = {0};
    assert_ok(buf_append_str(&path, f->api.file_path));
    assert_int_equal(truncate(buf_str(&path), 1000), 0);
    client_read_all(&c, &rest);
    client_close(&c);
    c = client_plain(f);
    AUTO_VAL(buf) body = {0};
    ask(&c, 900, 200, ""); /* a small one can still be told of */
    assert_int_equal(client_response(&c, &body), 500);
    assert_int_equal(client_get(&c, "/loop", &body), 200);
    client_close(&c);
    make_file(f);
}

/* The window is short here: what a whole minute shows in life shows in two seconds. A client that takes a
 * file slowly and steadily is served on, though the kernel moves for it in leaps; one that takes
 * nothing is cut. */
static void test_a_slow_client_is_measured_by_what_it_takes(void **state)
{
    (void)state;
    struct fixture *f = malloc(sizeof *f);
    struct server_limits limits = test_limits;
    limits.body_bytes_per_second = 200000;
    limits.rate_window_ms = 300;
    fixture_start(f, &limits, 4);
    make_file(f);
    assert_int_equal(truncate(f->api.file_path, LARGE_SIZE), 0);
    struct client idle = client_plain(f), slow = client_plain(f);
    ask(&idle, 0, LARGE_SIZE, "");
    ask(&slow, 0, LARGE_SIZE, "");
    char piece[60000];
    size_t taken = 0;
    while (taken < 2000000) {
        ssize_t n = client_read(&slow, piece, sizeof piece);
        assert_true(n > 0);
        taken += (size_t)n;
        sleep_ms(20); /* 3 MB a second at most */
    }
    wait_for_metric(f, "whorl_http_refused_total{reason=\"timeout\"} 1");
    client_close(&idle);
    assert_true(client_read(&slow, piece, sizeof piece) > 0);
    client_close(&slow);
    fixture_stop(f);
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_regions_and_other_answers_by_turns, forget),
        cmocka_unit_test(test_pipelined),
        cmocka_unit_test(test_garbage_behind_a_file),
        cmocka_unit_test(test_last_answer_of_a_connection),
        cmocka_unit_test(test_half_closed),
        cmocka_unit_test_setup(test_clients_that_leave, forget),
        cmocka_unit_test(test_a_file_that_shrinks),
        cmocka_unit_test(test_a_slow_client_is_measured_by_what_it_takes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
