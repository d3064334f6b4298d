/* One event loop: runs its HTTP daemons after the bytes of a turn were moved, moves their answers, then gives
 * what is left of the turn to handshakes and new connections. Everything it owns is touched by its thread
 * only; workers speak to it through `done` and `wake`. */
#include "server/connection.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/exchange.h"
#include "server/http.h"
#include "server/loop_stop.h"
#include "server/timer.h"

enum { TICK_MS = 100, ROUNDS_PER_TURN = 3, LINGER_MS = 2000, RATE_WINDOW_MS = 5000 };

/* --- the table by fd */

struct connection *loop_by_fd(const struct loop *loop, int fd)
{
    return fd >= 0 && (size_t)fd < loop->by_fd_size ? loop->by_fd[fd] : NULL;
}

err_t loop_set_by_fd(struct loop *loop, int fd, struct connection *connection)
{
    if ((size_t)fd >= loop->by_fd_size) {
        size_t size = ((size_t)fd + 1024) / 1024 * 2048;
        struct connection **grown = realloc(loop->by_fd, size * sizeof(struct connection *));
        ENSURE(grown != NULL, ERR_NO_MEMORY, "the table of connections");
        memset(grown + loop->by_fd_size, 0, (size - loop->by_fd_size) * sizeof(struct connection *));
        loop->by_fd = grown;
        loop->by_fd_size = size;
    }
    loop->by_fd[fd] = connection;
    return OK;
}

/* --- one turn */

void loop_ready(struct loop *loop, struct connection *c)
{
    if (c->is_ready) {
        return;
    }
    c->is_ready = true;
    c->holds++;
    c->ready_next = loop->ready;
    loop->ready = c;
}

static void serve_ready(struct loop *loop)
{
    struct connection *c = TAKE(loop->ready);
    while (c != NULL) {
        struct connection *next = c->ready_next;
        c->is_ready = false;
        if (c->stage == CONNECTION_OPEN) {
            bridge_from_http(c);
            if (bridge_may_read(c) && stream_has_pending(&c->stream)) {
                bridge_from_client(c);
            }
            connection_update(c);
        }
        connection_release(c);
        c = next;
    }
}

void loop_ending(struct loop *loop, struct connection *c)
{
    if (!c->is_ending) {
        c->is_ending = true;
        c->holds++;
        c->ending_next = loop->ending;
        loop->ending = c;
    }
}

/* The library reads in its runs only, so after one is the time to look. */
static void tell_ends(struct loop *loop)
{
    struct connection *c = TAKE(loop->ending);
    while (c != NULL) {
        struct connection *next = c->ending_next;
        c->is_ending = false;
        bridge_library_ran(c);
        connection_release(c);
        c = next;
    }
}

static void on_spin(uv_idle_t *handle)
{
    (void)handle; /* its being active keeps the loop from sleeping */
}

static bool has_due(const struct loop *loop)
{
    bool is_due = false;
    for (int i = 0; i < LISTENER_COUNT; i++) {
        is_due = is_due || loop->http_is_due[i];
    }
    return is_due;
}

static bool run_due(struct loop *loop)
{
    bool has_run = false;
    for (int i = 0; i < LISTENER_COUNT; i++) {
        if (loop->http[i] != NULL && loop->http_is_due[i]) {
            loop->http_is_due[i] = http_run(loop->http[i]);
            has_run = true;
        }
    }
    if (has_run) {
        tell_ends(loop);
    }
    return has_due(loop);
}

static void on_after_io(uv_check_t *handle)
{
    struct loop *loop = handle->data;
    bool is_eager = true;
    for (int round = 0; round < ROUNDS_PER_TURN && (is_eager || loop->ready != NULL); round++) {
        is_eager = run_due(loop);
        serve_ready(loop);
    }
    /* what is open goes first */
    is_eager = handshakes_serve(loop) || has_due(loop) || loop->ready != NULL;
    accept_turn(loop);
    if (is_eager) {
        (void)uv_idle_start(&loop->spin, on_spin);
    } else if (uv_is_active((uv_handle_t *)&loop->spin)) {
        (void)uv_idle_stop(&loop->spin);
    }
}

/* --- time */

static void on_tick(uv_timer_t *handle)
{
    struct loop *loop = handle->data;
    atomic_store(&loop->turned_at_ms, uv_now(&loop->uv));
    loop_figures_tick(&loop->seen, stopwatch_us(), TICK_MS * 1000);
    struct deadline *expired = NULL;
    while ((expired = deadlines_expired(&loop->deadlines, uv_now(&loop->uv))) != NULL) {
        connection_expired(
            (struct connection *)(void *)((char *)expired - offsetof(struct connection, deadline)));
    }
    accept_tick(loop);
    if (loop->index == 0) {
        workers_tick(loop->server->workers);
    }
    loop_stop_step(loop);
}

/* --- from other threads */

void loop_done(struct loop *loop, struct exchange *x)
{
    pthread_mutex_lock(&loop->mutex);
    x->done_next = loop->done;
    loop->done = x;
    pthread_mutex_unlock(&loop->mutex);
    (void)uv_async_send(&loop->wake);
}

