/* `whorld serve`: builds every part, wires the ports, says that it is ready, runs until it is told to stop.
 * The only place that sees all layers. Renewing the server's certificate and rotating ticket keys are reloads
 * like SIGHUP, once an hour. */
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"
#include "cmd/version.h"
#include "cmd/whorld/commands.h"
#include "cmd/whorld/house.h"
#include "cmd/whorld/manager.h"
#include "cmd/whorld/memory.h"
#include "cmd/whorld/readiness.h"
#include "cmd/whorld/sandbox.h"
#include "cmd/whorld/serve_tls.h"
#include "cmd/whorld/sockets.h"
#include "cmd/whorld/stop_guard.h"
#include "fleet/authority_set.h"
#include "fleet/clock_guard.h"
#include "fleet/event_hub.h"
#include "fleet/expiries.h"
#include "fleet/ocsp.h"
#include "fleet/publication.h"
#include "fleet/signer_watch.h"
#include "fleet/webhook_pool.h"
#include "fleet/yield.h"
#include "server/server.h"
#include "server/tls.h"

enum {
    DEVICE_POOL = 8192,
    MANAGEMENT_POOL = 32768,
    PUBLIC_POOL = 8192,
    RELOAD_PERIOD_MS = 3600000,
    LARGE_BLOCK = 262144
};

struct serving {
    struct house *house;
    struct api *api;
    struct server *server;
    struct tls_snapshot *device_tls, *management_tls;
    struct webhook_transport transport;
    struct webhook_pool *webhooks;
    struct sockets sockets; /* that a service manager handed over */
    struct sandbox sandbox;
    struct watchdog *watchdog;
    struct stop_guard *guard;
};

static err_t reload_settings(struct house *house)
{
    struct config fresh;
    TRY(config_load(house->folder, &fresh));
    const char *fixed = config_needs_restart(&house->config, &fresh);
    if (fixed != NULL) {
        LOG(house->log, LOG_WARN, "settings.need_restart", LOG_STR("key", fixed));
    }
    config_take_live(&house->config, &fresh);
    log_set_level(house->log, config_log_level(&house->config));
    return house_set_rates(house);
}

static err_t reload_all(struct serving *s)
{
    AUTO_PTR(tls_snapshot) *device = NULL;
    AUTO_PTR(tls_snapshot) *management = NULL;
    TRY(reload_settings(s->house));
    TRY(anchors_ensure(s->house));
    TRY(serve_tls_make(s->house, true, s->device_tls, &device));
    TRY(serve_tls_make(s->house, false, s->management_tls, &management));
    server_replace_tls(s->server, device, management);
    tls_snapshot_unref(s->device_tls);
    tls_snapshot_unref(s->management_tls);
    s->device_tls = TAKE(device);
    s->management_tls = TAKE(management);
    return OK;
}

static void on_reload(void *context)
{
    struct serving *s = context;
    manager_tell_reloading();
    err_t error = reload_all(s);
    if (error.code != ERR_OK) {
        log_error(s->house->log, "reload.failed", "", error); /* what was in force stays in force */
    } else {
        LOG(s->house->log, LOG_INFO, "reload.done", LOG_STR("by", "signal or hour"));
    }
    manager_tell("READY=1\nSTATUS=serving");
}

/* From here on the manager need not wait for more than the requests in flight. */
static void on_stopping(void *context)
{
    const struct serving *s = context;
    stop_guard_begin(s->guard);
    yield_end(s->house->fleet);
    manager_tell("STOPPING=1\nSTATUS=answering the last requests");
}

static bool is_busy(void *context)
{
    return server_is_busy(context);
}

static err_t print_ready(const struct server *server)
{
    int n = printf("{\"event\":\"ready\",\"device\":\"%s\",\"management\":\"%s\",\"public\":\"%s\"}\n",
                   server_address(server, LISTENER_DEVICE), server_address(server, LISTENER_MANAGEMENT),
                   server_address(server, LISTENER_PUBLIC));
    ENSURE(n > 0 && fflush(stdout) == 0, ERR_IO, "cannot write the ready line");
    return OK;
}

static bool is_turning(const void *context, int64_t within_ms)
{
    return server_is_turning(context, within_ms);
}

/* Not before: whoever is told comes at once. */
static err_t on_started(void *context)
{
    struct serving *s = context;
    TRY(print_ready(s->server));
    TRY(watchdog_start(is_turning, s->server, s->house->log, &s->watchdog));
    manager_tell("READY=1\nSTATUS=serving");
    return OK;
}

