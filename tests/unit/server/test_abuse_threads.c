/* Clients at their worst: cut off at every byte, gone in the middle of a stream, thousands of requests at
 * once, no descriptor left; and the stop while they are there. */
#include "tests/unit/server/server_client.h"

#include <sys/resource.h>

static struct fixture *fixture_of(void **state)
{
    return *state;
}

static int setup(void **state)
{
    struct fixture *f = malloc(sizeof *f);
    struct server_limits limits = test_limits;
    limits.queue = 1000;
    limits.header_ms = 1000;
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

static int count_of(const struct buf *text, const char *word)
{
    int count = 0;
    for (const char *at = buf_str(text); (at = strstr(at, word)) != NULL; at++) {
        count++;
    }
    return count;
}

/* --- the last answer is the last */

#define CHUNKED "Host: x\r\nTransfer-Encoding: chunked\r\n\r\n"

static const struct {
    const char *first, *second; /* the second is refused by the filter, or not to be read any more */
    int status;
} lasts[] = {
    {"GET /work HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "\n\n", 200},
    {"GET /loop HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "\n\n", 200},
    {"GET /work HTTP/1.1\r\nHost: x\r\nConnection: te, Close\r\n\r\n", "bad\n", 200},
    {"GET /work HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET /work HTTP/1.1\r\nHost: x\r\n\r\n",
     200},
    {"GET /loop HTTP/1.0\r\n\r\n", "\n\n", 200},
    {"POST /loop HTTP/1.1\r\n" CHUNKED, "zz\r\n", 405},
    {"POST /none HTTP/1.1\r\n" CHUNKED "3\r\nabc\r\n", "zz\r\n", 404},
    {"POST /none HTTP/1.1\r\n" CHUNKED "3\r\nabc", "\n", 404},
    {"PUT /sink HTTP/1.1\r\nX-Nobody: 1\r\n" CHUNKED "3\r\nabc\r\n", "zz\r\n", 401},
    {"POST /large HTTP/1.1\r\nX-Nobody: 1\r\n" CHUNKED "3\r\nabc\r\n", "zz\r\n", 401},
    {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\nabc", "abc", 413},
};

static void test_nothing_follows_the_last_answer(void **state)
{
    for (size_t i = 0; i < 3 * sizeof lasts / sizeof lasts[0]; i++) {
        AUTO_VAL(buf) all = {0};
        size_t row = i / 3, pause = i % 3;
        struct client c = client_plain(fixture_of(state));
        assert_ok(buf_append_str(&all, lasts[row].first));
        if (pause == 0) {
            assert_ok(buf_append_str(&all, lasts[row].second));
        }
        client_say(&c, buf_str(&all));
        if (pause != 0) {
            sleep_ms(pause == 1 ? 1 : 30);
            (void)send(c.fd, lasts[row].second, strlen(lasts[row].second), MSG_NOSIGNAL);
        }
        buf_clear(&all);
        client_read_all(&c, &all);
        bool is_good = all.n > 9 && atoi(buf_str(&all) + 9) == lasts[row].status;
        if (!is_good && pause == 0 && count_of(&all, "HTTP/1.") == 1) {
            is_good = atoi(buf_str(&all) + 9) == 400; /* it came in one piece with what is bad */
        }
        if (!is_good || count_of(&all, "HTTP/1.") != 1) {
            fail_msg("row %zu.%zu: %s", row, pause, buf_str(&all));
        }
        assert_has(buf_str(&all), "Connection: close");
        client_close(&c);
    }
}

static void test_a_large_body_is_not_kept_for_a_stranger(void **state)
{
    struct fixture *f = fixture_of(state);
    AUTO_VAL(buf) body = {0};
    AUTO_VAL(buf) big = {0};
    struct client c = client_plain(f);
    client_say(&c, "POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\nX-Nobody: 1\r\n\r\n");
    assert_int_equal(client_response(&c, &body), 401); /* before a byte of it was sent */
    client_close(&c);
    c = client_plain(f);
    assert_ok(buf_reserve(&big, 3000000));
    memset(big.p, 'x', 3000000);
    big.n = 3000000;
    int admitted = atomic_load(&f->api.admitted);
    client_say(&c, "POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n");
    assert_true(client_send(&c, big.p, big.n));
    assert_int_equal(client_response(&c, &body), 200);
    assert_int_equal(body.n, 3000000);
    assert_int_equal(atomic_load(&f->api.admitted), admitted + 1);
    client_close(&c);
}

/* --- cut off */

enum way { WAY_CLOSE, WAY_RESET, WAY_HALF, WAY_COUNT };

static void leave(int fd, enum way way)
{
    char rest[512];
    if (way == WAY_RESET) {
        struct linger hard = {.l_onoff = 1, .l_linger = 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    } else if (way == WAY_HALF) {
        shutdown(fd, SHUT_WR);
        while (recv(fd, rest, sizeof rest, 0) > 0) { /* the server ends it */
        }
    }
    close(fd);
}

static const char whole[] = "PUT /sink HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
                            "0\r\n\r\nGET /work HTTP/1.1\r\nHost: x\r\n\r\n";

static void test_cut_at_every_byte(void **state)
{
    struct fixture *f = fixture_of(state);
    AUTO_VAL(buf) body = {0};
    for (size_t n = 0; n < sizeof whole; n++) {
        for (enum way way = WAY_CLOSE; way < WAY_COUNT; way++) {
            int fd = connect_to(f, LISTENER_PUBLIC);
            assert_int_equal(send(fd, whole, n, MSG_NOSIGNAL), n);
            leave(fd, way);
        }
    }
    wait_for_metric(f, "\nwhorl_connections 0\n");
    struct client c = client_plain(f);
    assert_int_equal(client_get(&c, "/work", &body), 200);
    client_close(&c);
}

/* Moves what the TLS client wants to send, at most `left` bytes of it. */
static void pump_out(SSL *ssl, int fd, size_t *left)
{
    char bytes[4096];
    size_t most = *left < sizeof bytes ? *left : sizeof bytes;
    int n = most > 0 ? BIO_read(SSL_get_wbio(ssl), bytes, (int)most) : 0;
    if (n > 0) {
        assert_int_equal(send(fd, bytes, (size_t)n, MSG_NOSIGNAL), n);
        *left -= (size_t)n;
    }
}

/* Handshake and request over memory, of which the server gets `cut` bytes. @return all was sent */
static bool tls_cut(const struct fixture *f, SSL_CTX *context, size_t cut, enum way way)
{
    SSL *ssl = SSL_new(context);
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl);
    int fd = connect_to(f, LISTENER_DEVICE);
    size_t left = cut;
    char bytes[8192];
    while (left > 0 && SSL_do_handshake(ssl) != 1) {
        pump_out(ssl, fd, &left);
        ssize_t n = left > 0 ? recv(fd, bytes, sizeof bytes, 0) : 0;
        if (n <= 0) {
            break;
        }
        BIO_write(SSL_get_rbio(ssl), bytes, (int)n);
    }
    if (SSL_is_init_finished(ssl)) {
        SSL_write(ssl, whole, sizeof whole - 1);
        pump_out(ssl, fd, &left);
    }
    bool is_all = left > 0;
    leave(fd, way);
    SSL_free(ssl);
    return is_all;
}

static void test_cut_at_every_byte_of_tls(void **state)
{
    struct fixture *f = fixture_of(state);
    AUTO_VAL(buf) body = {0};
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_use_certificate(context, f->device);
    SSL_CTX_use_PrivateKey(context, f->device_key);
    bool is_all = false;
    size_t cut = 0;
    for (; cut < 10000 && !is_all; cut++) {
        /* every third byte of the long handshake, every byte of the record behind it */
        cut += cut < 900 ? 2 : 0;
        is_all = tls_cut(f, context, cut, (enum way)(cut / 3 % WAY_COUNT));
    }
    SSL_CTX_free(context);
    assert_true(is_all && cut > 700);
    wait_for_metric(f, "\nwhorl_connections 0\n");
    struct client c = client_plain(f);
    assert_int_equal(client_get(&c, "/work", &body), 200);
    client_close(&c);
}

/* A source that has nothing to say notices nothing by itself: the client's leaving must be seen, whatever it
 * sent before. */
static void test_a_silent_stream_is_freed_however_its_client_left(void **state)
{
    struct fixture *f = fixture_of(state);
    AUTO_VAL(buf) flood = {0};
    while (flood.n < 1000000) {
        assert_ok(buf_append_str(&flood, "GET /loop HTTP/1.1\r\nHost: x\r\n\r\n"));
    }
    for (int i = 0; i < 4; i++) {
        pthread_mutex_lock(&f->api.feed.mutex);
        f->api.feed.is_end = f->api.feed.is_freed = false;
        pthread_mutex_unlock(&f->api.feed.mutex);
        int fd = connect_to(f, LISTENER_PUBLIC);
        const char request[] = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";
        assert_int_equal(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
        sleep_ms(i % 2 == 0 ? 0 : 50);
        if (i < 2) {
            (void)send(fd, "\n\n", 2, MSG_NOSIGNAL);
        } else {
            (void)send(fd, flood.p, flood.n, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
        close(fd);
        wait_until(feed_is_freed(&f->api.feed));
    }
}

/* --- many */

enum { FLOOD = 5000 };

static void *flood_thread(void *context)
{
    struct client *c = context;
    AUTO_VAL(buf) all = {0};
    for (int i = 0; i < FLOOD; i++) {
        assert_ok(
            buf_printf(&all, "GET /%s/n%d HTTP/1.1\r\nHost: x\r\n\r\n", i % 9 == 0 ? "none" : "things", i));
    }
    assert_true(client_send(c, all.p, all.n));
    return NULL;
}

static void test_thousands_of_pipelined_requests(void **state)
{
    struct client c = client_plain(fixture_of(state));
    AUTO_VAL(buf) body = {0};
    pthread_t sender;
    pthread_create(&sender, NULL, flood_thread, &c);
    for (int i = 0; i < FLOOD; i++) {
        char expected[16];
        (void)snprintf(expected, sizeof expected, "n%d", i);
        assert_int_equal(client_response(&c, &body), i % 9 == 0 ? 404 : 200);
        if (i % 9 != 0) {
            assert_string_equal(buf_str(&body), expected);
        }
    }
    pthread_join(sender, NULL);
    client_close(&c);
}

static void test_without_descriptors_nothing_spins(void **state)
{
    struct fixture *f = fixture_of(state);
    AUTO_VAL(buf) body = {0};
    struct client c = client_plain(f), waiting = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(client_get(&c, "/work", &body), 200);
    int lowest = dup(c.fd); /* no descriptor from this one on */
    close(lowest);
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)lowest;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct sockaddr_in to;
    socklen_t size = sizeof to;
    assert_int_equal(getpeername(c.fd, (struct sockaddr *)&to, &size), 0);
    assert_int_equal(connect(waiting.fd, (struct sockaddr *)&to, sizeof to), 0);
    client_say(&waiting, "GET /work HTTP/1.1\r\nHost: x\r\n\r\n");
    clock_t began = clock();
    sleep_ms(500);
    clock_t spent = clock() - began;
    assert_int_equal(client_get(&c, "/work", &body), 200); /* those who are in are served */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(spent < CLOCKS_PER_SEC / 4);
    assert_int_equal(client_response(&waiting, &body), 200);
    client_close(&waiting);
    client_close(&c);
}

/* --- the stop, while they are there */

static void test_stop_among_the_slow(void **state)
{
    (void)state;
    struct fixture *f = malloc(sizeof *f);
    AUTO_VAL(buf) content = {0};
    fixture_start(f, &test_limits, 2);
    assert_ok(buf_reserve(&content, 20 << 20));
    memset(content.p, 'x', 20 << 20);
    content.n = 20 << 20;
    write_in(&f->house.folder, "big", buf_view(&content));
    (void)snprintf(f->api.file_path, sizeof f->api.file_path, "%s/big", f->house.folder.path);
    int silent = connect_to(f, LISTENER_DEVICE);
    struct client head = client_plain(f), upload = client_plain(f), deaf = client_plain(f);
    client_say(&head, "GET /work HTTP/1.1\r\nHo");
    client_say(&upload, "PUT /sink HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\nabc");
    client_say(&deaf, "GET /file HTTP/1.1\r\nHost: x\r\n\r\n");
    sleep_ms(100);
    int64_t began_ms = clock_monotonic_ms(clock_system());
    fixture_stop(f);
    int64_t took_ms = clock_monotonic_ms(clock_system()) - began_ms;
    assert_true(took_ms < 15000); /* their deadlines, not the grace of the stop */
    assert_int_equal(atomic_load(&f->api.aborted), 1);
    AUTO_VAL(buf) all = {0};
    client_read_all(&head, &all);
    assert_has(buf_str(&all), "HTTP/1.1 408");
    close(silent);
    client_close(&head);
    client_close(&upload);
    client_close(&deaf);
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_follows_the_last_answer),
        cmocka_unit_test(test_a_large_body_is_not_kept_for_a_stranger),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_cut_at_every_byte_of_tls),
        cmocka_unit_test(test_a_silent_stream_is_freed_however_its_client_left),
        cmocka_unit_test(test_thousands_of_pipelined_requests),
        cmocka_unit_test(test_without_descriptors_nothing_spins),
        cmocka_unit_test(test_stop_among_the_slow),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
