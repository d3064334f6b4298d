/* The running server from inside: the server, its loops, their connections. Everything of a loop and its
 * connections is touched by that loop's thread only, except what says otherwise. */
#ifndef WHORL_SERVER_INTERNAL_H
#define WHORL_SERVER_INTERNAL_H

#include <pthread.h>
#include <uv.h>

#include "server/addresses.h"
#include "server/admission.h"
#include "server/body_budget.h"
#include "server/deadlines.h"
#include "server/handshake.h"
#include "server/http_filter.h"
#include "server/metrics.h"
#include "server/router.h"
#include "server/server.h"
#include "server/tls_connection.h"
#include "server/workers.h"

struct connection; /* server/connection.h */
struct exchange;   /* server/exchange.h */
struct http;       /* server/http.h */
struct timer;      /* server/timer.h */

enum {
    LISTENER_COUNT = 3,
    SCRATCH_SIZE = 16384,
    RANDOM_POOL_SIZE = 4096,
    BOUND_SIZE = HTTP_ADDRESS_SIZE + 10
};

struct acceptor {
    uv_poll_t poll;
    int fd; /* -1: the listener is off */
    enum admission_lane lane;
    bool is_watched;
    bool is_resting;       /* until the next tick */
    bool is_shared;        /* with the other loops */
    uint64_t closed_at_us; /* admission_is_open() said no; 0: it is open */
    struct loop *loop;
};

enum loop_phase { LOOP_RUNNING, LOOP_DRAINING, LOOP_FORCED, LOOP_ENDED };

struct loop {
    struct server *server;
    int index;
    uv_loop_t uv;
    uv_check_t after_io;
    uv_idle_t spin;
    uv_timer_t tick;
    uv_async_t wake; /* @thread any */
    uv_signal_t signals[3];
    bool has_uv;
    struct acceptor acceptors[LISTENER_COUNT];
    struct http *http[LISTENER_COUNT];
    uv_poll_t http_events[LISTENER_COUNT];
    bool http_is_due[LISTENER_COUNT]; /* the daemon has something to do */
    struct connection *connections;
    atomic_int held;           /* how many those are @thread any */
    struct connection **by_fd; /* the library's fds */
    size_t by_fd_size;
    struct connection *ready,
        *ending; /* ending: tell the library of the client's end when it read the rest */
    struct deadlines deadlines;
    struct handshakes handshakes;
    struct figures *figures;
    struct loop_figures seen;      /* read by any thread */
    _Atomic uint64_t turned_at_ms; /* the last tick; UINT64_MAX when it has ended @thread any */
    enum loop_phase phase;
    uint64_t force_at_ms;
    int waiting;          /* exchanges whose connection is suspended */
    struct random random; /* from the pool below: for request ids */
    size_t random_left;
    uint8_t random_pool[RANDOM_POOL_SIZE];
    uint8_t scratch[SCRATCH_SIZE];
    pthread_mutex_t mutex; /* for `done` */
    struct exchange *done;
};

struct server {
    struct server_options options;
    struct server_app app;
    struct router *router;
    struct workers *workers;
    struct timer *timer;
    struct addresses *addresses;
    struct body_budget bodies;
    atomic_int connections;
    atomic_bool is_stopping;
    pthread_mutex_t tls_mutex;
    struct tls_snapshot *tls[LISTENER_COUNT]; /* NULL: plain */
    char bound[LISTENER_COUNT][BOUND_SIZE];
    size_t header_bytes[LISTENER_COUNT];
    struct loop *loops;
    int loop_count;
    struct figures **figures;
};

/* --- server/loop.c */
err_t loop_init(struct loop *loop, struct server *server, int index, const int *listen_fds);
/** Until the server stops and the loop is empty. */
void loop_run(struct loop *loop);
void loop_clear(struct loop *loop);
/** The worker has finished with the exchange: its loop goes on with it. @thread any */
void loop_done(struct loop *loop, struct exchange *x);
/** Serve this connection once more in this turn, after the HTTP library ran. */
void loop_ready(struct loop *loop, struct connection *connection);
/** bridge_library_ran() is called after the next run of an HTTP daemon. Holds the connection. */
void loop_ending(struct loop *loop, struct connection *connection);
struct connection *loop_by_fd(const struct loop *loop, int fd);
err_t loop_set_by_fd(struct loop *loop, int fd, struct connection *connection);
/** The lane of the listener with this index. */
enum admission_lane listener_lane(const struct server *server, int index);

/* --- server/accept.c */
/** @param fd the acceptor's from now on when it is OK */
err_t acceptor_init(struct loop *loop, int listener, int fd);
/** After the work of a turn: listeners close and open as the load is. */
void accept_turn(struct loop *loop);
/** Ten times a second: those that rest go on, and the figures are told. */
void accept_tick(struct loop *loop);

/* --- server/listen.c */
/** Binds as server_new() says. @param[out] fds one per loop @param[out] bound "ADDRESS:PORT" */
err_t listen_open(const char *address, int *fds, int count, char *bound, size_t bound_size);
/** Copies of a listening socket that was handed over; what it is must be what server_socket_read() takes.
 * @param fd stays the caller's @param[out] fds one per loop; on an error those that are not -1 are the
 * caller's to close @errors ERR_UNPROCESSABLE, ERR_IO */
err_t listen_adopt(int fd, int *fds, int count, char *bound, size_t bound_size);
/** Connections that wait to be accepted; 0 where the kernel does not say. */
unsigned listen_queued(int fd);

#endif
