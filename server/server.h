/* The event-driven front: loops, TLS, HTTP, routing, workers, timers. Knows no device: what a request means
 * is in the routes and the functions of `struct server_app`. libuv and libmicrohttpd stay inside this folder.
 */
#ifndef WHORL_SERVER_SERVER_H
#define WHORL_SERVER_SERVER_H

#include "api/http.h"
#include "base/log.h"
#include "base/ports.h"
#include "fleet/jobs.h"

struct server;
struct tls_snapshot; /* server/tls.h */
struct trace_table;

/* What the server calls. All functions run on a worker, or on the loop for ROUTE_ON_LOOP. */
struct server_app {
    struct api *api;
    const struct route_table *tables;
    size_t table_count;
    /** Counts a request as soon as its route is known; NULL: none is counted. @thread loop */
    err_t (*arrive)(struct api *api, struct request *request);
    /** Judges the caller, before a body is read that is large or goes to a sink; sets request->principal
     * (arena memory). */
    err_t (*admit)(struct api *api, struct request *request);
    /** Calls the handler of the request's route, or says why not. */
    err_t (*run)(struct api *api, const struct request *request, struct response *response);
    /** Turns an error into a response in the route's style (route NULL: problem+json). Never fails. @thread
     * any */
    void (*refuse)(struct api *api, const struct request *request, err_t error, struct response *response);
    /** Adds header fields of every answer; NULL: there are none. @thread loop */
    err_t (*finish)(struct api *api, const struct request *request, struct response *response);
};

struct server_limits {
    int connections; /* all listeners together */
    int connections_per_address;
    int handshake_ms;          /* accept → TLS done */
    int header_ms;             /* first byte of a request → end of its headers */
    int idle_ms;               /* between requests */
    int body_bytes_per_second; /* least average rate of a body in each window, both ways */
    int rate_window_ms;        /* 0: five seconds */
    size_t header_bytes;       /* request line and fields */
    int header_count;
    int queue;          /* requests of each listener waiting for a worker; more is 503 with Retry-After */
    size_t body_memory; /* bytes of all bodies that are held at once; 0: no limit */
    int queue_wait_ms;  /* who has waited longer is answered 503 instead; 0: no limit */
    int handshakes;     /* TLS handshakes unfinished at once; 0: a quarter of the connections */
    int accept_wait_ms; /* who has waited longer to be accepted gets no handshake; 0: no limit */
};

struct server_listener {
    enum listener id;
    const char *address; /* "127.0.0.1:8443", "[::]:0"; NULL or "" is off */
    size_t pool_bytes;   /* MHD memory pool of a connection */
    int socket;          /* a listening socket that was handed over, used instead of the address; stays the
                            caller's. 0: none */
};

struct server_options {
    struct server_listener listeners[3];
    int loops; /* 0: one per core */
    int workers;
    struct server_limits limits;
    const struct clock *clock;
    const struct random *random;
    struct log *log;
    struct trace_table *traces; /* base/trace_table.h: of the requests that run; NULL: nobody asks */
    /* on a background thread; may block */
    void (*on_reload)(void *context); /* at SIGHUP, at server_reload(), and every reload_period_ms:
                                         certificates and ticket keys are renewed there */
    void *reload_context;
    int64_t reload_period_ms;           /* 0: at SIGHUP only */
    void (*on_stopping)(void *context); /* once, on a loop, when no more connections are taken; must not
                                           block. NULL: nobody asks */
    void *stopping_context;
    err_t (*on_started)(void *context); /* once, when every thread runs: only now is it ready. An error stops
                                           the server. NULL: nobody asks. @thread init */
    void *started_context;
    /* background jobs */
    const struct job *jobs;
    size_t job_count;
    /* NULL: each may run when it is due; otherwise it is asked again soon after it said no */
    bool (*may_run_job)(struct fleet *fleet, const struct job *job, int64_t waited_ms);
    err_t (*run_job)(struct fleet *fleet, const struct job *job, int64_t now_ms); /* NULL: job->run */
    struct fleet *fleet;
};

/** Binds the listeners (the first bind of each is without SO_REUSEPORT, so that a second process is noticed).
 *  @param device_tls referenced here, like management_tls; NULL only for a listener that is off
 *  @errors ERR_CONFLICT address in use, ERR_UNPROCESSABLE bad address, ERR_IO @thread init */
err_t server_new(const struct server_options *options, const struct server_app *app,
                 struct tls_snapshot *device_tls, struct tls_snapshot *management_tls, struct server **out);
/** Versions of the HTTP library and of the loops' that this program runs on. @thread any */
const char *server_http_version(void);
const char *server_loop_version(void);
/** Whether a descriptor is a listening TCP socket of IPv4 or IPv6, and where. @param[out] bound
 * "ADDRESS:PORT", 56 bytes are enough @errors ERR_UNPROCESSABLE what it is instead, ERR_IO @thread any */
err_t server_socket_read(int fd, char *bound, size_t bound_size);
/** "ADDRESS:PORT" really bound; "" for a listener that is off. */
const char *server_address(const struct server *server, enum listener id);
/** SIGHUP, SIGTERM and SIGINT wait until server_run(), and from its end on: before and behind the loops they
 * would end the process in the middle of something, with a status that is not 0. Call it before any thread is
 * started, so that all inherit it. @thread init */
void server_hold_signals(void);
/** Runs until SIGTERM, SIGINT or server_stop(); requests in flight are answered, then it returns. @errors
 * ERR_NO_MEMORY a thread cannot be started; those of on_started @thread init */
err_t server_run(struct server *server);
/** @thread any, async-signal-safe */
void server_stop(struct server *server);
/** Whether every loop has turned within the time: what a watchdog wants to know. A loop that has come to its
 * end does not count. @thread any */
bool server_is_turning(const struct server *server, int64_t within_ms);
/** Whether requests wait for a worker. @thread any */
bool server_is_busy(const struct server *server);
/** Asks for on_reload(), as SIGHUP does. @thread any */
void server_reload(struct server *server);
/** New connections use these from now on; old ones keep theirs. @thread any */
void server_replace_tls(struct server *server, struct tls_snapshot *device_tls,
                        struct tls_snapshot *management_tls);
/** OpenMetrics text of the server's own figures (requests by route and status, handshakes, queue,
 * connections, jobs), appended. @thread any */
err_t server_write_metrics(const struct server *server, struct buf *out);
void server_free(struct server *server);
DEFINE_AUTO_PTR(server, server_free);

#endif
