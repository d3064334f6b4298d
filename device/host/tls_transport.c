/* TLS connections of a device: connect, handshake with the client certificate, verify the server's chain and
 * its name. */
#include "device/host/tls_transport.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "device/host/key_openssl.h"

enum { IO_TIMEOUT_S = 20 };

static const char exporter_label[] = "EXPORTER-Channel-Binding"; /* RFC 9266 */

DEFINE_AUTO(X509, X509_free);

static void note(struct host_transport *transport, const char *what, const char *why)
{
    (void)snprintf(transport->problem, sizeof transport->problem, "%s: %s", what, why);
}

/* The first error that OpenSSL queued is the cause; a failed verification has a better name. */
static void note_tls(struct host_transport *transport, const char *what)
{
    char text[120] = "connection closed";
    int saved = errno;
    unsigned long code = ERR_get_error();
    long verify = SSL_get_verify_result(transport->tls);
    if (verify != X509_V_OK) {
        note(transport, what, X509_verify_cert_error_string(verify));
    } else if (code != 0) {
        ERR_error_string_n(code, text, sizeof text);
        note(transport, what, text);
    } else {
        note(transport, what, saved == 0 ? text : strerror(saved));
    }
    ERR_clear_error();
}

/* A socket connected to one of the addresses, or -1. */
static int connect_any(const struct addrinfo *addresses)
{
    const struct timeval limit = {.tv_sec = IO_TIMEOUT_S, .tv_usec = 0};
    const int on = 1;
    for (const struct addrinfo *a = addresses; a != NULL; a = a->ai_next) {
        int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd < 0) {
            continue;
        }
        if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0 &&
            setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0 &&
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
            connect(fd, a->ai_addr, a->ai_addrlen) == 0) {
            return fd;
        }
        int saved = errno;
        close(fd);
        errno = saved;
    }
    return -1;
}

static bool connect_socket(struct host_transport *transport, const struct whorl_endpoint *to)
{
    char port[8];
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    (void)snprintf(port, sizeof port, "%u", (unsigned)to->port);
    int failed = getaddrinfo(to->host, port, &hints, &addresses);
    if (failed != 0) {
        note(transport, to->host, gai_strerror(failed));
        return false;
    }
    transport->socket = connect_any(addresses);
    int saved = errno;
    freeaddrinfo(addresses);
    if (transport->socket < 0) {
        note(transport, "connect", strerror(saved));
    }
    return transport->socket >= 0;
}

/* A name goes into SNI and is verified; an address is verified only (RFC 6066 §3). */
static bool name_server(SSL *tls, const char *host)
{
    struct in6_addr address;
    if (inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host) == 1;
    }
    char name[256]; /* OpenSSL's macro wants a pointer that is not const */
    int size = snprintf(name, sizeof name, "%s", host);
    return size > 0 && (size_t)size < sizeof name && SSL_set_tlsext_host_name(tls, name) == 1 &&
           SSL_set1_host(tls, name) == 1;
}

static bool use_identity(SSL *tls, const struct whorl_identity *as)
{
    for (size_t i = 0; i < as->chain_count; i++) {
        const uint8_t *at = as->chain[i].data;
        AUTO(X509) *certificate = d2i_X509(NULL, &at, (long)as->chain[i].size);
        bool is_used = certificate != NULL && (i == 0 ? SSL_use_certificate(tls, certificate) == 1
                                                      : SSL_add1_chain_cert(tls, certificate) == 1);
        if (!is_used) {
            return false;
        }
    }
    return as->chain_count == 0 || SSL_use_PrivateKey(tls, host_key_of(as->key)) == 1;
}

static void transport_close(void *context)
{
    struct host_transport *transport = context;
    if (transport->tls != NULL) {
        if (SSL_is_init_finished(transport->tls)) {
            (void)SSL_shutdown(transport->tls); /* best effort: the peer may be gone */
        }
        SSL_free(transport->tls);
        transport->tls = NULL;
        ERR_clear_error();
    }
    if (transport->socket >= 0) {
        close(transport->socket);
        transport->socket = -1;
    }
}

/* The last of the chain that was built is the root. */
static bool note_root(struct host_transport *transport)
{
    const STACK_OF(X509) *chain = SSL_get0_verified_chain(transport->tls);
    int count = chain == NULL ? 0 : sk_X509_num(chain);
    return count > 0 &&
           X509_digest(sk_X509_value(chain, count - 1), EVP_sha256(), transport->verified_root, NULL) == 1;
}

static bool handshake(struct host_transport *transport, const struct whorl_endpoint *to,
                      const struct whorl_identity *as)
{
    transport->tls = SSL_new(host_trust_borrow_tls(transport->trust));
    if (transport->tls == NULL || SSL_set_fd(transport->tls, transport->socket) != 1 ||
        (transport->roots != NULL && SSL_set1_verify_cert_store(transport->tls, transport->roots) != 1) ||
        !name_server(transport->tls, to->host) || !use_identity(transport->tls, as)) {
        note(transport, "TLS", "the connection cannot be set up with this certificate and name");
        ERR_clear_error();
        return false;
    }
    errno = 0;
    if (SSL_connect(transport->tls) != 1 || !note_root(transport)) {
        note_tls(transport, "TLS handshake");
        return false;
    }
    return true;
}

static bool transport_open(void *context, const struct whorl_endpoint *to, const struct whorl_identity *as)
{
    struct host_transport *transport = context;
    transport->problem[0] = '\0';
    if (!connect_socket(transport, to) || !handshake(transport, to, as)) {
        transport_close(transport);
        return false;
    }
    return true;
}

static int transport_send(void *context, struct whorl_bytes data)
{
    struct host_transport *transport = context;
    size_t sent = 0;
    errno = 0;
    if (SSL_write_ex(transport->tls, data.data, data.size, &sent) != 1) {
        note_tls(transport, "TLS send");
        return -1;
    }
    return (int)sent;
}

static int transport_recv(void *context, struct whorl_space into)
{
    struct host_transport *transport = context;
    size_t got = 0;
    errno = 0;
    if (SSL_read_ex(transport->tls, into.data, into.size, &got) != 1) {
        note_tls(transport, "TLS receive");
        return -1;
    }
    return (int)got;
}

static bool transport_exporter(void *context, uint8_t out[WHORL_HASH_BYTES])
{
    struct host_transport *transport = context;
    static const uint8_t empty[1] = {0};
    return transport->tls != NULL &&
           SSL_export_keying_material(transport->tls, out, WHORL_HASH_BYTES, exporter_label,
                                      sizeof exporter_label - 1, empty, 0, 1) == 1;
}

void host_transport_init(struct host_transport *transport, const struct host_trust *trust)
{
    memset(transport, 0, sizeof *transport);
    transport->port = (struct whorl_transport){.context = transport,
                                               .open = transport_open,
                                               .send = transport_send,
                                               .recv = transport_recv,
                                               .exporter = transport_exporter,
                                               .close = transport_close};
    transport->anchors = host_anchors_port(transport);
    transport->trust = trust;
    transport->socket = -1;
}

void host_transport_clear(struct host_transport *transport)
{
    X509_STORE_free(transport->roots);
    transport->roots = NULL;
}
