/* Frames over a socket: whole or not at all, never later than a deadline. Each end of a channel has one
 * stream, used by one thread at a time. */
#ifndef WHORL_PKI_SIGNER_STREAM_H
#define WHORL_PKI_SIGNER_STREAM_H

#include "base/ports.h"

enum { SIGNER_STREAM_HELD = 8192, SIGNER_FOR_EVER = -1 };

struct signer_stream {
    int fd; /* borrowed; of a connected stream socket */
    int64_t patience_ms;
    size_t at, n;
    uint8_t held[SIGNER_STREAM_HELD]; /* received, not yet taken: from `at` to `n` */
};

void signer_stream_init(struct signer_stream *stream, int fd);
/** How long the kernel waits by itself for what is received, where a deadline is about that far: one call
 * and no timer instead of two calls. @param patience_ms what most deadlines are from now */
void signer_stream_be_patient(struct signer_stream *stream, int64_t patience_ms);
/** Milliseconds of the monotonic clock of the system, in which deadlines are given. */
int64_t signer_now_ms(void);
/** Sends all parts as one. @param deadline_ms or SIGNER_FOR_EVER
 *  @errors ERR_TIMEOUT, ERR_GONE the other end is closed, ERR_IO @thread any, like all here */
err_t signer_stream_send(struct signer_stream *stream, const struct bytes *parts, size_t count,
                         int64_t deadline_ms);
/** Receives exactly n bytes. @errors as above */
err_t signer_stream_take(struct signer_stream *stream, uint8_t *out, size_t n, int64_t deadline_ms);
/** The same into a buffer, which is emptied first and grows with what has come, not with what was promised.
 */
err_t signer_stream_take_buf(struct signer_stream *stream, size_t n, int64_t deadline_ms, struct buf *out);
/** Whether nothing came that was not taken: of two ends that speak in turns, more is no answer to anything.
 */
bool signer_stream_is_empty(const struct signer_stream *stream);
/** A connected pair of sockets, closed on exec. @errors ERR_IO */
err_t signer_stream_pair(int fds[2]);
/** Whoever waits at either end is told that it is closed. */
void signer_stream_shut(int fd);

#endif
