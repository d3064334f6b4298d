/* Plain sockets by recv and send, the others by server/tls_connection.c. */
#include "server/stream.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/tls_connection.h"

static bool is_again(void)
{
    return errno == EAGAIN || errno == EINTR;
}

enum stream_result stream_read(struct stream *stream, uint8_t *out, size_t size, size_t *n)
{
    *n = 0;
    if (stream->tls != NULL) {
        return tls_connection_read(stream->tls, out, size, n);
    }
    ssize_t got = recv(stream->fd, out, size, 0);
    if (got > 0) {
        *n = (size_t)got;
        return STREAM_OK;
    }
    return got == 0 ? STREAM_END : is_again() ? STREAM_WANT_READ : STREAM_FAILED;
}

enum stream_result stream_write(struct stream *stream, struct bytes in, size_t *n)
{
    *n = 0;
    if (stream->tls != NULL) {
        return tls_connection_write(stream->tls, in, n);
    }
    ssize_t put = send(stream->fd, in.p, in.n, MSG_NOSIGNAL);
    if (put > 0) {
        *n = (size_t)put;
        return STREAM_OK;
    }
    return is_again() ? STREAM_WANT_WRITE : STREAM_FAILED;
}

bool stream_has_pending(const struct stream *stream)
{
    return stream->tls != NULL && tls_connection_has_pending(stream->tls);
}

void stream_finish(struct stream *stream)
{
    if (stream->tls != NULL) {
        tls_connection_shutdown(stream->tls);
    }
    (void)shutdown(stream->fd, SHUT_WR); /* a client that is gone already makes no difference */
}

bool stream_drain(struct stream *stream, uint8_t *scratch, size_t size)
{
    for (int round = 0; round < 16; round++) {
        ssize_t got = recv(stream->fd, scratch, size, 0);
        if (got <= 0) {
            return got < 0 && is_again();
        }
    }
    return true;
}

void stream_close(struct stream *stream)
{
    tls_connection_free(stream->tls);
    stream->tls = NULL;
    if (stream->fd >= 0) {
        close(stream->fd);
        stream->fd = -1;
    }
}