/* Who is trusted, and under whom the server stands, may be others now. */
static void on_authorities(void *context)
{
    server_reload(context);
}

/* --- the parts
 * -----------------------------------------------------------------------------------------------------------
 */

static struct server_limits limits_of(const struct config *c)
{
    return (struct server_limits){
        .connections = (int)c->connections,
        .connections_per_address = (int)c->connections_per_address,
        .handshake_ms = (int)(c->handshake_timeout_s * 1000),
        .header_ms = (int)(c->header_timeout_s * 1000),
        .idle_ms = (int)(c->idle_timeout_s * 1000),
        .body_bytes_per_second = (int)c->body_bytes_per_second,
        .header_bytes = (size_t)c->header_bytes,
        .header_count = (int)c->header_count,
        .queue = (int)c->queue_limit,
        .queue_wait_ms = (int)c->queue_wait_ms,
        .handshakes = (int)c->handshakes,
        .accept_wait_ms = (int)c->accept_wait_ms,
        .body_memory = (size_t)memory_bodies(c, memory_there()) << 20,
    };
}

static void warn_of_memory(const struct serving *s)
{
    int64_t there_mib = memory_there();
    int64_t most_mib = memory_bound(&s->house->config, 0, there_mib);
    if (most_mib > there_mib) {
        LOG(s->house->log, LOG_WARN, "memory_may_not_suffice", LOG_INT("at_most_mib", most_mib),
            LOG_INT("there_mib", there_mib));
    }
}

static err_t make_server(struct serving *s)
{
    const struct config *c = &s->house->config;
    warn_of_memory(s);
    size_t job_count = 0;
    size_t table_count = 0;
    int given[SOCKETS_ROLES];
    TRY(sockets_assign(&s->sockets, c, given));
    const struct job *jobs = fleet_jobs(&job_count);
    const struct route_table *tables = api_routes(&table_count);
    const struct server_app app = {.api = s->api,
                                   .tables = tables,
                                   .table_count = table_count,
                                   .arrive = api_arrive,
                                   .admit = api_admit,
                                   .run = api_run,
                                   .refuse = api_refuse,
                                   .finish = api_finish};
    const struct server_options options = {
        .listeners = {{LISTENER_DEVICE, c->device_listen, DEVICE_POOL, given[0]},
                      {LISTENER_MANAGEMENT, c->management_listen, MANAGEMENT_POOL, given[1]},
                      {LISTENER_PUBLIC, c->public_listen, PUBLIC_POOL, given[2]}},
        .loops = (int)c->loops,
        .workers = (int)c->workers,
        .limits = limits_of(c),
        .clock = clock_system(),
        .random = random_system(),
        .log = s->house->log,
        .traces = s->house->traces,
        .on_reload = on_reload,
        .reload_context = s,
        .reload_period_ms = RELOAD_PERIOD_MS,
        .on_stopping = on_stopping,
        .stopping_context = s,
        .on_started = on_started,
        .started_context = s,
        .jobs = jobs,
        .job_count = job_count,
        .may_run_job = fleet_job_may_run,
        .run_job = fleet_job_run,
        .fleet = s->house->fleet,
    };
    return server_new(&options, &app, s->device_tls, s->management_tls, &s->server);
}

static err_t write_server_metrics(void *context, struct buf *out)
{
    const struct serving *s = context;
    return server_write_metrics(s->server, out);
}

static err_t write_signer_metrics(void *context, struct buf *out)
{
    const struct serving *s = context;
    return signer_write_metrics(s->house->fleet, out);
}

static err_t write_db_metrics(void *context, struct buf *out)
{
    const struct serving *s = context;
    return db_write_metrics(s->house->db, out);
}

static err_t write_sandbox_metrics(void *context, struct buf *out)
{
    const struct serving *s = context;
    return sandbox_write_metrics(&s->sandbox, out);
}

static err_t is_ready(void *context)
{
    const struct serving *s = context;
    return readiness(s->house->fleet);
}

static err_t send_webhook(void *context, const struct outbound_call *call, struct outbound_answer *answer)
{
    return outbound_send(context, call, answer);
}

/* A job, once before anybody is served. When it fails it tries again at its time, and others are served
 * meanwhile. */
static void run_early(struct serving *s, const char *job, err_t (*fn)(struct fleet *fleet, int64_t now_ms))
{
    err_t error = fn(s->house->fleet, clock_guard_now_ms(s->house->fleet));
    if (error.code != ERR_OK) {
        log_error(s->house->log, "job_failed", job, error);
    }
}

