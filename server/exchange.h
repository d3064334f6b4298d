/* One request and its answer, from header to last byte: what the HTTP library's callbacks and the workers do
 * next. Knows no type of the library. It belongs to its loop, except between STEP_WAIT and loop_done(), when
 * it belongs to a worker. */
#ifndef WHORL_SERVER_EXCHANGE_H
#define WHORL_SERVER_EXCHANGE_H

#include "base/trace_table.h"
#include "fleet/rates.h"
#include "server/connection.h"

enum exchange_step {
    STEP_READ,   /* go on with the body, or to the end of the request */
    STEP_WAIT,   /* suspend: a worker has it */
    STEP_ANSWER, /* send exchange->response */
    STEP_ABORT   /* close: connection->refusal is the answer, if there is one */
};

enum exchange_job { JOB_ADMIT, JOB_HANDLE, JOB_OPEN, JOB_WRITE, JOB_FINISH, JOB_NEXT, JOB_RELEASE };

/* A source is asked for more (RUNNING), asked and woken meanwhile (WOKEN), asked while nobody wants it any
 * more (CANCELLED), has nothing yet (WAITING), or is not asked (RESTING). */
enum source_state { SOURCE_RESTING, SOURCE_RUNNING, SOURCE_WOKEN, SOURCE_CANCELLED, SOURCE_WAITING };

struct exchange {
    struct task task;
    struct exchange *done_next;
    struct connection *connection;
    struct server *server;
    void *handle; /* of the HTTP library */
    struct request request;
    struct rate_marks rates;   /* of the request */
    struct trace_entry traced; /* of the request, while it has a trace */
    struct response response;
    size_t route_index;
    int64_t begun_us; /* of stopwatch_us() */
    char allow[ROUTER_ALLOW_SIZE];
    enum exchange_job job;

    bool has_begun, has_body, in_first, at_end;
    bool is_waiting;  /* suspended */
    bool is_held;     /* suspended before its beginning: the body of the answer before it is being sent */
    bool is_answered; /* the response is complete */
    bool is_last;     /* the client wants no more on this connection */
    int64_t content_length; /* -1: not told */
    uint64_t received;
    struct buf body; /* all of it, or what the sink has not seen */
    void *sink_state;
    bool sink_is_open, is_admitted;
    size_t held;        /* of the budget of bodies */
    int64_t small_file; /* so much of the body was read from a file */

    struct buf chunk; /* of the source */
    size_t chunk_at;
    bool source_ended, source_failed;
    bool is_streaming, is_cancelled; /* the loop's */
    atomic_int source_state;

    char target[]; /* as sent; cut into path and query */
};

/** @param target as sent @thread loop */
struct exchange *exchange_new(struct connection *connection, const char *target);
/** The HTTP library has finished with it, and its body is sent (is_whole), or will not be: frees, on a worker
 * where something of a handler is left to release.
 * @thread loop */
void exchange_end_of_life(struct exchange *x, bool is_whole);
/** Header fields are set; method is the name as sent. */
enum exchange_step exchange_begin(struct exchange *x, const char *method);
/** A call of the library after the first: with a piece of the body, without one at its end, and after a
 *  suspension. One within the first call makes the library repeat that, with a size of 0 that is not the
 *  body's end. @param[in,out] upload_size 0 when the piece was taken */
enum exchange_step exchange_go_on(struct exchange *x, const char *upload, size_t *upload_size);
/** It may begin, or its connection is gone. @thread loop */
void exchange_release(struct exchange *x);
/** Makes the response of an error. @thread any */
void exchange_refuse(struct exchange *x, err_t error);
/** What is sent besides the body. @errors ERR_NO_MEMORY */
err_t exchange_finish_headers(struct exchange *x);

/* --- server/exchange_work.c */
/** So much more of the budget of bodies is this exchange's, until it is freed. @errors ERR_BUSY @thread any
 */
err_t exchange_hold(struct exchange *x, size_t more);
/** The task of a worker. */
void exchange_run(struct task *task);
/** Admit and handle, also for on-loop routes. */
void exchange_handle(struct exchange *x);
/** Whether the route's quick handler has answered. @thread loop */
bool exchange_handle_quick(struct exchange *x);
void exchange_free(struct exchange *x);

/* --- server/source.c */
/** More is wanted and there is none: asks the source; the caller suspends. false: it was cancelled. @thread
 * loop */
bool source_ask(struct exchange *x);
void source_run(struct exchange *x);
/** The client left: nobody wants more. @thread loop */
void source_cancel(struct exchange *x);
/** The server stops: a source that has nothing to say ends here; one that is being read goes on. @thread loop
 */
void source_end_waiting(struct exchange *x);

/* --- server/http_request.c */
/** Cuts and decodes target and parameters, finds the route. @errors ERR_BAD_REQUEST, ERR_NOT_FOUND,
 * ERR_METHOD */
err_t http_request_route(struct exchange *x);

/** The client says, or its HTTP/1.0 means, that the connection closes behind the answer (RFC 9112 §9.3). */
bool http_request_is_last(const struct request *request, const char *version);

/* --- server/refusal.c */
/** Status line, fields and body of a response that is the last of its connection. */
err_t refusal_render(const struct response *response, struct buf *out);

#endif
