/* The only file that knows libmicrohttpd: turns its callbacks into steps of an exchange (exchange.h) and
 * responses into its objects. One daemon for each listener of each loop, without a socket of its own and
 * without threads. Traps: reference of each is beside it. */
#include "server/http.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/exchange.h"

enum { SOURCE_BLOCK = 16384 };

struct http {
    struct MHD_Daemon *daemon;
    struct loop *loop;
    int event_fd;
};

const char *http_reason(int status)
{
    return MHD_get_reason_phrase_for((unsigned int)status);
}

/* --- responses */

/* What a body lives in until the library has sent it. */
struct body_owner {
    struct shared *shared;
    void *memory;
};

static void body_release(void *context)
{
    struct body_owner *owner = context;
    shared_unref(owner->shared);
    free(owner->memory);
    free(owner);
}

static ssize_t on_read_source(void *context, uint64_t position, char *out, size_t size)
{
    (void)position;
    struct exchange *x = context;
    if (x->chunk_at < x->chunk.n) {
        size_t n = x->chunk.n - x->chunk_at < size ? x->chunk.n - x->chunk_at : size;
        memcpy(out, x->chunk.p + x->chunk_at, n);
        x->chunk_at += n;
        return (ssize_t)n;
    }
    x->chunk.n = x->chunk_at = 0;
    if (x->source_ended) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    if (x->source_failed || !source_ask(x)) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    x->is_waiting = true;
    MHD_suspend_connection(x->handle);
    return 0;
}

static ssize_t on_read_nothing(void *context, uint64_t position,
                               char *out, // NOLINT(readability-non-const-parameter): of the callback
                               size_t size)
{
    (void)context, (void)position, (void)out, (void)size;
    return MHD_CONTENT_READER_END_OF_STREAM;
}

/* RFC 9110 §8.6: a 304 tells the length that the 200 would have, or none. Without a body here it is not
 * known, and the library tells none only where the connection ends. */
static struct MHD_Response *response_of_unknown_length(struct exchange *x)
{
    x->response.close_connection = true;
    struct MHD_Response *made =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1, on_read_nothing, NULL, NULL);
    if (made != NULL &&
        MHD_set_response_options(made, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END) != MHD_YES) {
        MHD_destroy_response(made);
        return NULL;
    }
    return made;
}

static struct MHD_Response *response_of_bytes(struct exchange *x)
{
    struct response *response = &x->response;
    struct body_owner *owner = calloc(1, sizeof *owner);
    if (owner == NULL) {
        return NULL;
    }
    struct bytes view = buf_view(&response->body);
    if (response->shared != NULL) {
        owner->shared = TAKE(response->shared);
        view = shared_view(owner->shared);
    } else {
        owner->memory = TAKE(response->body.p);
        response->body = (struct buf){0};
    }
    /* 0.9.75 forgot the const; it only reads */
    void *start = (void *)(uintptr_t)view.p; // NOLINT(performance-no-int-to-ptr)
    struct MHD_Response *made =
        MHD_create_response_from_buffer_with_free_callback_cls(view.n, start, body_release, owner);
    if (made == NULL) {
        body_release(owner);
    }
    return made;
}

static bool sends_body(const struct exchange *x)
{
    return x->request.method != HTTP_HEAD && x->response.status != MHD_HTTP_NOT_MODIFIED;
}

/* The region of a file that is sent is not the library's: it makes the header section of an empty body. Where
 * the method or the status has no body it knows the length and asks for none of it. */
static struct MHD_Response *response_of_file(const struct exchange *x)
{
    uint64_t size = sends_body(x) ? 0 : (uint64_t)x->response.file_size;
    return MHD_create_response_from_callback(size, 1, on_read_nothing, NULL, NULL);
}

static bool is_bare_304(const struct exchange *x)
{
    const struct response *response = &x->response;
    return response->status == MHD_HTTP_NOT_MODIFIED && response->shared == NULL && response->file == NULL &&
           response->body.n == 0;
}

