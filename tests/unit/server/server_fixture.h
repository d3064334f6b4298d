/* A real server on free ports of the loopback with an application of its own, and clients that write bytes as
 * they are. */
#ifndef WHORL_TESTS_SERVER_FIXTURE_H
#define WHORL_TESTS_SERVER_FIXTURE_H

#include "tests/unit/pki/pki_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

#include "pki/peer.h"
#include "server/server.h"
#include "server/tls.h"

/* --- the application */

struct feed { /* a source that a test feeds */
    pthread_mutex_t mutex;
    struct buf ready;
    bool is_end, is_freed, is_asked;
    struct response_source *source;
};

struct api {
    atomic_int handled, admitted, aborted, gate; /* gate: how many may leave /gate */
    atomic_llong sink_bytes;
    atomic_int sink_refuse_at; /* bytes, 0: never */
    char file_path[128];
    struct feed feed;
};

static inline void sleep_ms(int ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&t, NULL);
}

static inline err_t answer_text(struct response *response, const char *text)
{
    response->status = 200;
    response->content_type = "text/plain";
    return buf_append_str(&response->body, text);
}

static inline err_t on_hello(struct api *api, const struct request *request, struct response *response)
{
    (void)request;
    atomic_fetch_add(&api->handled, 1);
    return answer_text(response, "hello");
}

static inline err_t on_echo(struct api *api, const struct request *request, struct response *response)
{
    atomic_fetch_add(&api->handled, 1);
    response->status = 200;
    response->content_type = "application/octet-stream";
    return buf_append_bytes(&response->body, request->body);
}

static inline err_t on_param(struct api *api, const struct request *request, struct response *response)
{
    (void)api;
    const char *q = http_query(request, "q");
    TRY(answer_text(response, request->params[0]));
    return q != NULL ? buf_printf(&response->body, "|%s", q) : OK;
}

static inline err_t on_gate(struct api *api, const struct request *request, struct response *response)
{
    (void)request;
    atomic_fetch_add(&api->handled, 1);
    while (atomic_load(&api->gate) == 0) {
        sleep_ms(2);
    }
    return answer_text(response, "through");
}

static inline err_t on_peer(struct api *api, const struct request *request, struct response *response)
{
    (void)api;
    TRY(answer_text(response, ""));
    return buf_printf(&response->body, "kind=%d resumed=%d exporter=%d unique=%d address=%s",
                      (int)request->peer->kind, request->is_resumed, request->binding->has_exporter,
                      request->binding->unique_size > 0, request->address);
}

static inline err_t on_file(struct api *api, const struct request *request, struct response *response)
{
    (void)request;
    response->status = 200;
    response->content_type = "application/octet-stream";
    response->file_path = strdup(api->file_path);
    return OK;
}

static inline err_t on_fail(struct api *api, const struct request *request, struct response *response)
{
    (void)api;
    (void)request;
    (void)response;
    return ERR(ERR_DISK_FULL, "a secret of the house");
}

/* --- its sink and its source */

static inline err_t sink_open(struct api *api, const struct request *request, void **state)
{
    ENSURE(http_header(request, "X-Refuse") == NULL, ERR_FORBIDDEN, "not you");
    atomic_store(&api->sink_bytes, 0);
    *state = api;
    return OK;
}

static inline err_t sink_write(void *state, struct bytes chunk)
{
    struct api *api = state;
    long long total = atomic_fetch_add(&api->sink_bytes, (long long)chunk.n) + (long long)chunk.n;
    int limit = atomic_load(&api->sink_refuse_at);
    ENSURE(limit == 0 || total < limit, ERR_UNPROCESSABLE, "no more of this");
    return OK;
}

static inline err_t sink_finish(struct api *api, const struct request *request, void *state,
                                struct response *response)
{
    (void)request;
    (void)state;
    TRY(answer_text(response, ""));
    return buf_printf(&response->body, "%lld", atomic_load(&api->sink_bytes));
}

static inline void sink_abort(void *state)
{
    atomic_fetch_add(&((struct api *)state)->aborted, 1);
}

