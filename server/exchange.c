/* The loop's half of an exchange: what each event of the HTTP library means, and what happens next. The
 * worker's half is exchange_work.c. */
#include "server/exchange.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/http.h"

enum { ARENA_CAP = 1 << 20, SINK_PIECE = 65536, BODY_UNADMITTED_MAX = 65536 };

struct exchange *exchange_new(struct connection *connection, const char *target)
{
    size_t size = strlen(target) + 1;
    struct exchange *x = calloc(1, sizeof *x + size);
    if (x == NULL) {
        return NULL;
    }
    memcpy(x->target, target, size);
    x->task.run = exchange_run;
    x->task.lane = listener_lane(connection->loop->server, connection->listener);
    x->connection = connection;
    x->server = connection->loop->server;
    x->route_index = router_route_count(x->server->router);
    x->content_length = -1;
    x->begun_us = stopwatch_us();
    connection->exchange = x;
    err_t error = arena_new(ARENA_CAP, &x->request.arena);
    if (error.code != ERR_OK) {
        exchange_free(x);
        connection->exchange = NULL;
        return NULL;
    }
    return x;
}

void exchange_release(struct exchange *x)
{
    struct loop *loop = x->connection->loop;
    x->is_held = false;
    loop->waiting--;
    loop->http_is_due[x->connection->listener] = true;
    loop_ready(loop, x->connection);
    http_resume(x);
}

/* A small region was read into the body, and is told of here. */
static void tell_sent(struct exchange *x, bool is_whole)
{
    void (*sent)(void *state, int64_t bytes) = x->response.sent;
    x->response.sent = NULL;
    if (sent != NULL) {
        sent(x->response.sent_state, is_whole ? x->small_file : 0);
    }
}

void exchange_end_of_life(struct exchange *x, bool is_whole)
{
    struct connection *c = x->connection;
    tell_sent(x, is_whole);
    c->exchange = NULL;
    c->open_requests--;
    if (x->sink_is_open || x->response.source != NULL) {
        x->job = JOB_RELEASE;
        workers_push(x->server->workers, &x->task);
    } else {
        exchange_free(x);
    }
    loop_ready(c->loop, c);
}

static err_t facts_set(struct exchange *x, const char *method)
{
    struct connection *c = x->connection;
    struct request *request = &x->request;
    request->method = http_method_of(method);
    request->listener = x->server->options.listeners[c->listener].id;
    memcpy(request->address, c->address, sizeof request->address);
    request->now_ms = clock_now_ms(x->server->options.clock);
    request->peer = &c->facts.peer;
    request->memo = &c->memo;
    request->rates = &x->rates;
    request->binding = &c->facts.binding;
    request->is_tls = c->stream.tls != NULL;
    request->is_resumed = c->facts.is_resumed;
    struct uuid id;
    TRY(uuid_new(x->server->options.clock, &c->loop->random, &id));
    uuid_format(id, request->request_id);
    return OK;
}

/* Trace Context §3.2: of two none is believed. */
static void trace_take(struct exchange *x)
{
    struct request *request = &x->request;
    const char *found = NULL;
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcasecmp(request->headers[i].name, "traceparent") == 0) {
            if (found != NULL) {
                return;
            }
            found = request->headers[i].value;
        }
    }
    struct trace trace;
    if (found != NULL && trace_parse(found, &trace)) {
        request->trace = x->traced.trace = trace;
        memcpy(x->traced.request_id, request->request_id, sizeof x->traced.request_id);
        trace_table_put(x->server->options.traces, &x->traced);
    }
}

/* Once for each request, when its status is known. Who sends a trace makes a line at level debug only: nobody
 * fills the log by asking. */
