/* Bytes between a client and the HTTP library, both ways: the client's through the filter, the library's as
 * they are. A side that does not take more stops the other from being read, so a connection holds one piece
 * each way at most. */
#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/exchange.h"
#include "server/http.h"

enum { READS_PER_TURN = 4, WRITES_PER_TURN = 8, PAIR_BUFFER = 65536 };

static void on_bridge_closed(uv_handle_t *handle)
{
    connection_release(handle->data);
}

/* Gives the HTTP library a connection of its own for this client: only now, when a whole header section is
 * there. */
static err_t attach(struct connection *c)
{
    int pair[2];
    ENSURE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0, ERR_IO,
           "socketpair");
    int size = PAIR_BUFFER;
    (void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size,
                     sizeof size); /* the default holds more kernel memory, no harm else */
    err_t error = loop_set_by_fd(c->loop, pair[1], c);
    if (error.code != ERR_OK || uv_poll_init(&c->loop->uv, &c->bridge, pair[0]) != 0) {
        err_ignore(loop_set_by_fd(c->loop, pair[1], NULL)); /* nothing to do about a slot that was not made */
        close(pair[0]);
        close(pair[1]);
        return ERR(ERR_NO_MEMORY, "a bridge");
    }
    c->bridge_fd = pair[0];
    c->http_fd = pair[1];
    c->holds += 2; /* the poll handle; the library */
    c->library_holds = true;
    error = http_add(c->loop->http[c->listener], pair[1]);
    if (error.code != ERR_OK) {
        bridge_detached(c); /* where it failed decides whether the library has said so */
    }
    return error;
}

void bridge_detached(struct connection *c)
{
    if (!c->library_holds) {
        return;
    }
    c->library_holds = false;
    err_ignore(loop_set_by_fd(c->loop, c->http_fd, NULL)); /* the slot exists */
    loop_ready(c->loop, c);
    connection_release(c);
}

bool bridge_may_read(const struct connection *c)
{
    return c->stage == CONNECTION_OPEN && !c->client_ended && c->refusal.n == 0 && c->up.n == 0;
}

/* What the client does not take now waits in `down`. */
static void write_down(struct connection *c, struct bytes in)
{
    if (c->down.n > 0) { /* behind what waits */
        if (buf_append_bytes(&c->down, in).code != ERR_OK) {
            connection_close(c);
        }
        return;
    }
    while (in.n > 0) {
        size_t n = 0;
        enum stream_result result = stream_write(&c->stream, in, &n);
        if (result == STREAM_OK) {
            in = (struct bytes){in.p + n, in.n - n};
            c->moved += n;
            continue;
        }
        err_t error = OK;
        if (result == STREAM_WANT_WRITE || result == STREAM_WANT_READ) {
            error = buf_append(&c->down, in.p, in.n);
        }
        if ((result != STREAM_WANT_WRITE && result != STREAM_WANT_READ) || error.code != ERR_OK) {
            connection_close(c);
        }
        return;
    }
}

/* The library has closed its side, or never had one: our last words, then the end. */
static void http_end(struct connection *c)
{
    c->http_ended = true;
    if (c->bridge_fd >= 0) {
        uv_close((uv_handle_t *)&c->bridge, on_bridge_closed);
        close(c->bridge_fd);
        c->bridge_fd = -1;
        buf_clear(&c->up);
    }
    if (c->is_last_answered) {
        buf_clear(&c->refusal);
    }
    if (c->refusal.n > 0 && c->down.n == 0) {
        AUTO_VAL(buf) words = c->refusal;
        c->refusal = (struct buf){0};
        c->is_last_answered = true;
        c->client_ended = false; /* what it sends is drained, so that our words are not lost with a reset */
        write_down(c, buf_view(&words));
    }
    if (c->down.n == 0 && c->stage == CONNECTION_OPEN) {
        connection_finish(c);
    }
}

/* Where the kernel does not say, nothing is waited for. */
static bool is_taken_by_library(const struct connection *c)
{
    int left = 0;
    return ioctl(c->bridge_fd, SIOCOUTQ, &left) != 0 || left == 0;
}

