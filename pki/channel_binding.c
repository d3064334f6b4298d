/* Channel bindings: what a request can carry to show that it was made for this very connection. tls-unique
 * (RFC 5929 §3) on TLS 1.2 is the first Finished message, which after a full handshake is the client's, and
 * is safe only with extended master secret (RFC 7627); on TLS 1.3 it does not exist, and RFC 9266's exporter
 * takes its place. */
#include <string.h>

#include "pki/peer_tls.h"

static bool has_extended_master_secret(SSL *ssl)
{
    return SSL_get_extms_support(ssl) == 1;
}

void channel_binding_read(SSL *ssl, struct channel_binding *out)
{
    static const char label[] = "EXPORTER-Channel-Binding";
    bool is_1_3 = SSL_version(ssl) >= TLS1_3_VERSION;
    *out = (struct channel_binding){.unique_size = 0};
    if (SSL_is_init_finished(ssl) != 1 || (!is_1_3 && !has_extended_master_secret(ssl))) {
        return;
    }
    if (!is_1_3 && SSL_session_reused(ssl) == 0) {
        size_t size = SSL_is_server(ssl) ? SSL_get_peer_finished(ssl, out->unique, sizeof out->unique)
                                         : SSL_get_finished(ssl, out->unique, sizeof out->unique);
        out->unique_size = size <= sizeof out->unique ? size : 0;
    }
    /* RFC 9266 §2: a zero-length context, which is not the same as none on 1.2 */
    out->has_exporter = SSL_export_keying_material(ssl, out->exporter, sizeof out->exporter, label,
                                                   sizeof label - 1, (const unsigned char *)"", 0, 1) == 1;
}