static const struct body_sink test_sink = {sink_open, sink_write, sink_finish, sink_abort};

static inline err_t feed_next(void *state, struct buf *chunk, bool *is_end)
{
    struct feed *feed = state;
    pthread_mutex_lock(&feed->mutex);
    err_t error = buf_append_bytes(chunk, buf_view(&feed->ready));
    buf_clear(&feed->ready);
    *is_end = feed->is_end;
    feed->is_asked = true;
    pthread_mutex_unlock(&feed->mutex);
    return error;
}

static inline void feed_free(void *state)
{
    struct feed *feed = state;
    pthread_mutex_lock(&feed->mutex);
    feed->is_freed = true;
    feed->is_asked = false;
    feed->source = NULL;
    pthread_mutex_unlock(&feed->mutex);
}

static inline void feed_give(struct feed *feed, const char *text, bool is_end)
{
    pthread_mutex_lock(&feed->mutex);
    assert_ok(buf_append_str(&feed->ready, text));
    feed->is_end = is_end;
    if (feed->is_asked) { /* `wake` is set by then */
        feed->source->wake(feed->source->waker);
    }
    pthread_mutex_unlock(&feed->mutex);
}

static inline bool feed_is_freed(struct feed *feed)
{
    pthread_mutex_lock(&feed->mutex);
    bool is_freed = feed->is_freed;
    pthread_mutex_unlock(&feed->mutex);
    return is_freed;
}

static inline err_t on_stream(struct api *api, const struct request *request, struct response *response)
{
    (void)request;
    struct response_source *source = calloc(1, sizeof *source);
    *source = (struct response_source){.state = &api->feed, .next = feed_next, .free = feed_free};
    pthread_mutex_lock(&api->feed.mutex);
    api->feed.source = source;
    pthread_mutex_unlock(&api->feed.mutex);
    response->status = 200;
    response->content_type = "text/event-stream";
    response->source = source;
    return OK;
}

#define ANYWHERE (LISTENER_PUBLIC | LISTENER_DEVICE | LISTENER_MANAGEMENT)

static const struct route test_routes[] = {
    {.method = HTTP_GET, .path = "/loop", .listeners = ANYWHERE, .flags = ROUTE_ON_LOOP, .handler = on_hello},
    {.method = HTTP_GET, .path = "/work", .listeners = ANYWHERE, .handler = on_hello},
    {.method = HTTP_GET, .path = "/gate", .listeners = ANYWHERE, .handler = on_gate},
    {.method = HTTP_POST, .path = "/echo", .listeners = ANYWHERE, .body_limit = 100000, .handler = on_echo},
    {.method = HTTP_GET, .path = "/things/{id}", .listeners = ANYWHERE, .handler = on_param},
    {.method = HTTP_GET, .path = "/peer", .listeners = ANYWHERE, .handler = on_peer},
    {.method = HTTP_GET,
     .path = "/fresh",
     .listeners = ANYWHERE,
     .flags = ROUTE_FULL_HANDSHAKE,
     .handler = on_peer},
    {.method = HTTP_GET, .path = "/file", .listeners = ANYWHERE, .handler = on_file},
    {.method = HTTP_GET, .path = "/fail", .listeners = ANYWHERE, .handler = on_fail},
    {.method = HTTP_GET, .path = "/stream", .listeners = ANYWHERE, .handler = on_stream},
    {.method = HTTP_PUT, .path = "/sink", .listeners = ANYWHERE, .sink = &test_sink},
};
static const struct route_table test_table = {test_routes, sizeof test_routes / sizeof test_routes[0]};

static inline err_t test_admit(struct api *api, struct request *request)
{
    atomic_fetch_add(&api->admitted, 1);
    ENSURE(http_header(request, "X-Nobody") == NULL, ERR_UNAUTHORIZED, "nobody");
    return OK;
}

static inline void test_refuse(struct api *api, const struct request *request, err_t error,
                               struct response *response)
{
    (void)api;
    (void)request;
    response->status = err_status(error.code);
    response->content_type = "text/plain";
    err_ignore(buf_append_str(&response->body, response->status < 500 ? error.detail : err_slug(error.code)));
}