static void tell(struct exchange *x)
{
    const struct request *request = &x->request;
    int status = x->response.status;
    figures_count_request(x->connection->loop->figures, x->route_index, status);
    loop_figures_request(&x->connection->loop->seen, x->connection->listener, x->begun_us);
    if (request->trace.id[0] != '\0') {
        const struct route *route = router_route(x->server->router, x->route_index);
        LOG(x->server->options.log, LOG_DEBUG, "request_traced", LOG_STR("request_id", request->request_id),
            LOG_STR("trace_id", request->trace.id), LOG_STR("parent_id", request->trace.parent),
            LOG_STR("method", http_method_name(request->method)),
            LOG_STR("route", route != NULL ? route->path : NULL), LOG_INT("status", status));
    }
}

/* Who was refused at one instant is not to come back at one instant. */
static int retry_after_s(const struct server *server, enum admission_lane lane)
{
    uint32_t drawn = 0;
    int64_t wait_ms = 0;
    int waiting = workers_lane(server->workers, lane, &wait_ms);
    err_ignore(random_fill(server->options.random, (uint8_t *)&drawn, sizeof drawn)); /* else it is 1 */
    return admission_retry_after_s(waiting, server->options.limits.queue, wait_ms, drawn);
}

void exchange_refuse(struct exchange *x, err_t error)
{
    response_clear(&x->response);
    if (error.code == ERR_BUSY && error.retry_after_s == 0) {
        error.retry_after_s = retry_after_s(x->server, x->task.lane);
    }
    x->server->app.refuse(x->server->app.api, &x->request, error, &x->response);
    err_t extra = OK;
    if (error.code == ERR_METHOD) {
        extra = response_header(&x->response, "Allow", x->allow);
    }
    err_ignore(extra); /* the answer is right without it */
    x->response.close_connection = x->response.close_connection || error.code == ERR_FULL_HANDSHAKE;
    x->is_answered = true;
}

/* Where in the request we are decides how an answer can be given: the library takes one before or behind the
 * body, not within. */
static enum exchange_step answer(struct exchange *x)
{
    if (x->at_end || (x->in_first && x->has_body)) {
        return STEP_ANSWER;
    }
    if (x->in_first) {
        return STEP_READ;
    }
    struct connection *c = x->connection;
    err_t error = response_header(&x->response, "X-Request-Id", x->request.request_id);
    if (error.code == ERR_OK && c->refusal.n == 0 && c->stage == CONNECTION_OPEN) {
        error = refusal_render(&x->response, &c->refusal);
    }
    err_ignore(error); /* without memory for the answer the connection just ends */
    figures_count_refused(c->loop->figures, REFUSED_BODY);
    tell(x);
    return STEP_ABORT;
}

static enum exchange_step refused(struct exchange *x, err_t error)
{
    exchange_refuse(x, error);
    return answer(x);
}

static enum exchange_step enqueue(struct exchange *x, enum exchange_job job)
{
    x->job = job;
    x->connection->loop->waiting++;
    if (job == JOB_ADMIT || job == JOB_HANDLE || job == JOB_OPEN) {
        if (!workers_offer(x->server->workers, &x->task)) {
            x->connection->loop->waiting--;
            figures_count_refused(x->connection->loop->figures, REFUSED_QUEUE);
            return refused(x, ERR(ERR_BUSY, "too many requests are waiting"));
        }
    } else {
        workers_push(x->server->workers, &x->task);
    }
    return STEP_WAIT;
}

static bool has_limit(const struct route *route)
{
    return route->sink == NULL || route->body_limit > 0;
}

static err_t admissible(struct exchange *x, const char *method)
{
    TRY(facts_set(x, method));
    trace_take(x);
    TRY(http_request_route(x));
    TRY(x->server->app.arrive != NULL ? x->server->app.arrive(x->server->app.api, &x->request) : OK);
    const struct route *route = x->request.route;
    ENSURE((route->flags & ROUTE_FULL_HANDSHAKE) == 0 || !x->request.is_resumed, ERR_FULL_HANDSHAKE,
           "repeat the request on a connection with a full handshake");
    ENSURE(x->content_length <= 0 || !has_limit(route) || (uint64_t)x->content_length <= route->body_limit,
           ERR_TOO_LARGE, "at most %zu bytes are taken here", route->body_limit);
    ENSURE(x->content_length <= 0 || route->sink != NULL ||
               body_budget_fits(&x->server->bodies, (size_t)x->content_length),
           ERR_TOO_LARGE, "a body of this size has no room in the memory of this server (body_memory_mib)");
    return OK;
}