/* The library is told of bytes and of their end by edges: when both come at once it reads what is there, and
 * waits for an event that was already given. So the end is told when it has every byte. */
static void tell_end(struct connection *c)
{
    if (!is_taken_by_library(c)) {
        loop_ending(c->loop, c);
        return;
    }
    (void)shutdown(c->bridge_fd, SHUT_WR); /* a library that has closed is noticed by reading */
    c->loop->http_is_due[c->listener] = true;
    loop_ready(c->loop, c);
}

void bridge_end_up(struct connection *c)
{
    c->up_ended = true;
    if (c->bridge_fd < 0) {
        http_end(c);
    } else if (c->up.n == 0) {
        tell_end(c);
    }
}

void bridge_library_ran(struct connection *c)
{
    if (c->stage != CONNECTION_CLOSED && c->bridge_fd >= 0) {
        tell_end(c);
    }
}

/* --- to the library */

static size_t send_up(struct connection *c, struct bytes in)
{
    c->loop->http_is_due[c->listener] = true;
    ssize_t put = send(c->bridge_fd, in.p, in.n, MSG_NOSIGNAL);
    if (put >= 0) {
        return (size_t)put;
    }
    return errno == EAGAIN || errno == EINTR ? 0
                                             : in.n; /* closed: what it does not want to read is dropped */
}

void bridge_flush_up(struct connection *c)
{
    if (c->bridge_fd < 0 || c->up.n == 0) {
        return;
    }
    c->up_at += send_up(c, (struct bytes){c->up.p + c->up_at, c->up.n - c->up_at});
    loop_ready(c->loop, c);
    if (c->up_at == c->up.n) {
        buf_clear(&c->up);
        c->up_at = 0;
        if (c->up_ended) {
            bridge_end_up(c);
        }
    }
}

static err_t forward(struct connection *c, struct bytes in)
{
    if (in.n == 0 || c->http_ended) {
        return OK;
    }
    if (c->bridge_fd < 0) {
        TRY(attach(c));
    }
    size_t put = c->up.n == 0 ? send_up(c, in) : 0;
    loop_ready(c->loop, c);
    return put < in.n ? buf_append(&c->up, in.p + put, in.n - put) : OK;
}

/* A header section goes on only when it is whole and was found good. */
static err_t filter(struct connection *c, struct bytes in)
{
    uint64_t requests = c->filter.requests;
    size_t taken = http_filter_feed(&c->filter, in);
    c->moved += taken;
    c->open_requests += (int)(c->filter.requests - requests);
    size_t released = c->held.n + taken - c->filter.pending;
    if (released < c->held.n || (released == 0 && c->held.n == 0)) {
        return buf_append(&c->held, in.p, taken);
    }
    size_t split = released - c->held.n;
    TRY(forward(c, buf_view(&c->held)));
    buf_clear(&c->held);
    TRY(forward(c, (struct bytes){in.p, split}));
    return split < taken ? buf_append(&c->held, in.p + split, taken - split) : OK;
}

static bool take(struct connection *c, struct bytes in)
{
    err_t error = filter(c, in);
    if (error.code != ERR_OK) {
        log_error(c->loop->server->options.log, "connection_failed", "", error);
        connection_close(c);
        return false;
    }
    enum filter_refusal refusal = c->filter.refusal;
    if (refusal != FILTER_OK) {
        connection_refuse(c, ERR(filter_refusal_code(refusal), "%s", filter_refusal_text(refusal)),
                          (int)refusal);
    }
    return true;
}

void bridge_from_client(struct connection *c)
{
    for (int turn = 0; turn < READS_PER_TURN && bridge_may_read(c); turn++) {
        size_t n = 0;
        c->is_write_first = false;
        switch (stream_read(&c->stream, c->loop->scratch, SCRATCH_SIZE, &n)) {
        case STREAM_OK:
            break;
        case STREAM_WANT_WRITE:
            c->is_write_first = true;
            return;
        case STREAM_WANT_READ:
            return;
        case STREAM_END:
            c->client_ended = true;
            bridge_end_up(c);
            return;
        case STREAM_FAILED:
            connection_close(c);
            return;
        }
        if (!take(c, (struct bytes){c->loop->scratch, n})) {
            return;
        }
        if (n < SCRATCH_SIZE && !stream_has_pending(&c->stream)) {
            return; /* the socket was emptied: poll tells when there is more */
        }
    }
    if (bridge_may_read(c) && stream_has_pending(&c->stream)) {
        loop_ready(c->loop, c);
    }
}

