/* A connection from inside: what connection.c (its life) and bridge.c (its bytes) share. Touched by its
 * loop's thread only; a worker reads the facts of the peer while it has a request of the connection. */
#ifndef WHORL_SERVER_CONNECTION_H
#define WHORL_SERVER_CONNECTION_H

#include "server/file_body.h"
#include "server/internal.h"

enum connection_stage { CONNECTION_HANDSHAKE, CONNECTION_OPEN, CONNECTION_LINGER, CONNECTION_CLOSED };

/* One client: its socket on one side, our end of a socket pair to the HTTP library on the other. */
struct connection {
    struct loop *loop;
    int listener; /* index; the bit is 1 << listener */
    enum connection_stage stage;
    int holds; /* libuv handles, the library, the lists of the loop: freed with the last */
    struct connection *next, **previous; /* all of the loop */
    struct connection *ready_next, *ending_next, *handshake_next;
    bool is_ready, is_ending, is_in_line;

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
    struct file_body file_body;
    struct buf behind_file;   /* what the library wrote behind its header section */
    uint64_t library_written; /* bytes that were taken from the library's side */
    bool client_ended, up_ended, http_ended;
    bool is_last_answered; /* an answer said that the connection closes: no other may follow it */
    bool library_holds;    /* the HTTP library has not yet said that its side is closed */
    bool is_write_first;   /* TLS reads on only when it has written */
    int open_requests;
    struct exchange *exchange; /* the one being served */

    int64_t accepted_us; /* of stopwatch_us() */
    struct deadline deadline;
    uint64_t armed_requests, moved, moved_at_arming;

    struct tls_facts facts;
    struct connection_memo memo;
    struct address_slots slots;
    char address[HTTP_ADDRESS_SIZE];
};

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
void connection_refuse(struct connection *connection, err_t reason, int label);
/** No request open, none begun, nothing left to send. */
bool connection_is_idle(const struct connection *connection);

/** Events of the client that are waited for: UV_READABLE, UV_WRITABLE. */
void connection_watch_client(struct connection *connection, int wanted);
/** Counted and closed, with a reset so that the client knows at once. */
void connection_drop(struct connection *connection, enum refused reason);

/* --- server/handshake.c */
/** A handshake begins: its time runs, and the oldest gives way to it where there are too many. */
void handshake_begin(struct connection *connection);
/** The client has sent something, or takes more: in line for a turn. Idempotent. */
void handshake_ready(struct connection *connection);
/** Done, or closed. */
void handshake_end(struct connection *connection);
enum deadline_kind handshake_deadline(const struct connection *connection);
/** Whether its client is still there, and has not waited too long: who manages may wait. @thread loop */
enum admission_verdict handshake_judge(const struct server *server, enum admission_lane lane, int fd);

/* --- server/bridge.c */
void bridge_from_client(struct connection *connection);
void bridge_from_http(struct connection *connection);
void bridge_flush_up(struct connection *connection);
void bridge_flush_down(struct connection *connection);
/** No more bytes go to the HTTP library. */
void bridge_end_up(struct connection *connection);
/** The library may have read what stood between it and the end: after loop_ending(). */
void bridge_library_ran(struct connection *connection);
/** Behind the header section that the library is about to write comes the response's file: taken from it. */
void bridge_file_follows(struct connection *connection, struct response *response);
bool bridge_may_read(const struct connection *connection);
/** The HTTP library's side is closed. Idempotent. */
void bridge_detached(struct connection *connection);

#endif
