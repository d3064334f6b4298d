/* The worker's half of an exchange: admit, handle, the steps of a body sink, the release of what a handler
 * left. Blocks as it likes. */
#include <malloc.h>
#include <stdlib.h>

#include "server/exchange.h"

/* SMALL_FILE: with its header section it is one read of the bridge, and one record of TLS. */
enum { LARGE_BODY = 1 << 20, SMALL_FILE = 15 * 1024 };

err_t exchange_hold(struct exchange *x, size_t more)
{
    if (!body_budget_take(&x->server->bodies, x->held, more)) {
        figures_count_refused(x->connection->loop->figures, REFUSED_MEMORY);
        return ERR(ERR_BUSY, "too many bodies are held at once");
    }
    x->held += more;
    return OK;
}

/* The answer counts until it is sent. That of a change is small, and refused it would say that nothing was
 * done. */
static err_t hold_answer(struct exchange *x)
{
    bool is_look = x->request.method == HTTP_GET || x->request.method == HTTP_HEAD;
    return is_look ? exchange_hold(x, x->response.body.n) : OK;
}

/* A small region goes with its header section in one piece. One that fails is an error that can be told. */
static err_t read_small_file(struct exchange *x)
{
    struct response *response = &x->response;
    bool is_sent = x->request.method != HTTP_HEAD && response->status != 304;
    if (response->file == NULL || !is_sent || response->file_size > SMALL_FILE) {
        return OK;
    }
    size_t n = (size_t)response->file_size;
    TRY(buf_reserve(&response->body, n + 1));
    TRY(shared_file_read(response->file, response->file_at, response->body.p, n));
    response->body.n = n;
    x->small_file = response->file_size;
    shared_file_unref(TAKE(response->file));
    return OK;
}

static void settle(struct exchange *x, err_t error)
{
    if (error.code == ERR_OK && x->response.status == 0) {
        error = ERR(ERR_INTERNAL, "a handler gave no status");
    }
    if (error.code == ERR_OK) {
        error = read_small_file(x);
    }
    if (error.code != ERR_OK) {
        exchange_refuse(x, error);
    }
    x->is_answered = true;
}

static err_t admit(struct exchange *x)
{
    const struct route *route = x->request.route;
    if (x->is_admitted || (route->access == ACCESS_ANYONE && (route->flags & ROUTE_ON_LOOP) != 0)) {
        return OK;
    }
    TRY(x->server->app.admit(x->server->app.api, &x->request));
    x->is_admitted = true;
    return OK;
}

/* What a handler makes of a large body counts as well while it lasts: a text that is parsed is many times
 * itself. */
static err_t handle(struct exchange *x)
{
    size_t parsed = x->body.n > BODY_SMALL ? x->body.n * BODY_PARSED : 0;
    TRY(admit(x));
    TRY(exchange_hold(x, parsed));
    err_t error = x->server->app.run(x->server->app.api, &x->request, &x->response);
    x->held -= parsed;
    body_budget_give(&x->server->bodies, parsed);
    TRY(error);
    return hold_answer(x);
}

/* A large body was taken apart into a hundred thousand small pieces, which are free by now, but stay with the
 * thread that freed them: glibc would give them back to nobody. Large bodies are rare, so this is done at
 * once. */
static void drop_large_body(struct exchange *x)
{
    if (x->body.capacity >= LARGE_BODY) {
        x->request.body = BYTES_NONE;
        buf_clear(&x->body);
        (void)malloc_trim(0); /* whether there was something to give back */
    }
}

void exchange_handle(struct exchange *x)
{
    settle(x, handle(x));
    drop_large_body(x);
}

bool exchange_handle_quick(struct exchange *x)
{
    err_t error = x->request.route->quick(x->server->app.api, &x->request, &x->response);
    if (error.code == ERR_OK && x->response.status == 0) {
        return false;
    }
    settle(x, error);
    return true;
}

static void admit_early(struct exchange *x)
{
    err_t error = admit(x);
    if (error.code != ERR_OK) {
        settle(x, error);
    }
}

static void sink_open(struct exchange *x)
{
    err_t error = admit(x);
    if (error.code == ERR_OK) {
        error = x->request.route->sink->open(x->server->app.api, &x->request, &x->sink_state);
        x->sink_is_open = error.code == ERR_OK;
    }
    if (error.code != ERR_OK) {
        settle(x, error);
    }
}

static void sink_abort(struct exchange *x)
{
    x->sink_is_open = false;
    x->request.route->sink->abort(x->sink_state);
}

static bool sink_write(struct exchange *x)
{
    if (x->body.n == 0) {
        return true;
    }
    err_t error = x->request.route->sink->write(x->sink_state, buf_view(&x->body));
    x->body.n = 0;
    if (error.code != ERR_OK) {
        sink_abort(x);
        settle(x, error);
    }
    return error.code == ERR_OK;
}

static void sink_finish(struct exchange *x)
{
    if (sink_write(x)) {
        x->sink_is_open = false;
        settle(x,
               x->request.route->sink->finish(x->server->app.api, &x->request, x->sink_state, &x->response));
    }
}

void exchange_free(struct exchange *x)
{
    if (x->sink_is_open) {
        sink_abort(x);
    }
    trace_table_drop(x->server->options.traces, &x->traced);
    buf_clear(&x->body);
    buf_clear(&x->chunk);
    response_clear(&x->response);
    body_budget_give(&x->server->bodies, x->held);
    arena_free(x->request.arena);
    free(x);
}

/* Its client may have given up, and others have waited less: the answer is as quick as can be. What was let
 * in already goes on however long it waited. */
static bool has_waited_too_long(const struct exchange *x)
{
    bool is_first = x->job == JOB_ADMIT || x->job == JOB_OPEN || (x->job == JOB_HANDLE && !x->is_admitted);
    int most_ms = x->server->options.limits.queue_wait_ms;
    return is_first && most_ms > 0 &&
           clock_monotonic_ms(x->server->options.clock) - x->task.queued_at_ms > most_ms;
}

void exchange_run(struct task *task)
{
    struct exchange *x = (struct exchange *)(void *)((char *)task - offsetof(struct exchange, task));
    if (has_waited_too_long(x)) {
        figures_count_refused(x->connection->loop->figures, REFUSED_WAIT);
        settle(x, ERR(ERR_BUSY, "no worker was free in time"));
        loop_done(x->connection->loop, x);
        return;
    }
    switch (x->job) {
    case JOB_ADMIT:
        admit_early(x);
        break;
    case JOB_HANDLE:
        exchange_handle(x);
        break;
    case JOB_OPEN:
        sink_open(x);
        break;
    case JOB_WRITE:
        (void)sink_write(x);
        break;
    case JOB_FINISH:
        sink_finish(x);
        break;
    case JOB_NEXT:
        source_run(x); /* tells the loop itself, or waits for its source */
        return;
    case JOB_RELEASE:
        exchange_free(x);
        return;
    }
    loop_done(x->connection->loop, x);
}