/* --- to the client */

void bridge_flush_down(struct connection *c)
{
    struct buf rest = c->down;
    size_t at = c->down_at;
    c->down = (struct buf){0};
    c->down_at = 0;
    if (rest.n > 0) {
        write_down(c, (struct bytes){rest.p + at, rest.n - at});
    }
    buf_clear(&rest);
    if (c->stage != CONNECTION_OPEN || c->down.n > 0) {
        return;
    }
    if (c->http_ended) {
        http_end(c);
    } else {
        bridge_from_http(c);
    }
}

void bridge_file_follows(struct connection *c, struct response *response)
{
    int unread = 0;
    if (c->stage == CONNECTION_CLOSED || c->bridge_fd < 0) {
        return; /* nobody is there: it goes with the response */
    }
    (void)ioctl(c->bridge_fd, FIONREAD, &unread); /* does not fail for a pair of sockets */
    file_body_begin(&c->file_body, response, c->library_written + (uint64_t)unread);
}

/* Behind its end goes what the library wrote meanwhile, and the next request may begin. */
static void end_file(struct connection *c)
{
    AUTO_VAL(buf) behind = c->behind_file;
    c->behind_file = (struct buf){0};
    file_body_end(&c->file_body, 0);
    write_down(c, buf_view(&behind));
    if (c->exchange != NULL && c->exchange->is_held) {
        exchange_release(c->exchange);
    }
}

/* A file that cannot be read to the end of what was promised leaves nothing to do but to cut the body. */
static void send_file_piece(struct connection *c)
{
    size_t n = 0;
    err_t error = file_body_read(&c->file_body, c->loop->scratch, SCRATCH_SIZE, &n);
    if (error.code != ERR_OK) {
        log_error(c->loop->server->options.log, "response_broken", "", error);
        connection_close(c);
        return;
    }
    write_down(c, (struct bytes){c->loop->scratch, n});
    if (c->stage == CONNECTION_OPEN && c->file_body.left == 0) {
        end_file(c);
    }
}

static err_t head_from_library(struct connection *c, const struct file_body_parts *parts)
{
    AUTO_VAL(buf) head = {0};
    TRY(file_body_take_head(&c->file_body, parts->head, &head));
    TRY(buf_append_bytes(&c->behind_file, parts->behind));
    write_down(c, buf_view(&head));
    return OK;
}

static void from_library(struct connection *c, struct bytes piece)
{
    const struct file_body_parts parts = file_body_split(&c->file_body, piece, c->library_written);
    c->library_written += piece.n;
    write_down(c, parts.before);
    if (parts.head.n == 0 || c->stage == CONNECTION_CLOSED) {
        return;
    }
    err_t error = head_from_library(c, &parts);
    if (error.code != ERR_OK) {
        log_error(c->loop->server->options.log, "response_broken", "", error);
        connection_close(c);
    }
}

void bridge_from_http(struct connection *c)
{
    for (int turn = 0; turn < WRITES_PER_TURN; turn++) {
        if (c->stage != CONNECTION_OPEN || c->bridge_fd < 0 || c->down.n > 0) {
            return;
        }
        if (c->file_body.is_due) {
            send_file_piece(c);
            continue;
        }
        ssize_t got = recv(c->bridge_fd, c->loop->scratch, SCRATCH_SIZE, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (got <= 0) {
            http_end(c);
            return;
        }
        from_library(c, (struct bytes){c->loop->scratch, (size_t)got});
        if (got < SCRATCH_SIZE && !c->file_body.is_due) {
            return;
        }
    }
    if (c->file_body.is_due && c->stage == CONNECTION_OPEN && c->down.n == 0) {
        loop_ready(c->loop, c); /* no event tells that there is more of it */
    }
}
