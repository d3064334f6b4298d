/* Puts the parts together: sockets, loops, workers, background thread; runs them; takes them apart in
 * reverse. */
#include "server/server.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/descriptors.h"
#include "server/internal.h"
#include "server/process_figures.h"
#include "server/timer.h"

enum { LOOPS_MAX = 64 };

static int listener_index(const struct server *server, enum listener id)
{
    for (int i = 0; i < LISTENER_COUNT; i++) {
        if (server->options.listeners[i].id == id) {
            return i;
        }
    }
    return -1;
}

static bool is_on(const struct server_listener *listener)
{
    bool has_address = listener->address != NULL && listener->address[0] != '\0';
    return listener->id != 0 && (has_address || listener->socket > 0);
}

/* The HTTP library's memory of a connection holds the header section, a record for each field, and the
 * answer's header. */
static size_t header_bytes(const struct server *server, int listener)
{
    size_t most = server->options.listeners[listener].pool_bytes / 8 * 5;
    return server->options.limits.header_bytes < most ? server->options.limits.header_bytes : most;
}

static int loop_count(const struct server_options *options)
{
    unsigned cores = uv_available_parallelism(); /* of this process, not of the machine */
    int count = options->loops > 0 ? options->loops : (int)cores;
    return count < LOOPS_MAX ? count : LOOPS_MAX;
}

static err_t loops_init(struct server *server, int fds[LISTENER_COUNT][LOOPS_MAX])
{
    server->loops = calloc((size_t)server->loop_count, sizeof *server->loops);
    server->figures = calloc((size_t)server->loop_count, sizeof(struct figures *));
    ENSURE(server->loops != NULL && server->figures != NULL, ERR_NO_MEMORY, "the loops");
    for (int i = 0; i < server->loop_count; i++) {
        int mine[LISTENER_COUNT];
        for (int l = 0; l < LISTENER_COUNT; l++) {
            mine[l] = fds[l][i];
        }
        err_t error = loop_init(&server->loops[i], server, i, mine);
        for (int l = 0; l < LISTENER_COUNT; l++) {
            if (server->loops[i].acceptors[l].fd >= 0) {
                fds[l][i] = -1; /* the loop's own now */
            }
        }
        TRY(error);
        server->figures[i] = server->loops[i].figures;
    }
    return OK;
}

static void fds_close(int fds[LISTENER_COUNT][LOOPS_MAX])
{
    for (int l = 0; l < LISTENER_COUNT; l++) {
        for (int i = 0; i < LOOPS_MAX; i++) {
            if (fds[l][i] >= 0) {
                close(fds[l][i]);
            }
        }
    }
}

static err_t listener_open(const struct server_listener *listener, int loops, int *fds, char *bound)
{
    if (listener->socket > 0) {
        return listen_adopt(listener->socket, fds, loops, bound, BOUND_SIZE);
    }
    return listen_open(listener->address, fds, loops, bound, BOUND_SIZE);
}

static err_t listeners_open(struct server *server, int fds[LISTENER_COUNT][LOOPS_MAX])
{
    for (int l = 0; l < LISTENER_COUNT; l++) {
        const struct server_listener *listener = &server->options.listeners[l];
        if (!is_on(listener)) {
            continue;
        }
        ENSURE(listener->id == LISTENER_PUBLIC || server->tls[l] != NULL, ERR_INTERNAL,
               "a listener without its certificate");
        server->header_bytes[l] = header_bytes(server, l);
        TRY(listener_open(listener, server->loop_count, fds[l], server->bound[l]));
    }
    return loops_init(server, fds);
}

static err_t parts_init(struct server *server)
{
    const struct server_options *options = &server->options;
    body_budget_init(&server->bodies, options->limits.body_memory);
    TRY(router_new(server->app.tables, server->app.table_count, &server->router));
    TRY(addresses_new(options->limits.connections, options->limits.connections_per_address, options->random,
                      &server->addresses));
    TRY(workers_new(options->workers, options->limits.queue, options->clock, &server->workers));
    TRY(timer_new(options, &server->timer));
    int fds[LISTENER_COUNT][LOOPS_MAX];
    memset(fds, -1, sizeof fds);
    err_t error = listeners_open(server, fds);
    fds_close(fds);
    return error;
}

err_t server_new(const struct server_options *options, const struct server_app *app,
                 struct tls_snapshot *device_tls, struct tls_snapshot *management_tls, struct server **out)
{
    *out = NULL;
    AUTO_PTR(server) *server = calloc(1, sizeof *server);
    ENSURE(server != NULL, ERR_NO_MEMORY, "the server");
    server->options = *options;
    server->options.limits.connections = descriptors_for_connections(options);
    server->app = *app;
    server->loop_count = loop_count(options);
    pthread_mutex_init(&server->tls_mutex, NULL);
    server_replace_tls(server, device_tls, management_tls);
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
    TRY(parts_init(server));
    *out = TAKE(server);
    return OK;
}

const char *server_loop_version(void)
{
    return uv_version_string();
}

const char *server_address(const struct server *server, enum listener id)
{
    int index = listener_index(server, id);
    return index >= 0 ? server->bound[index] : "";
}

static void *loop_thread(void *context)
{
    loop_run(context);
    return NULL;
}

static void signals_mask(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    (void)pthread_sigmask(how, &set, NULL); /* fails only for a wrong `how` */
}

void server_hold_signals(void)
{
    signals_mask(SIG_BLOCK);
}