static struct MHD_Response *response_new(struct exchange *x)
{
    const struct response *response = &x->response;
    if (exchange_finish_headers(x).code != ERR_OK) {
        return NULL;
    }
    x->is_streaming = response->source != NULL;
    struct MHD_Response *made =
        x->is_streaming
            ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, SOURCE_BLOCK, on_read_source, x, NULL)
        : is_bare_304(x)         ? response_of_unknown_length(x)
        : response->file != NULL ? response_of_file(x)
                                 : response_of_bytes(x);
    if (made == NULL) {
        return NULL;
    }
    enum MHD_Result is_good = MHD_YES;
    if (response->content_type != NULL) {
        is_good &= MHD_add_response_header(made, MHD_HTTP_HEADER_CONTENT_TYPE, response->content_type);
    }
    for (size_t i = 0; i < response->header_count; i++) {
        is_good &= MHD_add_response_header(made, response->headers[i].name, response->headers[i].value);
    }
    if (response->close_connection) {
        is_good &= MHD_add_response_header(made, MHD_HTTP_HEADER_CONNECTION, "close");
    }
    if (is_good != MHD_YES) {
        MHD_destroy_response(made);
        return NULL;
    }
    return made;
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, struct exchange *x)
{
    struct MHD_Response *response = response_new(x);
    if (response == NULL) {
        return MHD_NO;
    }
    if (x->response.file != NULL && sends_body(x)) {
        bridge_file_follows(x->connection, &x->response);
    }
    enum MHD_Result result = MHD_queue_response(connection, (unsigned int)x->response.status, response);
    MHD_destroy_response(response);
    /* an answer in front of the body: the library closes behind it */
    if (result == MHD_YES && (x->response.close_connection || (x->has_body && !x->at_end))) {
        x->connection->is_last_answered = true;
    }
    return result;
}

/* --- requests */

struct header_list {
    struct http_field *fields;
    size_t count, max;
};

static enum MHD_Result on_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    struct header_list *list = context;
    if (list->count < list->max) {
        list->fields[list->count++] = (struct http_field){name, value != NULL ? value : ""};
    }
    return MHD_YES;
}