/* --- the server */

struct fixture {
    struct api api;
    struct test_house house;
    struct server *server;
    pthread_t thread;
    struct tls_snapshot *tls;
    EVP_PKEY *identity_key, *device_key;
    X509 *identity, *device;
};

static const struct server_limits test_limits = {.connections = 200,
                                                 .connections_per_address = 100,
                                                 .handshake_ms = 500,
                                                 .header_ms = 500,
                                                 .idle_ms = 60000,
                                                 .body_bytes_per_second = 1000,
                                                 .header_bytes = 4096,
                                                 .header_count = 32,
                                                 .queue = 4};

static inline void make_tls(struct fixture *f, struct tls_snapshot *former, struct tls_snapshot **out)
{
    AUTO_PTR(private_key) *key = NULL;
    AUTO_VAL(buf) spki = {0};
    AUTO_VAL(issued) server = {0};
    const char *hosts[] = {"localhost", "127.0.0.1"};
    int64_t now_ms = clock_now_ms(clock_system());
    struct certificate_spec spec = {.not_before_ms = now_ms - 3600000,
                                    .not_after_ms = now_ms + 86400000,
                                    .publication = test_publication};
    const char *label = former == NULL ? "server-1" : "server-2";
    assert_ok(random_fill(random_system(), spec.serial, sizeof spec.serial));
    assert_ok(keystore_generate(f->house.keystore, label, KEY_ALG_P256, &key));
    assert_ok(private_key_spki(key, &spki));
    assert_ok(authority_issue_server(f->house.infrastructure, buf_view(&spki), hosts, 2, &spec, &server));
    const struct authority *authorities[] = {f->house.device};
    struct peer_trust *trust = NULL;
    assert_ok(peer_trust_new(authorities, 1, &policy_strict, &trust));
    struct bytes chain[] = {authority_borrow_der(f->house.infrastructure)};
    const struct tls_options options = {.key = key,
                                        .certificate_der = buf_view(&server.der),
                                        .chain = chain,
                                        .chain_count = 1,
                                        .trust = trust,
                                        .tickets = true,
                                        .ticket_lifetime_s = 3600,
                                        .clock = clock_system(),
                                        .random = random_system(),
                                        .former = former};
    assert_ok(tls_snapshot_new(&options, out));
}

static inline X509 *self_signed(EVP_PKEY *key)
{
    X509 *x = X509_new();
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"puf", -1,
                               -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_set_pubkey(x, key);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    return x;
}

static inline void *fixture_thread(void *context)
{
    err_t error = server_run(((struct fixture *)context)->server);
    assert_int_equal(error.code, ERR_OK);
    return NULL;
}

static inline void fixture_identities(struct fixture *f)
{
    AUTO_VAL(issued) issued = {0};
    f->identity_key = ec_key("P-256");
    f->identity = self_signed(f->identity_key);
    f->device_key = ec_key("P-256");
    issue_device(&f->house, f->device_key, clock_now_ms(clock_system()) - 3600000, 30, &issued);
    const unsigned char *p = issued.der.p;
    f->device = d2i_X509(NULL, &p, (long)issued.der.n);
    assert_non_null(f->device);
}

static inline void fixture_start(struct fixture *f, const struct server_limits *limits, int workers)
{
    *f = (struct fixture){0};
    pthread_mutex_init(&f->api.feed.mutex, NULL);
    test_house_init(&f->house, KEY_ALG_P256);
    make_tls(f, NULL, &f->tls);
    fixture_identities(f);
    const struct server_options options = {
        .listeners = {{LISTENER_DEVICE, "127.0.0.1:0", 8192},
                      {LISTENER_MANAGEMENT, NULL, 32768},
                      {LISTENER_PUBLIC, "127.0.0.1:0", 8192}},
        .loops = 2,
        .workers = workers,
        .limits = *limits,
        .clock = clock_system(),
        .random = random_system(),
    };
    const struct server_app app = {
        .api = &f->api, .tables = &test_table, .table_count = 1, .admit = test_admit, .refuse = test_refuse};
    assert_ok(server_new(&options, &app, f->tls, NULL, &f->server));
    assert_int_equal(pthread_create(&f->thread, NULL, fixture_thread, f), 0);
}

