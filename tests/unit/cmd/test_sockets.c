/* Sockets of a service manager: whose they are, which listener each is for, and what is refused. The first
 * test puts real descriptors where the protocol has them, from 3 on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmd/whorld/sockets.h"

#define OWN "77"

#define assert_ok(expression)                                                                                \
    do {                                                                                                     \
        err_t got_ = (expression);                                                                           \
        if (got_.code != ERR_OK) {                                                                           \
            fail_msg("%s: %s", err_slug(got_.code), got_.detail);                                            \
        }                                                                                                    \
    } while (0)
#define assert_refused(expression, part)                                                                     \
    do {                                                                                                     \
        err_t got_ = (expression);                                                                           \
        assert_int_equal(got_.code, ERR_UNPROCESSABLE);                                                      \
        if (strstr(got_.detail, (part)) == NULL) {                                                           \
            fail_msg("\"%s\" is not in \"%s\"", (part), got_.detail);                                        \
        }                                                                                                    \
    } while (0)

static int listening(char port[16])
{
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof in4;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&in4, sizeof in4), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in4, &size), 0);
    (void)snprintf(port, 16, "%u", ntohs(in4.sin_port));
    return fd;
}

/* Real ones at 3 and 4; whatever was there is put back. */
static void test_descriptors_from_three_on(void **state)
{
    (void)state;
    const struct socket_words words = {.pid = OWN, .fds = "2", .names = "device:whorld.socket"};
    struct sockets sockets;
    char port[16];
    int kept[2] = {fcntl(3, F_DUPFD, 100), fcntl(4, F_DUPFD, 100)};
    int fd = listening(port);
    assert_true(dup2(fd, 103) == 103 && dup2(103, 3) == 3 && dup2(103, 4) == 4);
    assert_ok(sockets_read(&words, 77, &sockets));
    assert_int_equal(sockets.count, 2);
    assert_int_equal(sockets.fds[0], 3);
    assert_int_equal(sockets.fds[1], 4);
    assert_string_equal(sockets.names[0], "device");
    assert_string_equal(sockets.names[1], "whorld.socket");
    assert_int_equal(fcntl(3, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(4, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    const struct socket_words wrong = {.pid = OWN, .fds = "2", .names = "device"};
    assert_refused(sockets_read(&wrong, 77, &sockets), "1 names, LISTEN_FDS says 2");
    const struct socket_words unnamed = {.pid = OWN, .fds = "2"};
    assert_ok(sockets_read(&unnamed, 77, &sockets));
    assert_string_equal(sockets.names[1], "");
    close(103);
    for (int i = 0; i < 2; i++) {
        close(3 + i);
        if (kept[i] >= 0) {
            assert_int_equal(dup2(kept[i], 3 + i), 3 + i);
            close(kept[i]);
        }
    }
}

static void test_words(void **state)
{
    (void)state;
    struct sockets sockets;
    static const struct socket_words none[] = {
        {0},
        {.pid = OWN},
        {.fds = "1", .names = "device"},
        {.pid = "78", .fds = "1", .names = "device"}, /* for another process */
        {.pid = "78", .fds = "garbage"},
        {.pid = OWN, .fds = "0"},
        {.pid = OWN, .fds = "0", .names = "device"},
    };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_ok(sockets_read(&none[i], 77, &sockets));
        assert_int_equal(sockets.count, 0);
    }
    static const char *const numbers[] = {"x", "-1", "1x", "17", "99999999999999999999", " 1"};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const struct socket_words words = {.pid = OWN, .fds = numbers[i]};
        assert_refused(sockets_read(&words, 77, &sockets), "LISTEN_FDS");
    }
    const struct socket_words pid = {.pid = "me", .fds = "1"};
    assert_refused(sockets_read(&pid, 77, &sockets), "LISTEN_PID");
}

struct given {
    struct sockets sockets;
    struct config config;
    char ports[3][16];
};

static void give(struct given *g, const char *const names[3])
{
    config_defaults(&g->config);
    g->sockets = (struct sockets){.count = 3};
    for (int i = 0; i < 3; i++) {
        g->sockets.fds[i] = listening(g->ports[i]);
        (void)snprintf(g->sockets.names[i], sizeof g->sockets.names[i], "%s", names[i]);
    }
}

static void set_port(char address[CONFIG_TEXT_SIZE], const char *port)
{
    (void)snprintf(address, CONFIG_TEXT_SIZE, "0.0.0.0:%s", port);
}

static void put_back(struct given *g)
{
    for (int i = 0; i < 3; i++) {
        close(g->sockets.fds[i]);
    }
}

static void test_by_name(void **state)
{
    (void)state;
    struct given g;
    int out[SOCKETS_ROLES];
    give(&g, (const char *const[3]){"public", "device", "management"});
    set_port(g.config.public_listen, g.ports[1]); /* the name says more than the port */
    assert_ok(sockets_assign(&g.sockets, &g.config, out));
    assert_int_equal(out[0], g.sockets.fds[1]);
    assert_int_equal(out[1], g.sockets.fds[2]);
    assert_int_equal(out[2], g.sockets.fds[0]);
    put_back(&g);
}

static void test_by_port(void **state)
{
    (void)state;
    struct given g;
    int out[SOCKETS_ROLES];
    give(&g, (const char *const[3]){"whorld.socket", "whorld.socket", ""});
    set_port(g.config.device_listen, g.ports[2]);
    set_port(g.config.management_listen, g.ports[0]);
    set_port(g.config.public_listen, g.ports[1]);
    assert_ok(sockets_assign(&g.sockets, &g.config, out));
    assert_int_equal(out[0], g.sockets.fds[2]);
    assert_int_equal(out[1], g.sockets.fds[0]);
    assert_int_equal(out[2], g.sockets.fds[1]);
    set_port(g.config.device_listen, g.ports[0]); /* now two settings have that port */
    assert_refused(sockets_assign(&g.sockets, &g.config, out), "for no listener");
    put_back(&g);
}

static void test_some_are_enough(void **state)
{
    (void)state;
    struct given g;
    int out[SOCKETS_ROLES];
    give(&g, (const char *const[3]){"management", "x", "x"});
    g.sockets.count = 1;
    assert_ok(sockets_assign(&g.sockets, &g.config, out));
    assert_int_equal(out[0], 0);
    assert_int_equal(out[1], g.sockets.fds[0]);
    assert_int_equal(out[2], 0);
    g.sockets.count = 0;
    assert_ok(sockets_assign(&g.sockets, &g.config, out));
    assert_int_equal(out[1], 0);
    put_back(&g);
}

static void test_refused(void **state)
{
    (void)state;
    struct given g;
    int out[SOCKETS_ROLES];
    give(&g, (const char *const[3]){"device", "admin", "device"});
    assert_refused(sockets_assign(&g.sockets, &g.config, out), "\"admin\": 127.0.0.1:");
    assert_refused(sockets_assign(&g.sockets, &g.config, out), "device, management or public");
    (void)snprintf(g.sockets.names[1], sizeof g.sockets.names[1], "public");
    assert_refused(sockets_assign(&g.sockets, &g.config, out), "a second one for device");
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    int kept = g.sockets.fds[0];
    g.sockets.fds[0] = udp;
    assert_refused(sockets_assign(&g.sockets, &g.config, out), "stream");
    g.sockets.fds[0] = kept;
    close(udp);
    put_back(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descriptors_from_three_on),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_by_name),
        cmocka_unit_test(test_by_port),
        cmocka_unit_test(test_some_are_enough),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
