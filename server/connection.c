/* The life of a connection: accepted, handshake, open, lingering, closed; what is watched and which deadline
 * runs in each state. The bytes themselves move in bridge.c. */
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "server/exchange.h"

static void on_event(uv_poll_t *poll, int status, int events);

static void watch(struct connection *c, uv_poll_t *poll, int *present, int wanted)
{
    if (*present == wanted) {
        return;
    }
    *present = wanted;
    if (wanted == 0) {
        (void)uv_poll_stop(poll);
    } else if (uv_poll_start(poll, wanted, on_event) != 0) {
        connection_close(c);
    }
}

bool connection_is_idle(const struct connection *c)
{
    return c->stage == CONNECTION_OPEN && c->open_requests == 0 && c->filter.pending == 0 &&
           http_filter_is_between(&c->filter) && c->up.n == 0 && c->down.n == 0 && c->refusal.n == 0 &&
           !file_body_is_active(&c->file_body);
}

/* Time runs against the client only while it is the client who is waited for. */
static enum deadline_kind deadline_of(const struct connection *c)
{
    switch (c->stage) {
    case CONNECTION_HANDSHAKE:
        return handshake_deadline(c);
    case CONNECTION_LINGER:
        return DEADLINE_LINGER;
    case CONNECTION_CLOSED:
        return DEADLINE_NONE;
    case CONNECTION_OPEN:
        break;
    }
    if (c->down.n > 0 || c->file_body.is_due) {
        return DEADLINE_BODY_OUT;
    }
    if (c->refusal.n > 0 || c->client_ended) {
        return DEADLINE_NONE;
    }
    if (c->filter.pending > 0) {
        return DEADLINE_HEADERS;
    }
    if (http_filter_in_body(&c->filter)) {
        return c->up.n > 0 ? DEADLINE_NONE : DEADLINE_BODY_IN;
    }
    return c->open_requests == 0 ? DEADLINE_IDLE : DEADLINE_NONE;
}

/* What the kernel keeps for the client has not moved yet: it takes megabytes at once, and nothing for minutes
 * then, of a client that reads slowly and steadily. */
static uint64_t moved_on(const struct connection *c, enum deadline_kind kind)
{
    int kept = 0;
    if (kind != DEADLINE_BODY_OUT || ioctl(c->stream.fd, SIOCOUTQ, &kept) != 0 || kept < 0 ||
        (uint64_t)kept > c->moved) {
        return c->moved;
    }
    return c->moved - (uint64_t)kept;
}

static void arm(struct connection *c)
{
    enum deadline_kind kind = deadline_of(c);
    bool is_per_request = kind == DEADLINE_IDLE || kind == DEADLINE_HEADERS;
    if (kind == c->deadline.kind && !(is_per_request && c->armed_requests != c->filter.requests)) {
        return;
    }
    c->armed_requests = c->filter.requests;
    c->moved_at_arming = moved_on(c, kind);
    deadline_arm(&c->loop->deadlines, &c->deadline, kind, uv_now(&c->loop->uv));
}

void connection_update(struct connection *c)
{
    if (c->stage == CONNECTION_CLOSED || c->stage == CONNECTION_HANDSHAKE) {
        return;
    }
    if (c->exchange != NULL && c->exchange->is_streaming && !bridge_may_read(c)) {
        connection_close(
            c); /* unheard, it could leave unnoticed, and a silent source would hold it for ever */
        return;
    }
    bool is_heard = c->stage == CONNECTION_LINGER || bridge_may_read(c);
    int client = is_heard && !c->is_write_first ? UV_READABLE : 0;
    client |= c->down.n > 0 || (is_heard && c->is_write_first) ? UV_WRITABLE : 0;
    watch(c, &c->client, &c->client_events, client);
    if (c->bridge_fd >= 0) {
        int bridge =
            (c->down.n == 0 && !c->file_body.is_due ? UV_READABLE : 0) | (c->up.n > 0 ? UV_WRITABLE : 0);
        watch(c, &c->bridge, &c->bridge_events, bridge);
    }
    if (c->stage != CONNECTION_CLOSED) {
        arm(c);
    }
}

void connection_watch_client(struct connection *c, int wanted)
{
    watch(c, &c->client, &c->client_events, wanted);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct connection *c = poll->data;
    if (c->stage == CONNECTION_CLOSED) {
        return;
    }
    if (poll == &c->bridge) {
        if (status < 0) {
            c->bridge_events = 0; /* libuv has stopped the handle; what is there is still read, and its end */
        }
        if ((events & UV_WRITABLE) != 0) {
            bridge_flush_up(c);
        }
        bridge_from_http(c);
    } else if (status < 0) {
        connection_close(c);
        return;
    } else if (c->stage == CONNECTION_HANDSHAKE) {
        handshake_ready(c);
    } else if (c->stage == CONNECTION_LINGER) {
        if (!stream_drain(&c->stream, c->loop->scratch, SCRATCH_SIZE)) {
            connection_close(c);
        }
        return;
    } else {
        if ((events & UV_WRITABLE) != 0) {
            bridge_flush_down(c);
        }
        bridge_from_client(c);
    }
    connection_update(c);
}

