/* Listening sockets that were made before the server: what is taken and what is not, that both loops get
 * connections from one, and that who connects between two servers is answered by the second. */
#include "tests/unit/server/server_client.h"

enum { CLIENTS = 80 };

static int listening(int type, bool listens)
{
    const struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&in4, sizeof in4), 0);
    if (listens) {
        assert_int_equal(listen(fd, 1024), 0);
    }
    return fd;
}

static int setup(void **state)
{
    struct fixture *f = malloc(sizeof *f);
    *f = (struct fixture){0};
    pthread_mutex_init(&f->api.feed.mutex, NULL);
    test_house_init(&f->house, KEY_ALG_P256);
    make_tls(f, NULL, &f->tls);
    fixture_identities(f);
    f->sockets[0] = listening(SOCK_STREAM, true);
    f->sockets[1] = listening(SOCK_STREAM, true);
    fixture_serve(f, &test_limits, 2);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    int sockets[2] = {f->sockets[0], f->sockets[1]};
    fixture_stop(f);
    close(sockets[0]);
    close(sockets[1]);
    free(f);
    return 0;
}

static void test_bound_where_the_socket_is(void **state)
{
    const struct fixture *f = *state;
    char bound[56];
    assert_ok(server_socket_read(f->sockets[1], bound, sizeof bound));
    assert_string_equal(server_address(f->server, LISTENER_PUBLIC), bound);
    assert_memory_equal(bound, "127.0.0.1:", 10);
    assert_ok(server_socket_read(f->sockets[0], bound, sizeof bound));
    assert_string_equal(server_address(f->server, LISTENER_DEVICE), bound);
    assert_string_equal(server_address(f->server, LISTENER_MANAGEMENT), ""); /* neither address nor socket */
}

/* Connections that stay open, so that the loop that holds more is the busier one. */
static void test_loops_share_it(void **state)
{
    const struct fixture *f = *state;
    struct client clients[CLIENTS];
    long first = 0;
    int of_first = 0;
    AUTO_VAL(buf) body = {0};
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = client_plain(f);
    }
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(client_get(&clients[i], "/where", &body), 200);
        long thread = strtol(buf_str(&body), NULL, 10);
        first = i == 0 ? thread : first;
        of_first += thread == first ? 1 : 0;
        client_close(&clients[i]);
    }
    assert_in_range(of_first, CLIENTS / 4, CLIENTS - CLIENTS / 4);
}

static void test_backlog_outlives_the_server(void **state)
{
    struct fixture *f = *state;
    AUTO_VAL(buf) body = {0};
    struct client before = client_plain(f);
    assert_int_equal(client_get(&before, "/work", &body), 200);
    client_close(&before);
    const struct server *gone = f->server;
    char address[56];
    (void)snprintf(address, sizeof address, "%s", server_address(gone, LISTENER_PUBLIC));
    int told = atomic_load(&f->stopping);
    fixture_end_server(f);
    assert_int_equal(atomic_load(&f->stopping), told + 1); /* told once, whatever the number of loops */

    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    in4.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
    struct client between = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(connect(between.fd, (struct sockaddr *)&in4, sizeof in4), 0);
    client_say(&between, "GET /work HTTP/1.1\r\nHost: x\r\n\r\n");
    fixture_serve(f, &test_limits, 2);
    assert_string_equal(server_address(f->server, LISTENER_PUBLIC), address);
    assert_int_equal(client_response(&between, &body), 200);
    client_close(&between);
}

/* A loop that is held up is noticed; one that has ended is not. */
static void test_turning(void **state)
{
    struct fixture *f = *state;
    AUTO_VAL(buf) body = {0};
    assert_true(server_is_turning(f->server, 10000));
    struct client c = client_plain(f);
    client_say(&c, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    bool was_missed = false;
    for (int i = 0; i < 100 && !was_missed; i++) {
        sleep_ms(5);
        was_missed = !server_is_turning(f->server, 300);
    }
    assert_true(was_missed);
    assert_int_equal(client_response(&c, &body), 200);
    client_close(&c);
    wait_until(server_is_turning(f->server, 300));
}

static void test_what_is_no_listening_socket(void **state)
{
    (void)state;
    char bound[56];
    int pair[2];
    int unix_pair[2];
    int datagram = listening(SOCK_DGRAM, false);
    int silent = listening(SOCK_STREAM, false);
    assert_int_equal(pipe(pair), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, unix_pair), 0);
    assert_error(server_socket_read(pair[0], bound, sizeof bound), ERR_UNPROCESSABLE, "no socket");
    assert_error(server_socket_read(unix_pair[0], bound, sizeof bound), ERR_UNPROCESSABLE, "IPv4 or IPv6");
    assert_error(server_socket_read(datagram, bound, sizeof bound), ERR_UNPROCESSABLE, "stream");
    assert_error(server_socket_read(silent, bound, sizeof bound), ERR_UNPROCESSABLE, "does not listen");
    assert_error(server_socket_read(1000, bound, sizeof bound), ERR_UNPROCESSABLE, "no socket");
    close(pair[0]);
    close(pair[1]);
    close(unix_pair[0]);
    close(unix_pair[1]);
    close(datagram);
    close(silent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bound_where_the_socket_is),   cmocka_unit_test(test_loops_share_it),
        cmocka_unit_test(test_backlog_outlives_the_server), cmocka_unit_test(test_turning),
        cmocka_unit_test(test_what_is_no_listening_socket),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