static void on_wake(uv_async_t *handle)
{
    struct loop *loop = handle->data;
    pthread_mutex_lock(&loop->mutex);
    struct exchange *x = TAKE(loop->done);
    pthread_mutex_unlock(&loop->mutex);
    while (x != NULL) {
        struct exchange *next = x->done_next;
        loop->waiting--;
        loop_ready(loop, x->connection);
        loop->http_is_due[x->connection->listener] = true;
        http_resume(x);
        x = next;
    }
    loop_stop_step(loop);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct loop *loop = handle->data;
    if (number == SIGHUP) {
        timer_reload(loop->server->timer);
        return;
    }
    server_stop(loop->server);
}

/* --- the loop */

/* Random bytes in pieces of a pool: a request id needs ten, and a call into the generator costs more than the
 * rest of it. */
static err_t pool_fill(void *context, uint8_t *out, size_t n)
{
    struct loop *loop = context;
    if (n > RANDOM_POOL_SIZE) {
        return random_fill(loop->server->options.random, out, n);
    }
    if (loop->random_left < n) {
        TRY(random_fill(loop->server->options.random, loop->random_pool, RANDOM_POOL_SIZE));
        loop->random_left = RANDOM_POOL_SIZE;
    }
    loop->random_left -= n;
    memcpy(out, loop->random_pool + loop->random_left, n);
    return OK;
}

static void durations_set(struct loop *loop)
{
    const struct server_limits *limits = &loop->server->options.limits;
    deadlines_init(&loop->deadlines);
    uint64_t *ms = loop->deadlines.duration_ms;
    ms[DEADLINE_HANDSHAKE] = ms[DEADLINE_HANDSHAKE_MANAGEMENT] = (uint64_t)limits->handshake_ms;
    ms[DEADLINE_IDLE] = (uint64_t)limits->idle_ms;
    ms[DEADLINE_HEADERS] = (uint64_t)limits->header_ms;
    ms[DEADLINE_BODY_IN] = ms[DEADLINE_BODY_OUT] =
        (uint64_t)(limits->rate_window_ms > 0 ? limits->rate_window_ms : RATE_WINDOW_MS);
    ms[DEADLINE_LINGER] = LINGER_MS;
}

static err_t handles_init(struct loop *loop)
{
    uv_loop_t *uv = &loop->uv;
    loop->after_io.data = loop->spin.data = loop->tick.data = loop->wake.data = loop;
    bool is_good = uv_check_init(uv, &loop->after_io) == 0 && uv_idle_init(uv, &loop->spin) == 0 &&
                   uv_timer_init(uv, &loop->tick) == 0 && uv_async_init(uv, &loop->wake, on_wake) == 0 &&
                   uv_check_start(&loop->after_io, on_after_io) == 0 &&
                   uv_timer_start(&loop->tick, on_tick, TICK_MS, TICK_MS) == 0;
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; loop->index == 0 && is_good && i < sizeof numbers / sizeof numbers[0]; i++) {
        is_good = uv_signal_init(uv, &loop->signals[i]) == 0;
        loop->signals[i].data = loop;
        is_good = is_good && uv_signal_start(&loop->signals[i], on_signal, numbers[i]) == 0;
    }
    ENSURE(is_good, ERR_IO, "a loop cannot be made");
    return OK;
}

err_t loop_init(struct loop *loop, struct server *server, int index, const int *listen_fds)
{
    loop->server = server;
    loop->index = index;
    loop->random = (struct random){.context = loop, .fill = pool_fill};
    pthread_mutex_init(&loop->mutex, NULL);
    for (int i = 0; i < LISTENER_COUNT; i++) {
        loop->acceptors[i].fd = -1;
    }
    ENSURE(uv_loop_init(&loop->uv) == 0, ERR_IO, "a loop cannot be made");
    loop->has_uv = true;
    atomic_store(&loop->turned_at_ms, uv_hrtime() / 1000000);
    durations_set(loop);
    handshakes_init(loop);
    TRY(figures_new(router_route_count(server->router), &loop->figures));
    TRY(handles_init(loop));
    for (int i = 0; i < LISTENER_COUNT; i++) {
        if (listen_fds[i] >= 0) {
            TRY(acceptor_init(loop, i, listen_fds[i]));
        }
    }
    return OK;
}

void loop_run(struct loop *loop)
{
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT); /* until loop_stop_step() closes the last handle */
}

void loop_clear(struct loop *loop)
{
    if (loop->server == NULL) {
        return;
    }
    if (loop->has_uv) {
        loop_stop_now(loop);
        loop_run(loop);
        (void)uv_loop_close(&loop->uv); /* every handle is closed */
    }
    for (int i = 0; i < LISTENER_COUNT; i++) {
        http_free(loop->http[i]);
    }
    figures_free(loop->figures);
    free(loop->by_fd);
    pthread_mutex_destroy(&loop->mutex);
}
