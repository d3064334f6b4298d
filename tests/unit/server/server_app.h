/* The application that the tests of server/ serve: a route for every way in which a request can be answered.
 */
#ifndef WHORL_TESTS_SERVER_APP_H
#define WHORL_TESTS_SERVER_APP_H

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

struct feed { /* a source that a test feeds */
    pthread_mutex_t mutex;
    struct buf ready;
    bool is_end, is_freed, is_asked;
    struct response_source *source;
};

struct api {
    atomic_int handled, admitted, aborted, gate; /* gate: how many may leave /gate */
    atomic_llong sink_bytes, sent_bytes;
    atomic_int sent_files;
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

static inline void on_sent(void *state, int64_t bytes)
{
    struct api *api = state;
    atomic_fetch_add(&api->sent_bytes, bytes);
    atomic_fetch_add(&api->sent_files, 1);
}

static inline err_t on_file(struct api *api, const struct request *request, struct response *response)
{
    response->status = 200;
    response->content_type = "application/octet-stream";
    TRY(shared_file_open(api->file_path, &response->file));
    const char *at = http_query(request, "at"), *size = http_query(request, "size");
    response->file_at = at != NULL ? atoll(at) : 0;
    response->file_size = size != NULL ? atoll(size) : shared_file_size(response->file) - response->file_at;
    response->sent = on_sent;
    response->sent_state = api;
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

/* With X-Known, as a handler that has the representation at hand. */
static inline err_t on_unchanged(struct api *api, const struct request *request, struct response *response)
{
    (void)api;
    err_t error = http_header(request, "X-Known") != NULL ? answer_text(response, "hello") : OK;
    response->status = 304;
    return error;
}

static inline err_t on_no_content(struct api *api, const struct request *request, struct response *response)
{
    (void)api;
    (void)request;
    response->status = 204;
    return OK;
}

/* Half of the requests are in memory. */
static inline err_t on_recall(struct api *api, const struct request *request, struct response *response)
{
    bool is_kept = strstr(request->params[0], "kept") != NULL;
    ENSURE(strcmp(request->params[0], "bad") != 0, ERR_UNPROCESSABLE, "said on the loop");
    return is_kept ? on_hello(api, request, response) : OK;
}

/* Which thread ran it: on the loop, whose connection it is. */
static inline err_t on_where(struct api *api, const struct request *request, struct response *response)
{
    (void)api;
    response->content_type = "text/plain";
    TRY(buf_printf(&response->body, "%ld", (long)gettid()));
    response->status = 200;
    (void)request;
    return OK;
}

/* What nothing on a loop may do. */
static inline err_t on_hold(struct api *api, const struct request *request, struct response *response)
{
    sleep_ms(500);
    return on_where(api, request, response);
}

#define ANYWHERE (LISTENER_PUBLIC | LISTENER_DEVICE | LISTENER_MANAGEMENT)

static const struct route test_routes[] = {
    {.method = HTTP_GET, .path = "/loop", .listeners = ANYWHERE, .flags = ROUTE_ON_LOOP, .handler = on_hello},
    {.method = HTTP_GET,
     .path = "/where",
     .listeners = ANYWHERE,
     .flags = ROUTE_ON_LOOP,
     .handler = on_where},
    {.method = HTTP_GET, .path = "/hold", .listeners = ANYWHERE, .flags = ROUTE_ON_LOOP, .handler = on_hold},
    {.method = HTTP_GET, .path = "/work", .listeners = ANYWHERE, .handler = on_hello},
    {.method = HTTP_GET, .path = "/gate", .listeners = ANYWHERE, .handler = on_gate},
    {.method = HTTP_POST, .path = "/echo", .listeners = ANYWHERE, .body_limit = 100000, .handler = on_echo},
    {.method = HTTP_POST, .path = "/large", .listeners = ANYWHERE, .body_limit = 4000000, .handler = on_echo},
    {.method = HTTP_GET, .path = "/things/{id}", .listeners = ANYWHERE, .handler = on_param},
    {.method = HTTP_GET, .path = "/peer", .listeners = ANYWHERE, .handler = on_peer},
    {.method = HTTP_GET,
     .path = "/fresh",
     .listeners = ANYWHERE,
     .flags = ROUTE_FULL_HANDSHAKE,
     .handler = on_peer},
    {.method = HTTP_GET, .path = "/file", .listeners = ANYWHERE, .handler = on_file},
    {.method = HTTP_GET, .path = "/fail", .listeners = ANYWHERE, .handler = on_fail},
    {.method = HTTP_GET, .path = "/unchanged", .listeners = ANYWHERE, .handler = on_unchanged},
    {.method = HTTP_GET, .path = "/no-content", .listeners = ANYWHERE, .handler = on_no_content},
    {.method = HTTP_POST,
     .path = "/plain/words/{id}",
     .listeners = ANYWHERE,
     .errors = ERRORS_TEXT,
     .body_limit = 10,
     .handler = on_echo},
    {.method = HTTP_GET, .path = "/stream", .listeners = ANYWHERE, .handler = on_stream},
    {.method = HTTP_GET,
     .path = "/memory/{key...}",
     .listeners = ANYWHERE,
     .handler = on_param,
     .quick = on_recall},
    {.method = HTTP_PUT, .path = "/sink", .listeners = ANYWHERE, .sink = &test_sink},
};
static const struct route_table test_table = {test_routes, sizeof test_routes / sizeof test_routes[0]};

static inline err_t test_admit(struct api *api, struct request *request)
{
    atomic_fetch_add(&api->admitted, 1);
    ENSURE(http_header(request, "X-Nobody") == NULL, ERR_UNAUTHORIZED, "nobody");
    return OK;
}

static inline err_t test_run(struct api *api, const struct request *request, struct response *response)
{
    return request->route->handler(api, request, response);
}

static inline void test_refuse(struct api *api, const struct request *request, err_t error,
                               struct response *response)
{
    (void)api;
    bool is_text = request->route != NULL && request->route->errors == ERRORS_TEXT;
    response->status = err_status(error.code);
    response->content_type = is_text ? "text/plain" : "application/problem+json";
    if (error.retry_after_s > 0) {
        AUTO_VAL(buf) text = {0};
        err_ignore(buf_printf(&text, "%d", error.retry_after_s));
        err_ignore(response_header(response, "Retry-After", buf_str(&text)));
    }
    err_ignore(buf_append_str(&response->body, response->status < 500 ? error.detail : err_slug(error.code)));
}

#endif
