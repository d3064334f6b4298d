/* SSL on a socket, results as stream_result. The OpenSSL error queue is left empty: a stale entry would make
 * the next call on this thread look failed. */
#include "server/tls_connection.h"

#include <openssl/err.h>
#include <stdlib.h>

#include "pki/peer_tls.h"
#include "server/tls_internal.h"

struct tls_connection {
    SSL *ssl;
    struct tls_snapshot *snapshot;
    bool is_broken; /* after a fatal error SSL_shutdown must not be called */
};

err_t tls_connection_new(struct tls_snapshot *snapshot, int fd, struct tls_connection **out)
{
    *out = NULL;
    struct tls_connection *tls = calloc(1, sizeof *tls);
    ENSURE(tls != NULL, ERR_NO_MEMORY, "a TLS connection");
    tls->snapshot = tls_snapshot_ref(snapshot);
    tls->ssl = SSL_new(snapshot->context);
    if (tls->ssl == NULL || SSL_set_fd(tls->ssl, fd) != 1) {
        tls_connection_free(tls);
        ERR_clear_error();
        return ERR(ERR_CRYPTO, "SSL_new");
    }
    SSL_set_accept_state(tls->ssl);
    *out = tls;
    return OK;
}

void tls_connection_free(struct tls_connection *tls)
{
    if (tls != NULL) {
        SSL_free(tls->ssl);
        tls_snapshot_unref(tls->snapshot);
        free(tls);
    }
}

static enum stream_result result_of(struct tls_connection *tls, int returned)
{
    int error = SSL_get_error(tls->ssl, returned);
    switch (error) {
    case SSL_ERROR_WANT_READ:
        return STREAM_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return STREAM_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return STREAM_END;
    default:
        tls->is_broken = true;
        ERR_clear_error();
        return STREAM_FAILED;
    }
}

enum stream_result tls_connection_handshake(struct tls_connection *tls)
{
    int returned = SSL_do_handshake(tls->ssl);
    return returned == 1 ? STREAM_OK : result_of(tls, returned);
}

enum stream_result tls_connection_read(struct tls_connection *tls, uint8_t *out, size_t size, size_t *n)
{
    int returned = SSL_read_ex(tls->ssl, out, size, n);
    return returned == 1 ? STREAM_OK : result_of(tls, returned);
}

enum stream_result tls_connection_write(struct tls_connection *tls, struct bytes in, size_t *n)
{
    int returned = SSL_write_ex(tls->ssl, in.p, in.n, n);
    return returned == 1 ? STREAM_OK : result_of(tls, returned);
}

bool tls_connection_has_pending(const struct tls_connection *tls)
{
    return SSL_has_pending(tls->ssl) == 1;
}

void tls_connection_shutdown(struct tls_connection *tls)
{
    if (!tls->is_broken && SSL_is_init_finished(tls->ssl)) {
        (void)SSL_shutdown(tls->ssl); /* the client's answer is not waited for */
        ERR_clear_error();
    }
}

err_t tls_connection_read_facts(struct tls_connection *tls, int64_t now_ms, struct tls_facts *out)
{
    *out = (struct tls_facts){.is_resumed = SSL_session_reused(tls->ssl) == 1};
    channel_binding_read(tls->ssl, &out->binding);
    if (tls->snapshot->trust == NULL) {
        return OK;
    }
    return peer_identity_read(tls->ssl, tls->snapshot->trust, now_ms, &out->peer);
}

void tls_facts_clear(struct tls_facts *facts)
{
    peer_identity_clear(&facts->peer);
}