void connection_expired(struct connection *c)
{
    uint64_t now_ms = uv_now(&c->loop->uv);
    enum deadline_kind kind = c->deadline.kind;
    if (kind == DEADLINE_BODY_IN || kind == DEADLINE_BODY_OUT) {
        uint64_t window_ms = c->loop->deadlines.duration_ms[kind];
        uint64_t least = (uint64_t)c->loop->server->options.limits.body_bytes_per_second * window_ms / 1000;
        uint64_t moved = moved_on(c, kind);
        if (moved >= c->moved_at_arming + least) {
            c->moved_at_arming = moved;
            deadline_arm(&c->loop->deadlines, &c->deadline, kind, now_ms);
            return;
        }
    }
    deadline_arm(&c->loop->deadlines, &c->deadline, DEADLINE_NONE, now_ms);
    if (kind == DEADLINE_HEADERS || kind == DEADLINE_BODY_IN) {
        connection_refuse(c, ERR(ERR_TIMEOUT, "the request came too slowly"), REFUSED_TIMEOUT);
        return;
    }
    if (kind == DEADLINE_HANDSHAKE || kind == DEADLINE_HANDSHAKE_MANAGEMENT) {
        figures_count_handshake(c->loop->figures, HANDSHAKE_FAILED);
    } else if (kind == DEADLINE_BODY_OUT) {
        figures_count_refused(c->loop->figures, REFUSED_TIMEOUT);
    } else if (kind == DEADLINE_IDLE) {
        stream_finish(&c->stream);
    }
    connection_close(c);
}

void connection_finish(struct connection *c)
{
    stream_finish(&c->stream);
    if (c->client_ended || !stream_drain(&c->stream, c->loop->scratch, SCRATCH_SIZE)) {
        connection_close(c);
        return;
    }
    c->stage = CONNECTION_LINGER;
}

void connection_release(struct connection *c)
{
    if (--c->holds > 0) {
        return;
    }
    buf_clear(&c->held);
    buf_clear(&c->up);
    buf_clear(&c->down);
    buf_clear(&c->refusal);
    buf_clear(&c->behind_file);
    if (c->memo.state != NULL) {
        c->memo.free(c->memo.state);
    }
    tls_facts_clear(&c->facts);
    free(c);
}

static void on_handle_closed(uv_handle_t *handle)
{
    connection_release(handle->data);
}

void connection_drop(struct connection *c, enum refused reason)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(c->stream.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset); /* else it is told later */
    figures_count_refused(c->loop->figures, (int)reason);
    connection_close(c);
}

void connection_close(struct connection *c)
{
    if (c->stage == CONNECTION_CLOSED) {
        return;
    }
    if (c->stage == CONNECTION_HANDSHAKE) {
        handshake_end(c);
    }
    c->stage = CONNECTION_CLOSED;
    deadline_arm(&c->loop->deadlines, &c->deadline, DEADLINE_NONE, 0);
    *c->previous = c->next;
    if (c->next != NULL) {
        c->next->previous = c->previous;
    }
    struct server *server = c->loop->server;
    addresses_leave(server->addresses, c->slots);
    atomic_fetch_sub_explicit(&server->connections, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&c->loop->held, 1, memory_order_relaxed);
    loop_figures_open(&c->loop->seen, c->listener, -1);
    if (c->bridge_fd >= 0) {
        uv_close((uv_handle_t *)&c->bridge, on_handle_closed);
        close(c->bridge_fd);
        c->bridge_fd = -1;
    }
    uv_close((uv_handle_t *)&c->client, on_handle_closed);
    stream_close(&c->stream);
    if (file_body_is_active(&c->file_body)) {
        file_body_end(&c->file_body, c->down.n - c->down_at);
    }
    if (c->exchange != NULL && c->exchange->is_held) {
        exchange_release(c->exchange);
    } else if (c->exchange != NULL) {
        source_cancel(c->exchange);
    }
}

static void connection_prepare(struct connection *c, struct loop *loop, int listener, int fd)
{
    c->loop = loop;
    c->listener = listener;
    c->stream.fd = fd;
    c->bridge_fd = c->http_fd = -1;
    c->client.data = c->bridge.data = c;
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* only a delay, if it fails */
    const struct server *server = loop->server;
    http_filter_init(&c->filter, server->header_bytes[listener], server->options.limits.header_count);
    c->stage = listener_lane(server, listener) == LANE_PUBLIC ? CONNECTION_OPEN : CONNECTION_HANDSHAKE;
}

static void connection_start(struct connection *c)
{
    struct loop *loop = c->loop;
    c->holds = 1;
    c->accepted_us = stopwatch_us();
    loop_figures_open(&loop->seen, c->listener, 1);
    c->next = loop->connections;
    c->previous = &loop->connections;
    if (c->next != NULL) {
        c->next->previous = &c->next;
    }
    loop->connections = c;
    if (c->stage == CONNECTION_HANDSHAKE) {
        arm(c);
        handshake_begin(c);
    } else {
        bridge_from_client(c);
    }
    connection_update(c);
}

void connection_accept(struct loop *loop, int listener, int fd, const struct sockaddr *from)
{
    struct server *server = loop->server;
    enum admission_lane lane = listener_lane(server, listener);
    struct address_slots slots;
    if (atomic_fetch_add_explicit(&server->connections, 1, memory_order_relaxed) >=
        admission_places(lane, server->options.limits.connections)) {
        figures_count_refused(loop->figures, REFUSED_CONNECTIONS);
    } else if (!addresses_enter(server->addresses, from, lane, &slots)) {
        figures_count_refused(loop->figures, REFUSED_ADDRESS);
    } else {
        struct connection *c = calloc(1, sizeof *c);
        if (c != NULL && uv_poll_init(&loop->uv, &c->client, fd) == 0) {
            connection_prepare(c, loop, listener, fd);
            c->slots = slots;
            address_format(from, c->address, sizeof c->address);
            atomic_fetch_add_explicit(&loop->held, 1, memory_order_relaxed);
            connection_start(c);
            return;
        }
        free(c);
        addresses_leave(server->addresses, slots);
    }
    atomic_fetch_sub_explicit(&server->connections, 1, memory_order_relaxed);
    close(fd);
}