/* Where a key is not at hand just now, the lists that are there are served meanwhile (is_ready() watches
 * their ends). */
static err_t publish(struct fleet *fleet)
{
    err_t error = publication_start(fleet, clock_guard_now_ms(fleet));
    return error.code == ERR_UNAVAILABLE ? OK : error;
}

static err_t run(struct serving *s)
{
    TRY(stop_guard_new(s->house, &s->guard));
    TRY(clock_guard_start(s->house->fleet));
    TRY(anchors_ensure(s->house));
    TRY(serve_tls_make(s->house, true, NULL, &s->device_tls));
    TRY(serve_tls_make(s->house, false, NULL, &s->management_tls));
    TRY(publish(s->house->fleet));
    run_early(s, "ocsp-signers", ocsp_refresh);
    run_early(s, "expiries", expiries_check);
    const struct api_options options = {
        .fleet = s->house->fleet,
        .log = s->house->log,
        .random = random_system(),
        .version = WHORL_VERSION,
        .metrics = {{write_server_metrics, s},
                    {write_db_metrics, s},
                    {write_signer_metrics, s},
                    {write_sandbox_metrics, s}},
        .metrics_count = 4,
        .ready = is_ready,
        .ready_context = s,
    };
    TRY(api_new(&options, &s->api));
    TRY(make_server(s));
    const struct yield_port port = {.is_busy = is_busy, .context = s->server};
    yield_ask(s->house->fleet, &port);
    authority_set_on_change(s->house->fleet, on_authorities, s->server);
    s->transport = (struct webhook_transport){.send = send_webhook, .context = s->house->outbound};
    TRY(webhook_pool_start(s->house->fleet, &s->transport, &s->webhooks));
    TRY(event_hub_start(s->house->fleet));
    TRY(sandbox_settle(s->house, &s->sandbox));
    TRY(server_run(s->server));
    return fleet_settle(s->house->fleet);
}

/* Streams of events end with the server; then nobody waits for their thread. */
static void serving_close(struct serving *s)
{
    watchdog_stop(s->watchdog);
    if (s->house->fleet != NULL) {
        yield_end(s->house->fleet);
        yield_ask(s->house->fleet, NULL);
    }
    server_free(s->server);
    webhook_pool_stop(s->webhooks);
    if (s->house->fleet != NULL) {
        event_hub_stop(s->house->fleet);
    }
    stop_guard_free(s->guard);
    api_free(s->api);
    tls_snapshot_unref(s->device_tls);
    tls_snapshot_unref(s->management_tls);
}

/* The hash of a password takes 19 MiB for a moment. Left alone, glibc learns from the first such block that
 * is freed to take the next from the heap of the thread that asks, where it stays: of each thread, for ever.
 * Told a threshold, it learns nothing, and gives large blocks back to the system. */
static void give_large_blocks_back(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK); /* of another allocator this is no concern */
}

/* What can go wrong from here on meets bytes of others, or files that grew from them: behind the sandbox. */
static err_t open_house(const char *dir, bool accepts_rollback, struct serving *s)
{
    TRY(house_open_settings(dir, s->house));
    TRY(sandbox_enter(s->house, &s->sockets, &s->sandbox));
    if (accepts_rollback) {
        TRY(house_bring(dir, JOURNAL_ACCEPT));
    }
    return house_open_rest(s->house, HOUSE_SERVE);
}

int command_serve(int argc, char **argv)
{
    const char *dir = NULL;
    bool accepts = false;
    const struct option_spec specs[] = {{.name = "dir", .value = &dir},
                                        {.name = "accept-rollback", .flag = &accepts}};
    if (!options_read(argc, argv, specs, 2) || dir == NULL) {
        (void)fputs("usage: whorld serve --dir DIR [--accept-rollback]\n", stderr);
        return EXIT_USAGE;
    }
    give_large_blocks_back();
    server_hold_signals();
    AUTO_VAL(house) house = {0};
    struct serving s = {.house = &house};
    const struct socket_words words = sockets_environment();
    err_t error = sockets_read(&words, getpid(), &s.sockets);
    if (error.code == ERR_OK) {
        error = open_house(dir, accepts, &s);
    }
    if (error.code == ERR_OK) {
        error = run(&s);
    }
    serving_close(&s);
    house_close(&house); /* the signer process ends before who started it */
    sandbox_leave(&s.sandbox);
    return error.code == ERR_OK ? EXIT_OK : fail(error);
}