static inline void fixture_stop(struct fixture *f)
{
    server_stop(f->server);
    pthread_join(f->thread, NULL);
    server_free(f->server);
    tls_snapshot_unref(f->tls);
    X509_free(f->identity);
    X509_free(f->device);
    EVP_PKEY_free(f->identity_key);
    EVP_PKEY_free(f->device_key);
    buf_clear(&f->api.feed.ready);
    pthread_mutex_destroy(&f->api.feed.mutex);
    test_house_clear(&f->house);
}

/* --- clients */

struct client {
    int fd;
    SSL *ssl;
};

static inline int connect_to(const struct fixture *f, enum listener listener)
{
    const char *address = server_address(f->server, listener);
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    in4.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval limit = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(fd, (struct sockaddr *)&in4, sizeof in4), 0);
    return fd;
}

static inline struct client client_plain(const struct fixture *f)
{
    return (struct client){.fd = connect_to(f, LISTENER_PUBLIC)};
}

static inline void client_close(struct client *c)
{
    SSL_free(c->ssl);
    close(c->fd);
    *c = (struct client){.fd = -1};
}

static inline ssize_t client_read(struct client *c, void *out, size_t size)
{
    return c->ssl != NULL ? SSL_read(c->ssl, out, (int)size) : recv(c->fd, out, size, 0);
}

static inline bool client_send(struct client *c, const void *p, size_t n)
{
    const char *at = p;
    while (n > 0) {
        ssize_t put = c->ssl != NULL ? SSL_write(c->ssl, at, (int)n) : send(c->fd, at, n, MSG_NOSIGNAL);
        if (put <= 0) {
            return false;
        }
        at += put;
        n -= (size_t)put;
    }
    return true;
}

static inline void client_say(struct client *c, const char *text)
{
    assert_true(client_send(c, text, strlen(text)));
}

/** Everything until the server closes. */
static inline void client_read_all(struct client *c, struct buf *out)
{
    char chunk[16384];
    ssize_t n = 0;
    while ((n = client_read(c, chunk, sizeof chunk)) > 0) {
        assert_ok(buf_append(out, chunk, (size_t)n));
    }
}

/** One response with a Content-Length. @return its status, 0 when the connection ended; the body in `body` */
static inline int client_response(struct client *c, struct buf *body)
{
    AUTO_VAL(buf) head = {0};
    char byte = 0;
    buf_clear(body);
    while (strstr(buf_str(&head), "\r\n\r\n") == NULL) {
        if (client_read(c, &byte, 1) != 1) {
            return 0;
        }
        assert_ok(buf_append(&head, &byte, 1));
    }
    const char *length = strcasestr(buf_str(&head), "content-length: ");
    size_t left = length != NULL ? strtoul(length + 16, NULL, 10) : 0;
    while (left > 0) {
        char chunk[16384];
        ssize_t n = client_read(c, chunk, left < sizeof chunk ? left : sizeof chunk);
        if (n <= 0) {
            return 0;
        }
        assert_ok(buf_append(body, chunk, (size_t)n));
        left -= (size_t)n;
    }
    return atoi(buf_str(&head) + 9);
}

static inline int client_get(struct client *c, const char *path, struct buf *body)
{
    AUTO_VAL(buf) text = {0};
    assert_ok(buf_printf(&text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path));
    client_say(c, buf_str(&text));
    return client_response(c, body);
}

/** Waits up to 10 s. */
#define wait_until(condition)                                                                                \
    do {                                                                                                     \
        for (int wait_ = 0; wait_ < 2000 && !(condition); wait_++) {                                         \
            sleep_ms(5);                                                                                     \
        }                                                                                                    \
        assert_true(condition);                                                                              \
    } while (0)

#endif
