/* One TLS connection on a non-blocking socket. With tls.c the only OpenSSL in server/. */
#ifndef WHORL_SERVER_TLS_CONNECTION_H
#define WHORL_SERVER_TLS_CONNECTION_H

#include "server/stream.h"
#include "server/tls.h"

/** @param snapshot referenced until the connection is freed @param fd borrowed @errors ERR_CRYPTO @thread
 * loop */
err_t tls_connection_new(struct tls_snapshot *snapshot, int fd, struct tls_connection **out);
void tls_connection_free(struct tls_connection *tls);
/** STREAM_OK: done. */
enum stream_result tls_connection_handshake(struct tls_connection *tls);
enum stream_result tls_connection_read(struct tls_connection *tls, uint8_t *out, size_t size, size_t *n);
enum stream_result tls_connection_write(struct tls_connection *tls, struct bytes in, size_t *n);
bool tls_connection_has_pending(const struct tls_connection *tls);
void tls_connection_shutdown(struct tls_connection *tls);

/* What a finished handshake proved. */
struct tls_facts {
    bool is_resumed;
    struct peer_identity peer;
    struct channel_binding binding;
};
void tls_facts_clear(struct tls_facts *facts);
/** Once, after the handshake. @param[out] out the caller clears it @thread loop */
err_t tls_connection_read_facts(struct tls_connection *tls, int64_t now_ms, struct tls_facts *out);

#endif
