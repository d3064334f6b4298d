/* Large and long bodies both ways: files, uploads through a sink, responses that are made while they are
 * sent; clients that leave; the graceful stop. */
#include "tests/unit/server/server_client.h"

#include <sys/resource.h>

enum { FILE_SIZE = 10 << 20, UPLOAD_SIZE = 50 << 20 };

static struct fixture *fixture_of(void **state)
{
    return *state;
}

static int setup(void **state)
{
    struct fixture *f = malloc(sizeof *f);
    struct server_limits limits = test_limits;
    limits.queue = 100;
    fixture_start(f, &limits, 4);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_stop(*state);
    free(*state);
    return 0;
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

static void assert_is_file(const struct buf *body)
{
    assert_int_equal(body->n, FILE_SIZE);
    for (size_t i = 0; i < FILE_SIZE; i++) {
        if (body->p[i] != byte_at(i)) {
            fail_msg("byte %zu differs", i);
        }
    }
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

static void test_file_plain_and_over_tls(void **state)
{
    struct fixture *f = fixture_of(state);
    AUTO_VAL(buf) body = {0};
    make_file(f);
    struct client c = client_plain(f);
    assert_int_equal(client_get(&c, "/file", &body), 200);
    assert_is_file(&body);
    assert_int_equal(client_get(&c, "/loop", &body), 200);
    client_close(&c);
    c = client_tls(f);
    assert_int_equal(client_get(&c, "/file", &body), 200);
    assert_is_file(&body);
    client_close(&c);
}

static void test_missing_and_empty_file(void **state)
{
    struct fixture *f = fixture_of(state);
    AUTO_VAL(buf) body = {0};
    struct client c = client_plain(f);
    (void)snprintf(f->api.file_path, sizeof f->api.file_path, "%s/none", f->house.folder.path);
    assert_int_equal(client_get(&c, "/file", &body), 500);
    write_in(&f->house.folder, "none", BYTES_NONE);
    assert_int_equal(client_get(&c, "/file", &body), 200);
    assert_int_equal(body.n, 0);
    client_close(&c);
}

/* A client that reads nothing must hold its own pieces only, and nobody else up. */
static void test_slow_reader_does_not_stop_others(void **state)
{
    struct fixture *f = fixture_of(state);
    AUTO_VAL(buf) body = {0};
    make_file(f);
    struct client slow[20];
    for (int i = 0; i < 20; i++) {
        slow[i] = client_plain(f);
        client_say(&slow[i], "GET /file HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    for (int i = 0; i < 20; i++) {
        struct client c = client_plain(f);
        assert_int_equal(client_get(&c, "/work", &body), 200);
        client_close(&c);
    }
    assert_int_equal(client_response(&slow[3], &body), 200);
    assert_is_file(&body);
    for (int i = 0; i < 20; i++) {
        client_close(&slow[i]);
    }
}

/* AddressSanitizer keeps what was freed; as little as possible, where memory is measured. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=1";
}

static long rss_kb(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static void upload(struct client *c, size_t size)
{
    AUTO_VAL(buf) head = {0};
    char piece[65536];
    memset(piece, 'x', sizeof piece);
    assert_ok(buf_printf(&head, "PUT /sink HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", size));
    client_say(c, buf_str(&head));
    for (size_t sent = 0; sent < size; sent += sizeof piece) {
        assert_true(client_send(c, piece, sizeof piece));
    }
}

static void test_upload_of_any_size_in_flat_memory(void **state)
{
    struct fixture *f = fixture_of(state);
    AUTO_VAL(buf) body = {0};
    struct client c = client_tls(f);
    upload(&c, 1 << 20);
    assert_int_equal(client_response(&c, &body), 200);
    assert_string_equal(buf_str(&body), "1048576");
    long before = rss_kb();
    upload(&c, UPLOAD_SIZE);
    assert_int_equal(client_response(&c, &body), 200);
    assert_string_equal(buf_str(&body), "52428800");
    assert_true(rss_kb() - before < 20000);
    client_close(&c);
}

static void test_upload_refused_before_and_within(void **state)
{
    struct fixture *f = fixture_of(state);
    AUTO_VAL(buf) body = {0};
    struct client c = client_plain(f);
    client_say(&c, "PUT /sink HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\nX-Refuse: 1\r\nExpect: "
                   "100-continue\r\n\r\n");
    assert_int_equal(client_response(&c, &body), 403); /* not a byte of it was wanted */
    client_close(&c);
    atomic_store(&f->api.sink_refuse_at, 200000);
    c = client_plain(f);
    client_say(&c, "PUT /sink HTTP/1.1\r\nHost: x\r\nContent-Length: 800000\r\n\r\n");
    char piece[8000] = {'x'};
    for (int i = 0; i < 100 && client_send(&c, piece, sizeof piece); i++) {
    }
    assert_int_equal(client_response(&c, &body), 422);
    assert_string_equal(buf_str(&body), "no more of this");
    client_close(&c);
    atomic_store(&f->api.sink_refuse_at, 0);
}

static void test_upload_given_up_is_aborted(void **state)
{
    struct fixture *f = fixture_of(state);
    int aborted = atomic_load(&f->api.aborted);
    struct client c = client_plain(f);
    char piece[100000] = {'x'};
    client_say(&c, "PUT /sink HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n");
    assert_true(client_send(&c, piece, sizeof piece));
    wait_until(atomic_load(&f->api.sink_bytes) > 0);
    client_close(&c);
    wait_until(atomic_load(&f->api.aborted) == aborted + 1);
}

static void read_until(struct client *c, struct buf *all, const char *word)
{
    char byte = 0;
    while (strstr(buf_str(all), word) == NULL) {
        assert_int_equal(client_read(c, &byte, 1), 1);
        assert_ok(buf_append(all, &byte, 1));
    }
}

static void feed_reset(struct fixture *f)
{
    pthread_mutex_lock(&f->api.feed.mutex);
    buf_clear(&f->api.feed.ready);
    f->api.feed.is_end = f->api.feed.is_freed = false;
    pthread_mutex_unlock(&f->api.feed.mutex);
}

static void test_stream_wakes_and_ends(void **state)
{
    struct fixture *f = fixture_of(state);
    AUTO_VAL(buf) all = {0};
    AUTO_VAL(buf) body = {0};
    feed_reset(f);
    struct client c = client_tls(f);
    client_say(&c, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    read_until(&c, &all, "\r\n\r\n");
    for (int i = 0; i < 100; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "event-%d;", i);
        feed_give(&f->api.feed, text, false);
        read_until(&c, &all, text);
    }
    feed_give(&f->api.feed, "last", true);
    read_until(&c, &all, "last\r\n0\r\n\r\n");
    wait_until(feed_is_freed(&f->api.feed));
    assert_int_equal(client_get(&c, "/loop", &body), 200);
    client_close(&c);
}

static void test_stream_whose_client_left_is_freed(void **state)
{
    struct fixture *f = fixture_of(state);
    for (int i = 0; i < 10; i++) {
        AUTO_VAL(buf) all = {0};
        feed_reset(f);
        struct client c = client_plain(f);
        client_say(&c, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
        feed_give(&f->api.feed, "hello", false);
        read_until(&c, &all, "hello");
        if (i % 2 == 0) {
            shutdown(c.fd, SHUT_WR);
        } else {
            client_close(&c);
        }
        wait_until(feed_is_freed(&f->api.feed));
        if (i % 2 == 0) {
            client_close(&c);
        }
    }
}

static void test_client_that_leaves_while_a_worker_has_it(void **state)
{
    struct fixture *f = fixture_of(state);
    AUTO_VAL(buf) body = {0};
    int handled = atomic_load(&f->api.handled);
    struct client gone[3];
    atomic_store(&f->api.gate, 0);
    for (int i = 0; i < 3; i++) {
        gone[i] = client_plain(f);
        client_say(&gone[i], "GET /gate HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    wait_until(atomic_load(&f->api.handled) == handled + 3);
    for (int i = 0; i < 3; i++) {
        struct linger hard = {.l_onoff = 1, .l_linger = 0};
        setsockopt(gone[i].fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        client_close(&gone[i]);
    }
    struct client c = client_plain(f);
    assert_int_equal(client_get(&c, "/work", &body), 200);
    atomic_store(&f->api.gate, 1);
    assert_int_equal(client_get(&c, "/gate", &body), 200);
    client_close(&c);
    AUTO_VAL(buf) text = {0};
    for (int i = 0; i < 1000 && strstr(buf_str(&text), "\nwhorl_connections 0\n") == NULL; i++) {
        buf_clear(&text);
        assert_ok(server_write_metrics(f->server, &text));
        sleep_ms(5);
    }
    assert_has(buf_str(&text), "\nwhorl_connections 0\n");
}

static void test_half_closed_client_gets_its_answer(void **state)
{
    struct client c = client_plain(fixture_of(state));
    AUTO_VAL(buf) all = {0};
    client_say(&c, "GET /work HTTP/1.1\r\nHost: x\r\n\r\n");
    shutdown(c.fd, SHUT_WR);
    client_read_all(&c, &all);
    assert_has(buf_str(&all), "hello");
    client_close(&c);
}

static void *stop_thread(void *context)
{
    fixture_stop(context);
    return NULL;
}

static void test_graceful_stop_answers_what_is_in_flight(void **state)
{
    (void)state;
    struct fixture *f = malloc(sizeof *f);
    AUTO_VAL(buf) all = {0};
    AUTO_VAL(buf) body = {0};
    pthread_t stopper;
    fixture_start(f, &test_limits, 2);
    struct client idle = client_plain(f), busy = client_plain(f), streaming = client_plain(f);
    assert_int_equal(client_get(&idle, "/loop", &body), 200);
    int handled = atomic_load(&f->api.handled);
    client_say(&busy, "GET /gate HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_until(atomic_load(&f->api.handled) == handled + 1);
    client_say(&streaming, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    feed_give(&f->api.feed, "begun", false);
    read_until(&streaming, &all, "\r\n\r\n");
    pthread_create(&stopper, NULL, stop_thread, f);
    client_read_all(&idle, &body);
    assert_int_equal(body.n, 5); /* what was there before */
    client_read_all(&streaming, &all);
    buf_clear(&all);
    atomic_store(&f->api.gate, 1);
    client_read_all(&busy, &all);
    assert_has(buf_str(&all), "through");
    assert_has(buf_str(&all), "Connection: close");
    pthread_join(stopper, NULL);
    client_close(&idle);
    client_close(&busy);
    client_close(&streaming);
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_plain_and_over_tls),
        cmocka_unit_test(test_missing_and_empty_file),
        cmocka_unit_test(test_slow_reader_does_not_stop_others),
        cmocka_unit_test(test_upload_of_any_size_in_flat_memory),
        cmocka_unit_test(test_upload_refused_before_and_within),
        cmocka_unit_test(test_upload_given_up_is_aborted),
        cmocka_unit_test(test_stream_wakes_and_ends),
        cmocka_unit_test(test_stream_whose_client_left_is_freed),
        cmocka_unit_test(test_client_that_leaves_while_a_worker_has_it),
        cmocka_unit_test(test_half_closed_client_gets_its_answer),
        cmocka_unit_test(test_graceful_stop_answers_what_is_in_flight),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