/* Names and values stay in the library's memory, which lives as long as the request. */
static err_t headers_set(struct MHD_Connection *connection, struct exchange *x)
{
    int count = MHD_get_connection_values(connection, MHD_HEADER_KIND, NULL, NULL);
    struct header_list list = {.max = count > 0 ? (size_t)count : 0};
    void *memory = NULL;
    TRY(arena_alloc(x->request.arena, list.max * sizeof *list.fields, &memory));
    list.fields = memory;
    (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, on_header, &list);
    x->request.headers = list.fields;
    x->request.header_count = list.count;
    /* the filter has seen to it that there is one of the two at most, and that the length is a number */
    const char *length = http_header(&x->request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    bool is_chunked = http_header(&x->request, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;
    x->content_length = is_chunked ? -1 : length != NULL ? strtoll(length, NULL, 10) : 0;
    x->has_body = x->content_length != 0;
    return OK;
}

/* Also called when the client is gone; the handle is NULL before a request line was read. */
static void *on_target(void *context, const char *target, struct MHD_Connection *connection)
{
    struct http *http = context;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct connection *c = info != NULL ? loop_by_fd(http->loop, info->connect_fd) : NULL;
    if (c == NULL) {
        return NULL;
    }
    struct exchange *x = exchange_new(c, target);
    if (x != NULL) {
        x->handle = connection;
    }
    return x;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state)
{
    (void)context;
    (void)path; /* decoded by the library, and cut at %00: x->target is what counts */
    struct exchange *x = *state;
    if (x == NULL) {
        return MHD_NO;
    }
    if (!x->has_begun && file_body_is_active(&x->connection->file_body)) {
        x->is_held = true;
        x->connection->loop->waiting++;
        MHD_suspend_connection(connection);
        return MHD_YES;
    }
    bool is_first = !x->has_begun || (x->in_first && x->is_waiting);
    enum exchange_step step = STEP_ABORT;
    if (x->has_begun) {
        step = exchange_go_on(x, upload, upload_size);
    } else if (headers_set(connection, x).code == ERR_OK) {
        x->is_last = http_request_is_last(&x->request, version);
        step = exchange_begin(x, method);
    }
    x->in_first = is_first && step == STEP_WAIT;
    switch (step) {
    case STEP_READ:
        return MHD_YES;
    case STEP_WAIT:
        x->is_waiting = true;
        MHD_suspend_connection(connection);
        return MHD_YES;
    case STEP_ANSWER:
        return send_answer(connection, x);
    case STEP_ABORT:
        return MHD_NO;
    }
    return MHD_NO;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode why)
{
    (void)context;
    (void)connection;
    if (*state != NULL) {
        exchange_end_of_life(*state, why == MHD_REQUEST_TERMINATED_COMPLETED_OK);
        *state = NULL;
    }
}

/* The connection is found by its fd: when this is called for a new one differs between versions of the
 * library. */
static void on_connection(void *context, struct MHD_Connection *connection, void **state,
                          enum MHD_ConnectionNotificationCode what)
{
    struct http *http = context;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *state = info != NULL ? loop_by_fd(http->loop, info->connect_fd) : NULL;
        return;
    }
    struct connection *c = *state;
    if (c != NULL) {
        bridge_detached(c);
    }
}

/* The target is decoded by http_request.c, not by the library. */
static size_t on_unescape(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

/* It would speak of failing socket options, which a socket pair does not have. */
static void on_log(void *context, const char *format, va_list arguments)
{
    (void)context;
    (void)format;
    (void)arguments;
}

/* --- the daemon */

err_t http_new(struct loop *loop, size_t pool_bytes, struct http **out)
{
    *out = NULL;
    struct http *http = calloc(1, sizeof *http);
    ENSURE(http != NULL, ERR_NO_MEMORY, "the HTTP library");
    http->loop = loop;
    /* TURBO: bytes that are there already are read without waiting for an event. No timeouts here: their walk
     * is O(connections). */
    http->daemon = MHD_start_daemon(
        MHD_USE_NO_LISTEN_SOCKET | MHD_USE_EPOLL | MHD_USE_TURBO | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
        on_request, http, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        pool_bytes, MHD_OPTION_CONNECTION_LIMIT, (unsigned int)loop->server->options.limits.connections + 1,
        MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, http, MHD_OPTION_URI_LOG_CALLBACK,
        on_target, http, MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, NULL, MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        http->daemon != NULL ? MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (info == NULL) {
        http_free(http);
        return ERR(ERR_IO, "the HTTP library does not start");
    }
    http->event_fd = info->epoll_fd;
    *out = http;
    return OK;
}

void http_free(struct http *http)
{
    if (http != NULL) {
        if (http->daemon != NULL) {
            MHD_stop_daemon(http->daemon);
        }
        free(http);
    }
}

int http_event_fd(const struct http *http)
{
    return http->event_fd;
}

err_t http_add(struct http *http, int fd)
{
    struct sockaddr_un nameless = {.sun_family = AF_UNIX};
    ENSURE(MHD_add_connection(http->daemon, fd, (struct sockaddr *)&nameless, sizeof(sa_family_t)) == MHD_YES,
           ERR_IO, "the HTTP library takes no connection"); /* the fd is its own even then */
    return OK;
}

bool http_run(struct http *http)
{
    MHD_run(http->daemon);
    MHD_UNSIGNED_LONG_LONG left_ms = 0;
    return MHD_get_timeout(http->daemon, &left_ms) == MHD_YES && left_ms == 0;
}

void http_resume(struct exchange *x)
{
    MHD_resume_connection(x->handle);
}

const char *server_http_version(void)
{
    return MHD_get_version();
}
