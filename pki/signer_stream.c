/* Sockets of the signer process. Sending never waits inside the kernel without a deadline: a stopped process
 * at the other end takes no bytes. */
#include "pki/signer_stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

enum { PARTS_MAX = 4, STEP = 1 << 20, NEAR_MS = 5 };

void signer_stream_init(struct signer_stream *stream, int fd)
{
    stream->fd = fd;
    stream->patience_ms = 0;
    stream->at = 0;
    stream->n = 0;
}

void signer_stream_be_patient(struct signer_stream *stream, int64_t patience_ms)
{
    const struct timeval patience = {.tv_sec = patience_ms / 1000, .tv_usec = patience_ms % 1000 * 1000};
    bool is_set = setsockopt(stream->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0;
    stream->patience_ms = is_set ? patience_ms : 0;
}

int64_t signer_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static err_t wait_for(int fd, short events, int64_t deadline_ms)
{
    struct pollfd polled = {.fd = fd, .events = events};
    for (;;) {
        int64_t left_ms = deadline_ms == SIGNER_FOR_EVER ? -1 : deadline_ms - signer_now_ms();
        ENSURE(deadline_ms == SIGNER_FOR_EVER || left_ms > 0, ERR_TIMEOUT, "no answer in time");
        int ready = poll(&polled, 1, (int)(left_ms > 1000000 ? 1000000 : left_ms));
        if (ready > 0) {
            return OK;
        }
        ENSURE(ready == 0 || errno == EINTR, ERR_IO, "waiting at a socket failed (%d)", errno);
    }
}

static bool is_closed(int error)
{
    return error == EPIPE || error == ECONNRESET || error == ENOTCONN;
}

/* --- sending ---------------------------------------------------------------------------------------- */

static size_t step_over(struct iovec *parts, size_t count, size_t sent)
{
    size_t done = 0;
    while (done < count && sent >= parts[done].iov_len) {
        sent -= parts[done].iov_len;
        done++;
    }
    if (done < count) {
        parts[done].iov_base = (uint8_t *)parts[done].iov_base + sent;
        parts[done].iov_len -= sent;
    }
    return done;
}

static err_t send_parts(int fd, struct iovec *parts, size_t count, int64_t deadline_ms)
{
    while (count > 0) {
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
        ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            size_t done = step_over(parts, count, (size_t)sent);
            parts += done;
            count -= done;
        } else if (errno == EAGAIN) {
            TRY(wait_for(fd, POLLOUT, deadline_ms));
        } else if (errno != EINTR) {
            ENSURE(!is_closed(errno), ERR_GONE, "the other end is closed");
            return ERR(ERR_IO, "sending failed (%d)", errno);
        }
    }
    return OK;
}

err_t signer_stream_send(struct signer_stream *stream, const struct bytes *parts, size_t count,
                         int64_t deadline_ms)
{
    struct iovec vectors[PARTS_MAX];
    size_t used = 0;
    ENSURE(count <= PARTS_MAX, ERR_INTERNAL, "%zu parts", count);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].n > 0) {
            /* sendmsg() only reads; its type is that of receiving too */
            memcpy(&vectors[used].iov_base, &parts[i].p, sizeof parts[i].p);
            vectors[used++].iov_len = parts[i].n;
        }
    }
    return send_parts(stream->fd, vectors, used, deadline_ms);
}

/* --- receiving -------------------------------------------------------------------------------------- */

/* Whether the kernel may wait in recv(2): for ever, or as long as it was told, which is about right. */
static bool may_wait(const struct signer_stream *stream, int64_t deadline_ms)
{
    return deadline_ms == SIGNER_FOR_EVER ||
           (stream->patience_ms > 0 && deadline_ms - signer_now_ms() >= stream->patience_ms - NEAR_MS);
}

/* At least one byte. */
static err_t receive(struct signer_stream *stream, int64_t deadline_ms)
{
    for (;;) {
        int flags = may_wait(stream, deadline_ms) ? 0 : MSG_DONTWAIT;
        if (flags != 0) {
            TRY(wait_for(stream->fd, POLLIN, deadline_ms));
        }
        ssize_t received = recv(stream->fd, stream->held, sizeof stream->held, flags);
        if (received > 0) {
            stream->n = (size_t)received;
            return OK;
        }
        ENSURE(received != 0 && !is_closed(errno), ERR_GONE, "the other end is closed");
        ENSURE(errno == EINTR || errno == EAGAIN, ERR_IO, "receiving failed (%d)", errno);
    }
}

err_t signer_stream_take(struct signer_stream *stream, uint8_t *out, size_t n, int64_t deadline_ms)
{
    size_t done = 0;
    while (done < n) {
        if (stream->at == stream->n) {
            stream->at = 0;
            stream->n = 0;
            TRY(receive(stream, deadline_ms));
        }
        size_t piece = stream->n - stream->at < n - done ? stream->n - stream->at : n - done;
        memcpy(out + done, stream->held + stream->at, piece);
        stream->at += piece;
        done += piece;
    }
    return OK;
}

err_t signer_stream_take_buf(struct signer_stream *stream, size_t n, int64_t deadline_ms, struct buf *out)
{
    out->n = 0;
    while (out->n < n) {
        size_t piece = n - out->n < STEP ? n - out->n : STEP;
        TRY(buf_reserve(out, piece));
        TRY(signer_stream_take(stream, out->p + out->n, piece, deadline_ms));
        out->n += piece;
        out->p[out->n] = '\0';
    }
    return OK;
}

bool signer_stream_is_empty(const struct signer_stream *stream)
{
    return stream->at == stream->n;
}

/* --- the pair --------------------------------------------------------------------------------------- */

err_t signer_stream_pair(int fds[2])
{
    ENSURE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0, ERR_IO,
           "cannot make a pair of sockets (%d)", errno);
    return OK;
}

void signer_stream_shut(int fd)
{
    (void)shutdown(fd, SHUT_RDWR);
}
