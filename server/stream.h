/* The client's end of a connection as bytes, with or without TLS. Non-blocking. Knows no HTTP. */
#ifndef WHORL_SERVER_STREAM_H
#define WHORL_SERVER_STREAM_H

#include "base/bytes.h"

struct tls_connection; /* server/tls_connection.h */

enum stream_result { STREAM_OK, STREAM_WANT_READ, STREAM_WANT_WRITE, STREAM_END, STREAM_FAILED };

struct stream {
    int fd;
    struct tls_connection *tls; /* NULL: plain */
};

/** At least one byte with STREAM_OK; STREAM_END: the client sends no more. @thread loop */
enum stream_result stream_read(struct stream *stream, uint8_t *out, size_t size, size_t *n);
/** Some bytes with STREAM_OK. */
enum stream_result stream_write(struct stream *stream, struct bytes in, size_t *n);
/** Bytes wait inside the TLS layer: poll would not tell. */
bool stream_has_pending(const struct stream *stream);
/** Says that we send no more: close_notify, then FIN. */
void stream_finish(struct stream *stream);
/** Reads and forgets, below TLS. @return false when the client is gone */
bool stream_drain(struct stream *stream, uint8_t *scratch, size_t size);
void stream_close(struct stream *stream);

#endif
