/* TLS handshakes, step by step and in turn: a step costs hundreds of microseconds, so no event does one at
 * once. Who has sent something stands in a line, and each turn of the loop serves the lines for a while
 * (server/admission.h). */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "server/connection.h"

void handshakes_init(struct loop *loop)
{
    const struct server *server = loop->server;
    const struct server_limits *limits = &server->options.limits;
    struct handshakes *all = &loop->handshakes;
    all->unfinished_max = admission_handshakes(limits->handshakes, limits->connections, server->loop_count);
    for (int line = 0; line < LINE_COUNT; line++) {
        all->last[line] = &all->first[line];
    }
}

/* --- the lines */

static enum handshake_line line_of(const struct connection *c)
{
    if (listener_lane(c->loop->server, c->listener) == LANE_MANAGEMENT) {
        return LINE_MANAGEMENT;
    }
    return c->stream.tls != NULL ? LINE_BEGUN : LINE_NEW;
}

void handshake_ready(struct connection *c)
{
    if (c->is_in_line) {
        return;
    }
    struct handshakes *all = &c->loop->handshakes;
    enum handshake_line line = line_of(c);
    c->is_in_line = true;
    c->holds++;
    c->handshake_next = NULL;
    *all->last[line] = c;
    all->last[line] = &c->handshake_next;
    all->waiting[line]++;
}

static struct connection *leave(struct handshakes *all, int line)
{
    struct connection *c = all->first[line];
    if (c != NULL) {
        all->first[line] = c->handshake_next;
        if (all->first[line] == NULL) {
            all->last[line] = &all->first[line];
        }
        all->waiting[line]--;
        c->is_in_line = false;
    }
    return c;
}

/* Management every second time at most, however many come there. */
static struct connection *next(struct handshakes *all)
{
    static const enum handshake_line order[2][LINE_COUNT] = {{LINE_MANAGEMENT, LINE_BEGUN, LINE_NEW},
                                                             {LINE_BEGUN, LINE_NEW, LINE_MANAGEMENT}};
    const enum handshake_line *lines = order[all->turns++ % 2];
    for (int i = 0; i < LINE_COUNT; i++) {
        struct connection *c = leave(all, (int)lines[i]);
        if (c != NULL) {
            return c;
        }
    }
    return NULL;
}

/* --- a step */

enum admission_verdict handshake_judge(const struct server *server, enum admission_lane lane, int fd)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) {
        return ADMISSION_TAKE; /* nothing is known against it */
    }
    const struct admission_arrival arrival = {.is_connected = info.tcpi_state == TCP_ESTABLISHED,
                                              .waiting_ms = info.tcpi_last_data_recv};
    return admission_judge(&arrival, lane == LANE_DEVICE ? server->options.limits.accept_wait_ms : 0);
}

static void failed(struct connection *c)
{
    figures_count_handshake(c->loop->figures, HANDSHAKE_FAILED);
    connection_close(c);
}

static void done(struct connection *c)
{
    int64_t now_ms = clock_now_ms(c->loop->server->options.clock);
    if (tls_connection_read_facts(c->stream.tls, now_ms, &c->facts).code != ERR_OK) {
        failed(c);
        return;
    }
    figures_count_handshake(c->loop->figures, c->facts.is_resumed ? HANDSHAKE_RESUMED : HANDSHAKE_FULL);
    loop_figures_handshake(&c->loop->seen, c->accepted_us);
    handshake_end(c);
    c->stage = CONNECTION_OPEN;
    bridge_from_client(c); /* the first request often came along */
    connection_update(c);
}

/* Only now, when the client has said something, does it get the memory of a TLS connection. */
static bool begin_tls(struct connection *c)
{
    struct server *server = c->loop->server;
    enum admission_verdict verdict =
        handshake_judge(server, listener_lane(server, c->listener), c->stream.fd);
    if (verdict != ADMISSION_TAKE) {
        connection_drop(c, verdict == ADMISSION_GONE ? REFUSED_GONE : REFUSED_STALE);
        return false;
    }
    pthread_mutex_lock(&server->tls_mutex);
    err_t error = tls_connection_new(server->tls[c->listener], c->stream.fd, &c->stream.tls);
    pthread_mutex_unlock(&server->tls_mutex);
    if (error.code != ERR_OK) {
        failed(c);
    }
    return error.code == ERR_OK;
}

static void step(struct connection *c)
{
    if (c->stream.tls == NULL && !begin_tls(c)) {
        return;
    }
    switch (tls_connection_handshake(c->stream.tls)) {
    case STREAM_OK:
        done(c);
        return;
    case STREAM_WANT_READ:
        connection_watch_client(c, UV_READABLE);
        return;
    case STREAM_WANT_WRITE:
        connection_watch_client(c, UV_WRITABLE);
        return;
    case STREAM_END:
    case STREAM_FAILED:
        failed(c);
        return;
    }
}

bool handshakes_serve(struct loop *loop)
{
    struct handshakes *all = &loop->handshakes;
    uint64_t began_ns = uv_hrtime();
    int steps = 0;
    while (admission_has_turn((uv_hrtime() - began_ns) / 1000, steps)) {
        struct connection *c = next(all);
        if (c == NULL) {
            return false;
        }
        if (c->stage == CONNECTION_HANDSHAKE) {
            step(c);
            steps++;
        }
        connection_release(c);
    }
    return all->first[LINE_MANAGEMENT] != NULL || all->first[LINE_BEGUN] != NULL ||
           all->first[LINE_NEW] != NULL;
}

void handshakes_clear(struct loop *loop)
{
    for (int line = 0; line < LINE_COUNT; line++) {
        struct connection *c = NULL;
        while ((c = leave(&loop->handshakes, line)) != NULL) {
            connection_release(c);
        }
    }
}

/* --- the beginning and the end */

enum deadline_kind handshake_deadline(const struct connection *c)
{
    bool is_management = listener_lane(c->loop->server, c->listener) == LANE_MANAGEMENT;
    return is_management ? DEADLINE_HANDSHAKE_MANAGEMENT : DEADLINE_HANDSHAKE;
}

void handshake_end(struct connection *c)
{
    c->loop->handshakes.unfinished[listener_lane(c->loop->server, c->listener)]--;
}

void handshake_begin(struct connection *c)
{
    struct handshakes *all = &c->loop->handshakes;
    if (all->unfinished[listener_lane(c->loop->server, c->listener)]++ >= all->unfinished_max) {
        struct deadline *oldest = c->loop->deadlines.first[handshake_deadline(c)];
        connection_drop((struct connection *)(void *)((char *)oldest - offsetof(struct connection, deadline)),
                        REFUSED_HANDSHAKES);
    }
    connection_watch_client(c, UV_READABLE);
}
