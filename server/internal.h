/* The running server from inside: the server, its loops, their connections. Everything of a loop and its
 * connections is touched by that loop's thread only, except what says otherwise. */
#ifndef WHORL_SERVER_INTERNAL_H
#define WHORL_SERVER_INTERNAL_H

#include <pthread.h>
#include <uv.h>

#include "server/addresses.h"
#include "server/deadlines.h"
#include "server/http_filter.h"
#include "server/metrics.h"
#include "server/router.h"
#include "server/server.h"
#include "server/tls_connection.h"
#include "server/workers.h"

struct exchange; /* server/exchange.h */
struct http;     /* server/http.h */
struct timer;    /* server/timer.h */

enum { LISTENER_COUNT = 3, SCRATCH_SIZE = 16384, RANDOM_POOL_SIZE = 4096 };

enum connection_stage { CONNECTION_HANDSHAKE, CONNECTION_OPEN, CONNECTION_LINGER, CONNECTION_CLOSED };

/* One client: its socket on one side, our end of a socket pair to the HTTP library on the other. */
struct connection {
    struct loop *loop;
    int listener; /* index; the bit is 1 << listener */
    enum connection_stage stage;
    int holds;                           /* libuv handles, the library, the ready list: freed with the last */
    struct connection *next, **previous; /* all of the loop */
    struct connection *ready_next;
    bool is_ready;

    struct stream stream;
    uv_poll_t client, bridge;
    int client_events, bridge_events; /* what is watched */
    int bridge_fd;                    /* ours, -1 without a request so far */
    int http_fd;                      /* the library's */

    struct http_filter filter;
    struct buf held;     /* the beginning of a header section */
    struct buf up, down; /* what the other side does not take now */
    size_t up_at, down_at;
    struct buf refusal; /* our own last words */
    bool client_ended, up_ended, http_ended;
    int open_requests;
    struct exchange *exchange; /* the one being served */

    struct deadline deadline;
    uint64_t armed_requests, moved, moved_at_arming;

    struct tls_facts facts;
    struct address_slots slots;
    char address[HTTP_ADDRESS_SIZE];
};

struct acceptor {
    uv_poll_t poll;
    int fd; /* -1: the listener is off */
    bool is_paused;
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
    struct connection **by_fd; /* the library's fds */
    size_t by_fd_size;
    struct connection *ready;
    struct deadlines deadlines;
    struct figures *figures;
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
    atomic_int connections;
    atomic_bool is_stopping;
    pthread_mutex_t tls_mutex;
    struct tls_snapshot *tls[LISTENER_COUNT]; /* NULL: plain */
    char bound[LISTENER_COUNT][HTTP_ADDRESS_SIZE + 10];
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
void loop_done(struct loop *loop, struct exchange *exchange);
/** Serve this connection once more in this turn, after the HTTP library ran. */
void loop_ready(struct loop *loop, struct connection *connection);
struct connection *loop_by_fd(const struct loop *loop, int fd);
err_t loop_set_by_fd(struct loop *loop, int fd, struct connection *connection);

/* --- server/connection.c */
/** @param fd consumed, always @param from its address */
void connection_accept(struct loop *loop, int listener, int fd, const struct sockaddr *from);
/** At once. Idempotent. */
void connection_close(struct connection *connection);
/** Says that we send no more, then waits for the client to leave (RFC 9112 §9.6). */
void connection_finish(struct connection *connection);
void connection_release(struct connection *connection);
/** Watches what can go on, and arms the deadline of the present state. */
void connection_update(struct connection *connection);
void connection_expired(struct connection *connection);
/** The last answer on this connection, made without a handler; requests before it are answered first. */
void connection_refuse(struct connection *connection, err_t error, int reason);
/** No request open, none begun, nothing left to send. */
bool connection_is_idle(const struct connection *connection);

/* --- server/bridge.c */
void bridge_from_client(struct connection *connection);
void bridge_from_http(struct connection *connection);
void bridge_flush_up(struct connection *connection);
void bridge_flush_down(struct connection *connection);
/** No more bytes go to the HTTP library. */
void bridge_end_up(struct connection *connection);
bool bridge_may_read(const struct connection *connection);
void bridge_on_event(uv_poll_t *poll, int status, int events);

/* --- server/listen.c */
/** Binds as server_new() says. @param[out] fds one per loop @param[out] bound "ADDRESS:PORT" */
err_t listen_open(const char *address, int *fds, int count, char *bound, size_t bound_size);

#endif
