/* The phases of the end. The loop must go on turning while exchanges are with workers: the library cannot be
 * stopped before every suspended connection was resumed. */
#include "server/loop_stop.h"

#include <unistd.h>

#include "base/histogram.h"
#include "server/exchange.h"
#include "server/http.h"

enum { GRACE_MS = 2500, FIRST_US = 2000 * 1000 };

static void close_acceptors(struct loop *loop)
{
    for (int i = 0; i < LISTENER_COUNT; i++) {
        struct acceptor *acceptor = &loop->acceptors[i];
        if (acceptor->fd >= 0) {
            uv_close((uv_handle_t *)&acceptor->poll, NULL);
            close(acceptor->fd);
            acceptor->fd = -1;
        }
    }
}

/* Who came a moment ago was taken out of the kernel's queue, where the process after this one would have
 * found it: it has its first answer from us. */
static bool may_ask_once(const struct connection *c)
{
    return c->filter.requests == 0 && stopwatch_us() - c->accepted_us < FIRST_US;
}

/* Those that nobody waits for any more. */
static void close_connections(struct loop *loop, bool is_forced)
{
    struct connection *c = loop->connections;
    while (c != NULL) {
        struct connection *next = c->next;
        if (c->stage == CONNECTION_OPEN && !is_forced) {
            bridge_from_http(c);
            connection_update(c); /* it may linger now: its deadline */
        }
        bool is_silent = c->stage == CONNECTION_HANDSHAKE || connection_is_idle(c);
        if (is_forced || (c->stage == CONNECTION_HANDSHAKE && !may_ask_once(c))) {
            connection_close(c);
        } else if (is_silent && !may_ask_once(c)) {
            stream_finish(&c->stream);
            connection_close(c);
        } else if (c->exchange != NULL) {
            source_end_waiting(c->exchange);
        }
        c = next;
    }
}

static void on_walk(uv_handle_t *handle, void *context)
{
    (void)context;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

static void end(struct loop *loop)
{
    loop->phase = LOOP_ENDED;
    atomic_store(&loop->turned_at_ms, UINT64_MAX);
    for (int i = 0; i < LISTENER_COUNT; i++) {
        if (loop->http[i] != NULL) {
            uv_close((uv_handle_t *)&loop->http_events[i], NULL);
            http_free(TAKE(loop->http[i])); /* gives back what connections it still holds */
        }
    }
    while (loop->ready != NULL) {
        struct connection *c = loop->ready;
        loop->ready = c->ready_next;
        connection_release(c);
    }
    while (loop->ending != NULL) {
        struct connection *c = loop->ending;
        loop->ending = c->ending_next;
        connection_release(c);
    }
    handshakes_clear(loop);
    if (loop->index == 0) {
        server_hold_signals(); /* this thread alone takes them, and the handles go now */
    }
    uv_walk(&loop->uv, on_walk, NULL);
}

void loop_stop_step(struct loop *loop)
{
    if (!atomic_load(&loop->server->is_stopping) || loop->phase == LOOP_ENDED) {
        return;
    }
    uint64_t now_ms = uv_now(&loop->uv);
    if (loop->phase == LOOP_RUNNING) {
        loop->phase = LOOP_DRAINING;
        loop->force_at_ms = now_ms + GRACE_MS;
        close_acceptors(loop);
        if (loop->index == 0 && loop->server->options.on_stopping != NULL) {
            loop->server->options.on_stopping(loop->server->options.stopping_context);
        }
    }
    if (loop->phase == LOOP_DRAINING && now_ms >= loop->force_at_ms) {
        loop->phase = LOOP_FORCED;
    }
    close_connections(loop, loop->phase == LOOP_FORCED);
    if (loop->connections == NULL && loop->waiting == 0) {
        end(loop);
    }
}

void loop_stop_now(struct loop *loop)
{
    if (loop->phase != LOOP_ENDED) {
        close_acceptors(loop);
        close_connections(loop, true);
        end(loop);
    }
}
