/* A server of one answer on a loopback port, on a thread of its own: keeps what it was sent, so that tests
 * can read it; and a resolver that tests fill. */
#ifndef WHORL_TESTS_OUTBOUND_FIXTURE_H
#define WHORL_TESTS_OUTBOUND_FIXTURE_H

#include "tests/unit/base/base_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "outbound/http.h"

struct one_server {
    int fd, port;
    pthread_t thread;
    const char *answer; /* NULL: takes the connection and says nothing */
    size_t answer_size;
    char request[8192]; /* read after one_server_end() */
    size_t request_size;
    atomic_int connections;
    atomic_bool is_ending;
};

/* Until the blank line and the body that Content-Length announces. */
static inline bool one_server_has_all(const struct one_server *s)
{
    const char *end = strstr(s->request, "\r\n\r\n");
    const char *length = strcasestr(s->request, "\r\nContent-Length:");
    size_t body = length == NULL ? 0 : (size_t)strtoul(length + 17, NULL, 10);
    return end != NULL && s->request_size >= (size_t)(end + 4 - s->request) + body;
}

static inline void one_server_talk(struct one_server *s, int fd)
{
    s->request_size = 0;
    s->request[0] = '\0';
    while (!one_server_has_all(s) && s->request_size < sizeof s->request - 1) {
        ssize_t n = recv(fd, s->request + s->request_size, sizeof s->request - 1 - s->request_size, 0);
        if (n <= 0) {
            return;
        }
        s->request_size += (size_t)n;
        s->request[s->request_size] = '\0';
    }
    for (size_t sent = 0; s->answer != NULL && sent < s->answer_size;) {
        ssize_t n = send(fd, s->answer + sent, s->answer_size - sent, MSG_NOSIGNAL);
        if (n <= 0) {
            return;
        }
        sent += (size_t)n;
    }
    char rest;
    if (s->answer == NULL) {
        while (recv(fd, &rest, 1, 0) > 0) {
        }
    }
}

static inline void *one_server_run(void *arg)
{
    struct one_server *s = arg;
    while (!atomic_load(&s->is_ending)) {
        struct pollfd waiting = {.fd = s->fd, .events = POLLIN};
        if (poll(&waiting, 1, 20) <= 0) {
            continue;
        }
        int fd = accept(s->fd, NULL, NULL);
        if (fd >= 0) {
            atomic_fetch_add(&s->connections, 1);
            one_server_talk(s, fd);
            (void)close(fd);
        }
    }
    return NULL;
}

static inline void one_server_begin(struct one_server *s, const char *answer, size_t size)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    memset(s, 0, sizeof *s);
    s->answer = answer;
    s->answer_size = size;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->fd >= 0);
    assert_int_equal(bind(s->fd, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->fd, 8), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &n), 0);
    s->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, one_server_run, s), 0);
}

static inline void one_server_end(struct one_server *s)
{
    atomic_store(&s->is_ending, true);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    (void)close(s->fd);
}

/* Says `answers[i]` to the i-th question, the last one from then on. */
struct scripted {
    struct outbound_resolver resolver;
    const char *answers[4];
    size_t count;
    int asked;
    char host[256];
};

static inline err_t scripted_resolve(void *context, const char *host, struct buf *out)
{
    struct scripted *s = context;
    size_t at = (size_t)s->asked < s->count ? (size_t)s->asked : s->count - 1;
    s->asked++;
    (void)snprintf(s->host, sizeof s->host, "%s", host);
    ENSURE(s->answers[at] != NULL, ERR_UNAVAILABLE, "no such name");
    return buf_append_str(out, s->answers[at]);
}

static inline void scripted_init(struct scripted *s)
{
    s->resolver = (struct outbound_resolver){.context = s, .resolve = scripted_resolve};
    s->asked = 0;
}

#endif
