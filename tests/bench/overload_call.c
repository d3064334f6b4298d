/* One call: connect, TLS, ask, read the answer; without blocking, since thousands are under way. */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "overload.h"

int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* --- those that wait, oldest first */

static void wait_end(struct load *l, struct caller *c)
{
    *(c->older != NULL ? &c->older->newer : &l->oldest) = c->newer;
    *(c->newer != NULL ? &c->newer->older : &l->newest) = c->older;
    c->older = c->newer = NULL;
}

void wait_begin(struct load *l, struct caller *c)
{
    c->asked_us = now_us();
    c->older = l->newest;
    c->newer = NULL;
    *(l->newest != NULL ? &l->newest->newer : &l->oldest) = c;
    l->newest = c;
}

void hang_up(struct load *l, struct caller *c)
{
    SSL_free(c->ssl);
    close(c->fd);
    c->ssl = NULL;
    c->stage = FREE;
    if (!l->options.keep) {
        c->next_free = l->unused;
        l->unused = c;
    }
}

void over(struct load *l, struct caller *c, long *counter)
{
    wait_end(l, c);
    if (l->is_running) {
        (*counter)++;
    }
    if (counter == &l->counts.good && l->is_running && l->counts.good <= SAMPLES_MAX) {
        l->latency_us[l->counts.good - 1] = (uint32_t)(now_us() - c->asked_us);
    }
    if (l->options.keep && (counter == &l->counts.good || counter == &l->counts.refused)) {
        c->stage = IDLE;
        return;
    }
    hang_up(l, c);
}

/* --- a call */

static void watch(const struct load *l, struct caller *c, uint32_t events)
{
    if (c->watched == events) {
        return;
    }
    c->watched = events;
    struct epoll_event e = {.events = events, .data.ptr = c};
    epoll_ctl(l->epoll, EPOLL_CTL_MOD, c->fd, &e);
}

/* Many addresses, as devices have: each may have so many ports and so many connections. */
void dial(struct load *l, struct caller *c)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    int one = 1;
    struct sockaddr_in from = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(0x7f010001 + (uint32_t)(l->source++ % l->options.sources));
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    c->stage = CONNECTING;
    c->ssl = NULL;
    wait_begin(l, c);
    c->watched = EPOLLOUT;
    struct epoll_event e = {.events = c->watched, .data.ptr = c};
    bool ok = c->fd >= 0 && setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one) == 0 &&
              bind(c->fd, (const struct sockaddr *)&from, sizeof from) == 0 &&
              setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0 &&
              setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0 &&
              epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &e) == 0 &&
              (connect(c->fd, (const struct sockaddr *)&l->address, sizeof l->address) == 0 ||
               errno == EINPROGRESS);
    if (!ok) {
        over(l, c, &l->counts.reset);
    }
}

/* @return >0 bytes, 0 not now, <0 the end */
static ssize_t result(const struct caller *c, int n)
{
    if (n > 0) {
        return n;
    }
    int error = SSL_get_error(c->ssl, n);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static ssize_t put(const struct load *l, struct caller *c)
{
    const char *p = l->request + c->sent;
    size_t n = l->request_size - c->sent;
    return c->ssl != NULL ? result(c, SSL_write(c->ssl, p, (int)n)) : send(c->fd, p, n, MSG_NOSIGNAL);
}

static void write_request(struct load *l, struct caller *c)
{
    ssize_t n = put(l, c);
    if (n < 0 && !(c->ssl == NULL && errno == EAGAIN)) {
        over(l, c, &l->counts.reset);
        return;
    }
    c->sent += n > 0 ? (size_t)n : 0;
    bool is_sent = c->sent == l->request_size;
    c->stage = is_sent ? READING : ASKING;
    watch(l, c, is_sent ? EPOLLIN : EPOLLOUT);
}

void ask(struct load *l, struct caller *c)
{
    c->sent = c->have = 0;
    c->left = -1;
    write_request(l, c);
}

static ssize_t get(struct caller *c)
{
    char *p = c->answer + (c->left < 0 ? c->have : 0);
    size_t n = sizeof c->answer - 1 - (c->left < 0 ? c->have : 0);
    if (c->ssl != NULL) {
        return result(c, SSL_read(c->ssl, p, (int)n));
    }
    ssize_t got = recv(c->fd, p, n, 0);
    return got < 0 && errno == EAGAIN ? 0 : got == 0 ? -1 : got;
}

/* @return whether the answer is whole */
static bool take(struct caller *c, size_t n)
{
    if (c->left >= 0) {
        c->left -= (long)n;
        return c->left <= 0;
    }
    c->have += n;
    c->answer[c->have] = '\0';
    const char *end = strstr(c->answer, "\r\n\r\n");
    const char *length = strcasestr(c->answer, "content-length:");
    if (end == NULL) {
        return c->have == sizeof c->answer - 1;
    }
    c->is_good = strncmp(c->answer, "HTTP/1.1 2", 10) == 0;
    c->left =
        length != NULL ? strtol(length + 15, NULL, 10) - (long)(c->have - (size_t)(end + 4 - c->answer)) : 0;
    return c->left <= 0;
}

static void read_answer(struct load *l, struct caller *c)
{
    ssize_t n = 0;
    while ((n = get(c)) > 0) {
        if (take(c, (size_t)n)) {
            over(l, c, c->is_good ? &l->counts.good : &l->counts.refused);
            if (l->options.keep && l->options.rate == 0 && l->is_running) {
                wait_begin(l, c);
                l->counts.due++;
                ask(l, c);
            }
            return;
        }
    }
    if (n < 0) {
        over(l, c, &l->counts.reset);
    }
}

static void secured(struct load *l, struct caller *c)
{
    int n = SSL_connect(c->ssl);
    if (n == 1) {
        ask(l, c);
        return;
    }
    switch (SSL_get_error(c->ssl, n)) {
    case SSL_ERROR_WANT_READ:
        watch(l, c, EPOLLIN);
        return;
    case SSL_ERROR_WANT_WRITE:
        watch(l, c, EPOLLOUT);
        return;
    default:
        over(l, c, &l->counts.reset);
        return;
    }
}

static void connected(struct load *l, struct caller *c)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
        over(l, c, &l->counts.reset);
        return;
    }
    if (l->tls == NULL) {
        ask(l, c);
        return;
    }
    c->ssl = SSL_new(l->tls);
    SSL_set_fd(c->ssl, c->fd);
    c->stage = HANDSHAKE;
    secured(l, c);
}

void on_event(struct load *l, struct caller *c)
{
    switch (c->stage) {
    case CONNECTING:
        connected(l, c);
        return;
    case HANDSHAKE:
        secured(l, c);
        return;
    case ASKING:
        write_request(l, c);
        return;
    case READING:
        read_answer(l, c);
        return;
    case IDLE: /* the server has closed it, or sent tickets */
        if (c->ssl == NULL || result(c, SSL_read(c->ssl, c->answer, 1)) < 0) {
            hang_up(l, c);
        }
        return;
    case FREE:
        return;
    }
}