enum exchange_step exchange_begin(struct exchange *x, const char *method)
{
    x->has_begun = x->in_first = true;
    err_t error = admissible(x, method);
    if (error.code != ERR_OK) {
        return refused(x, error);
    }
    const struct route *route = x->request.route;
    if (route->sink != NULL) {
        return enqueue(x, JOB_OPEN);
    }
    /* a small body is kept for anybody, a large one only for a caller who is known */
    bool is_large = route->body_limit > BODY_UNADMITTED_MAX &&
                    (x->content_length < 0 || x->content_length > BODY_UNADMITTED_MAX);
    return is_large ? enqueue(x, JOB_ADMIT) : STEP_READ;
}

static enum exchange_step body(struct exchange *x, struct bytes piece)
{
    const struct route *route = x->request.route;
    if (x->is_answered || route == NULL) {
        return answer(x);
    }
    x->received += piece.n;
    if (has_limit(route) && x->received > route->body_limit) {
        return refused(x, ERR(ERR_TOO_LARGE, "at most %zu bytes are taken here", route->body_limit));
    }
    /* a sink has one piece at a time, and what came with its end */
    size_t more = route->sink == NULL ? piece.n : x->held > 0 ? 0 : (size_t)2 * SINK_PIECE;
    err_t error = exchange_hold(x, more);
    if (error.code == ERR_OK) {
        error = buf_append_bytes(&x->body, piece);
    }
    if (error.code != ERR_OK) {
        return refused(x, error);
    }
    return route->sink != NULL && x->body.n >= SINK_PIECE ? enqueue(x, JOB_WRITE) : STEP_READ;
}

static enum exchange_step complete(struct exchange *x)
{
    x->at_end = true;
    if (x->is_answered) {
        return STEP_ANSWER;
    }
    if (x->request.route->sink != NULL) {
        return enqueue(x, JOB_FINISH);
    }
    x->request.body = buf_view(&x->body);
    if ((x->request.route->flags & ROUTE_ON_LOOP) != 0) {
        exchange_handle(x);
        return STEP_ANSWER;
    }
    if (x->request.route->quick != NULL && exchange_handle_quick(x)) {
        return STEP_ANSWER;
    }
    return enqueue(x, JOB_HANDLE);
}

static enum exchange_step resumed(struct exchange *x)
{
    return x->is_answered ? answer(x) : STEP_READ;
}

enum exchange_step exchange_go_on(struct exchange *x, const char *upload, size_t *upload_size)
{
    if (x->is_waiting) {
        x->is_waiting = false;
        x->at_end = x->at_end || (!x->in_first && *upload_size == 0);
        enum exchange_step step = resumed(x);
        if (step != STEP_READ || x->in_first) {
            return step;
        }
    }
    if (*upload_size == 0) {
        return complete(x);
    }
    struct bytes piece = {(const uint8_t *)upload, *upload_size};
    *upload_size = 0;
    return body(x, piece);
}

static bool has_header(const struct response *response, const char *name)
{
    for (size_t i = 0; i < response->header_count; i++) {
        if (strcasecmp(response->headers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

err_t exchange_finish_headers(struct exchange *x)
{
    struct response *response = &x->response;
    struct loop *loop = x->connection->loop;
    tell(x);
    if (x->server->app.finish != NULL) {
        TRY(x->server->app.finish(x->server->app.api, &x->request, response));
    }
    if (x->request.listener != LISTENER_PUBLIC && !has_header(response, "Cache-Control")) {
        TRY(response_header(response, "Cache-Control", "no-store"));
    }
    response->close_connection = response->close_connection || x->is_last || loop->phase != LOOP_RUNNING;
    return response_header(response, "X-Request-Id", x->request.request_id);
}
