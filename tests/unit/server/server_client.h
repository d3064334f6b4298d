/* Clients that write bytes as they are, with or without TLS. */
#ifndef WHORL_TESTS_SERVER_CLIENT_H
#define WHORL_TESTS_SERVER_CLIENT_H

#include "tests/unit/server/server_fixture.h"

struct client {
    int fd;
    SSL *ssl;
};

/** Waits up to 10 s for a line of the metrics. */
static inline void wait_for_metric(const struct fixture *f, const char *line)
{
    AUTO_VAL(buf) text = {0};
    for (int i = 0; i < 2000 && strstr(buf_str(&text), line) == NULL; i++) {
        buf_clear(&text);
        assert_ok(server_write_metrics(f->server, &text));
        sleep_ms(5);
    }
    assert_has(buf_str(&text), line);
}

static inline int connect_to(const struct fixture *f, enum listener listener)
{
    const char *address = server_address(f->server, listener);
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    in4.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval limit = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(fd, (struct sockaddr *)&in4, sizeof in4), 0);
    return fd;
}

static inline struct client client_plain(const struct fixture *f)
{
    return (struct client){.fd = connect_to(f, LISTENER_PUBLIC)};
}

static inline void client_close(struct client *c)
{
    SSL_free(c->ssl);
    close(c->fd);
    *c = (struct client){.fd = -1};
}

static inline ssize_t client_read(struct client *c, void *out, size_t size)
{
    return c->ssl != NULL ? SSL_read(c->ssl, out, (int)size) : recv(c->fd, out, size, 0);
}

static inline bool client_send(struct client *c, const void *p, size_t n)
{
    const char *at = p;
    while (n > 0) {
        ssize_t put = c->ssl != NULL ? SSL_write(c->ssl, at, (int)n) : send(c->fd, at, n, MSG_NOSIGNAL);
        if (put <= 0) {
            return false;
        }
        at += put;
        n -= (size_t)put;
    }
    return true;
}

static inline void client_say(struct client *c, const char *text)
{
    assert_true(client_send(c, text, strlen(text)));
}

/** Everything until the server closes. */
static inline void client_read_all(struct client *c, struct buf *out)
{
    char chunk[16384];
    ssize_t n = 0;
    while ((n = client_read(c, chunk, sizeof chunk)) > 0) {
        assert_ok(buf_append(out, chunk, (size_t)n));
    }
}

/** One response with a Content-Length. @return its status, 0 when the connection ended; the body in `body` */
static inline int client_response(struct client *c, struct buf *body)
{
    AUTO_VAL(buf) head = {0};
    char byte = 0;
    buf_clear(body);
    while (strstr(buf_str(&head), "\r\n\r\n") == NULL) {
        if (client_read(c, &byte, 1) != 1) {
            return 0;
        }
        assert_ok(buf_append(&head, &byte, 1));
    }
    const char *length = strcasestr(buf_str(&head), "content-length: ");
    assert_true(length == NULL || strcasestr(length + 16, "content-length: ") == NULL); /* told once */
    size_t left = length != NULL ? strtoul(length + 16, NULL, 10) : 0;
    while (left > 0) {
        char chunk[16384];
        ssize_t n = client_read(c, chunk, left < sizeof chunk ? left : sizeof chunk);
        if (n <= 0) {
            return 0;
        }
        assert_ok(buf_append(body, chunk, (size_t)n));
        left -= (size_t)n;
    }
    return atoi(buf_str(&head) + 9);
}

static inline int client_get(struct client *c, const char *path, struct buf *body)
{
    AUTO_VAL(buf) text = {0};
    assert_ok(buf_printf(&text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path));
    client_say(c, buf_str(&text));
    return client_response(c, body);
}

#endif