/* The loops behind the first. @param[out] started how many threads run, the caller's among them */
static err_t start_loops(struct server *server, pthread_t threads[LOOPS_MAX], int *started)
{
    for (*started = 1; *started < server->loop_count; (*started)++) {
        struct loop *loop = &server->loops[*started];
        ENSURE(pthread_create(&threads[*started], NULL, loop_thread, loop) == 0, ERR_NO_MEMORY,
               "a loop's thread cannot be started");
    }
    const struct server_options *options = &server->options;
    return options->on_started != NULL ? options->on_started(options->started_context) : OK;
}

err_t server_run(struct server *server)
{
    TRY(timer_start(server->timer));
    pthread_t threads[LOOPS_MAX];
    int started = 1;
    err_t error = start_loops(server, threads, &started);
    if (error.code != ERR_OK) {
        server_stop(server);
    }
    signals_mask(SIG_UNBLOCK);
    loop_run(&server->loops[0]);
    for (int i = 1; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    return error;
}

void server_stop(struct server *server)
{
    atomic_store(&server->is_stopping, true);
    for (int i = 0; i < server->loop_count; i++) {
        (void)uv_async_send(&server->loops[i].wake);
    }
}

bool server_is_turning(const struct server *server, int64_t within_ms)
{
    uint64_t now_ms = uv_hrtime() / 1000000; /* the clock of uv_now() */
    for (int i = 0; i < server->loop_count; i++) {
        uint64_t at_ms = atomic_load(&server->loops[i].turned_at_ms);
        if (at_ms < now_ms && now_ms - at_ms > (uint64_t)within_ms) {
            return false;
        }
    }
    return true;
}

bool server_is_busy(const struct server *server)
{
    return workers_waiting(server->workers) > 0;
}

void server_reload(struct server *server)
{
    timer_reload(server->timer);
}

void server_replace_tls(struct server *server, struct tls_snapshot *device_tls,
                        struct tls_snapshot *management_tls)
{
    const struct {
        enum listener id;
        struct tls_snapshot *snapshot;
    } fresh[] = {{LISTENER_DEVICE, device_tls}, {LISTENER_MANAGEMENT, management_tls}};
    for (size_t i = 0; i < sizeof fresh / sizeof fresh[0]; i++) {
        int index = listener_index(server, fresh[i].id);
        if (index < 0 || fresh[i].snapshot == NULL) {
            continue;
        }
        struct tls_snapshot *kept = tls_snapshot_ref(fresh[i].snapshot);
        pthread_mutex_lock(&server->tls_mutex);
        struct tls_snapshot *former = server->tls[index];
        server->tls[index] = kept;
        pthread_mutex_unlock(&server->tls_mutex);
        tls_snapshot_unref(former);
    }
}

static err_t write_gauge(const char *name, const char *help, long long value, struct buf *out)
{
    return buf_printf(out, "# TYPE %s gauge\n# HELP %s %s\n%s %lld\n", name, name, help, name, value);
}

static err_t write_loops(const struct server *server, struct buf *out)
{
    static const char *const names[] = {
        [LISTENER_DEVICE] = "device", [LISTENER_MANAGEMENT] = "management", [LISTENER_PUBLIC] = "public"};
    const struct loop_figures *loops[LOOPS_MAX];
    const char *listeners[LISTENER_COUNT] = {NULL};
    for (int i = 0; i < server->loop_count; i++) {
        loops[i] = &server->loops[i].seen;
    }
    for (int i = 0; i < LISTENER_COUNT; i++) {
        listeners[i] = is_on(&server->options.listeners[i]) ? names[server->options.listeners[i].id] : NULL;
    }
    return loop_figures_write(loops, (size_t)server->loop_count, listeners, out);
}

err_t server_write_metrics(const struct server *server, struct buf *out)
{
    TRY(figures_write(server->figures, (size_t)server->loop_count, server->router, out));
    TRY(write_loops(server, out));
    TRY(process_figures_write(out));
    TRY(write_gauge("whorl_connections", "Open connections.", atomic_load(&server->connections), out));
    TRY(write_gauge("whorl_connections_limit", "So many may be open; more are turned away.",
                    server->options.limits.connections, out));
    TRY(write_gauge("whorl_body_memory_bytes", "Bodies of requests and answers that are held.",
                    (long long)atomic_load(&server->bodies.held), out));
    TRY(write_gauge("whorl_body_memory_limit_bytes", "So much may be held; more is turned away.",
                    server->bodies.most < INT64_MAX ? (long long)server->bodies.most : 0, out));
    TRY(write_gauge("whorl_worker_queue", "Requests waiting for a worker.", workers_waiting(server->workers),
                    out));
    TRY(write_gauge("whorl_worker_queue_limit", "So many of one listener may wait; more are turned away.",
                    server->options.limits.queue, out));
    TRY(write_gauge("whorl_worker_busy", "Workers at work.", workers_busy(server->workers), out));
    TRY(write_gauge("whorl_workers", "Workers that there are.", server->options.workers, out));
    return timer_write_metrics(server->timer, out);
}

void server_free(struct server *server)
{
    if (server == NULL) {
        return;
    }
    timer_free(server->timer);
    workers_free(TAKE(server->workers)); /* first: what they still release needs the loops */
    for (int i = 0; server->loops != NULL && i < server->loop_count; i++) {
        loop_clear(&server->loops[i]);
    }
    free(server->loops);
    free(server->figures);
    addresses_free(server->addresses);
    router_free(server->router);
    for (int i = 0; i < LISTENER_COUNT; i++) {
        tls_snapshot_unref(server->tls[i]);
    }
    pthread_mutex_destroy(&server->tls_mutex);
    free(server);
}
