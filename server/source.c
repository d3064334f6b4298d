/* Responses that are made while they are sent. One atomic state decides between the worker that asks the
 * source, the source that wakes up, and the loop that gives up. */
#include "server/exchange.h"

static bool move_state(struct exchange *x, int from, int to)
{
    return atomic_compare_exchange_strong(&x->source_state, &from, to);
}

/* For the source's owner, any thread. */
static void wake(void *waker)
{
    struct exchange *x = waker;
    if (move_state(x, SOURCE_WAITING, SOURCE_RUNNING)) {
        workers_push(x->server->workers, &x->task);
    } else {
        (void)move_state(x, SOURCE_RUNNING, SOURCE_WOKEN); /* at rest it will be asked anyway */
    }
}

bool source_ask(struct exchange *x)
{
    if (x->is_cancelled) {
        return false;
    }
    struct response_source *source = x->response.source;
    if (source->wake == NULL) { /* before the first next(); its owner may read it at any time afterwards */
        source->wake = wake;
        source->waker = x;
    }
    x->job = JOB_NEXT;
    x->connection->loop->waiting++;
    atomic_store(&x->source_state, SOURCE_RUNNING);
    workers_push(x->server->workers, &x->task);
    return true;
}

static void rest(struct exchange *x)
{
    atomic_store(&x->source_state, SOURCE_RESTING);
    loop_done(x->connection->loop, x);
}

void source_run(struct exchange *x)
{
    struct response_source *source = x->response.source;
    for (;;) {
        err_t error = source->next(source->state, &x->chunk, &x->source_ended);
        if (error.code != ERR_OK) {
            struct log_origin origin = http_origin(&x->request);
            log_request_error(x->server->options.log, "response_broken", &origin, error);
            x->source_failed = true;
        }
        if (x->source_failed || x->source_ended || x->chunk.n > 0) {
            rest(x);
            return;
        }
        if (move_state(x, SOURCE_RUNNING, SOURCE_WAITING)) {
            return; /* from here on it may be freed: whoever wakes or cancels it goes on with it */
        }
        if (!move_state(x, SOURCE_WOKEN, SOURCE_RUNNING)) {
            x->source_failed = true;
            rest(x);
            return;
        }
    }
}

void source_cancel(struct exchange *x)
{
    x->is_cancelled = true;
    for (;;) {
        int state = atomic_load(&x->source_state);
        if (state == SOURCE_RESTING || state == SOURCE_CANCELLED) {
            return;
        }
        if (!move_state(x, state, state == SOURCE_WAITING ? SOURCE_RESTING : SOURCE_CANCELLED)) {
            continue; /* it moved on between the two looks */
        }
        if (state == SOURCE_WAITING) {
            x->source_failed = true;
            loop_done(x->connection->loop, x);
        }
        return; /* otherwise a worker has it and sees this when it has asked */
    }
}

void source_end_waiting(struct exchange *x)
{
    if (move_state(x, SOURCE_WAITING, SOURCE_RESTING)) {
        x->source_ended = true;
        loop_done(x->connection->loop, x);
    }
}
