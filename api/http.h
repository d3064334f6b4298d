/* The values that cross the wall between server/ and api/: a request as facts, a response as data, a route as
 * a table row. Knows no socket and no HTTP library. server/ fills requests and sends responses; handlers are
 * functions of these values. */
#ifndef WHORL_API_HTTP_H
#define WHORL_API_HTTP_H

#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/encoding.h"
#include "base/log.h"
#include "base/shared.h"
#include "base/shared_file.h"
#include "base/trace.h"
#include "pki/peer.h"

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OTHER };
enum listener { LISTENER_DEVICE = 1, LISTENER_MANAGEMENT = 2, LISTENER_PUBLIC = 4 }; /* bits in a route */

struct http_field {
    const char *name; /* header names as sent; compare with http_header() */
    const char *value;
};

enum { HTTP_PARAMS_MAX = 4, HTTP_ADDRESS_SIZE = 46, HTTP_REQUEST_ID_SIZE = UUID_TEXT_SIZE };

struct route;
struct principal;  /* api/authn.h */
struct renewal;    /* fleet/renewal.h */
struct rate_marks; /* fleet/rates.h */

/* What handlers remember of a connection, so that its next request need not ask again. A request has it to
 * itself, as the requests of a connection are handled one after the other. Whoever puts something in frees
 * what was there. */
struct connection_memo {
    void *state;
    void (*free)(void *state); /* @thread any; returns at once */
};

/* Everything is borrowed and valid until the handler returns (on-loop routes: likewise). */
struct request {
    enum http_method method;
    enum listener listener;
    const char *path;                    /* as routed: no query, not decoded */
    const char *params[HTTP_PARAMS_MAX]; /* decoded values of {…} in the template, in order; "" at most */
    const struct http_field *query;      /* decoded */
    size_t query_count;
    const struct http_field *headers;
    size_t header_count;
    struct bytes body;                     /* BYTES_NONE for routes with a sink */
    char address[HTTP_ADDRESS_SIZE];       /* of the client, text */
    char request_id[HTTP_REQUEST_ID_SIZE]; /* ours, whatever the client says */
    struct trace trace;                    /* the client's, empty without one */
    int64_t now_ms;
    const struct peer_identity *peer;      /* never NULL; kind PEER_NONE without client certificate or TLS */
    const struct channel_binding *binding; /* never NULL */
    bool is_tls;
    bool is_resumed;     /* the session was resumed: it proves no key */
    struct arena *arena; /* request-life memory, hard cap */
    /* without one for the request: that of the path's other method, or a nearby one, whose way of telling
       errors fits; or NULL */
    const struct route *route;
    const struct principal
        *principal; /* set by authn before the handler; NULL for ACCESS_ANYONE without credentials */
    const struct renewal
        *renewal; /* set beside it: when the calling device should come; NULL: it showed no certificate */
    struct connection_memo *memo; /* of the connection; never NULL where a server has made the request */
    struct rate_marks *rates;     /* what it took of whose share; NULL: it is not counted */
};

/** First header of that name (case-insensitive) or NULL. @thread any */
const char *http_header(const struct request *request, const char *name);
const char *http_query(const struct request *request, const char *name);
/** For a line of the log; borrows from the request. */
struct log_origin http_origin(const struct request *request);
/** Media type without parameters equals `type`, case-insensitive. */
bool http_content_type_is(const struct request *request, const char *type);

/* A stream of a response made while it is sent (exports, event streams). */
struct response_source {
    void *state;
    /** Appends the next piece to `chunk`. Nothing appended and not the end: wait for wake(). @thread worker
     */
    err_t (*next)(void *state, struct buf *chunk, bool *is_end);
    void (*free)(void *state);
    /* Set by server/ before the first next(): the source's owner calls wake(waker) from any thread when more
     * is ready. */
    void (*wake)(void *waker);
    void *waker;
};

enum { RESPONSE_HEADERS_MAX = 14, RESPONSE_VALUE_SIZE = 512 };

struct response {
    int status;               /* 0 until set */
    const char *content_type; /* static text, or NULL without a body */
    struct {
        const char *name; /* static text */
        char value[RESPONSE_VALUE_SIZE];
    } headers[RESPONSE_HEADERS_MAX];
    size_t header_count;
    bool close_connection;
    /* at most one of the following is the body; with status 304 that of the 200, whose length alone is sent
     */
    struct buf body;
    struct shared *shared; /* a counted reference that the response owns */
    /* a counted reference that the response owns: `file_size` bytes of it at `file_at`, sent as they are read
     */
    struct shared_file *file;
    int64_t file_at, file_size;
    struct response_source *source; /* heap; freed with source->free and free() */
    /* or NULL. Called once, whatever becomes of the response: so many bytes of a file's region went out, 0
       for every other answer. Releases its state. @thread any; returns at once */
    void (*sent)(void *state, int64_t bytes);
    void *sent_state;
};

void response_clear(struct response *response);
DEFINE_AUTO_VAL(response, response_clear);
/** Adds a header; `name` is static text; the value is cut never. @errors ERR_INTERNAL too many, too long, or
 * with CR/LF/NUL */
err_t response_header(struct response *response, const char *name, const char *value);

struct api; /* api/api.h; tests of server/ bring their own */

/** A function of values: fills `response` or returns the error that becomes a problem. @thread worker; loop
 * for ROUTE_ON_LOOP */
typedef err_t (*handler_fn)(struct api *api, const struct request *request, struct response *response);

/* A body taken in pieces: uploads and imports of any size. open() has agreed before the first byte is read.
 * @thread worker */
struct body_sink {
    err_t (*open)(struct api *api, const struct request *request, void **state);
    err_t (*write)(void *state, struct bytes chunk);
    err_t (*finish)(struct api *api, const struct request *request, void *state,
                    struct response *response); /* frees state */
    void (*abort)(void *state);                 /* frees state: the client left, or write() failed */
};

enum access {
    ACCESS_ANYONE, /* public, or the handler judges the proof itself (challenge, EST cacerts) */
    ACCESS_DEVICE, /* a client certificate must be there; the handler's service decides what it admits to */
    ACCESS_CALLER  /* a token with the route's scope */
};
/* HEALS: also for a device whose certificate is of a compromised authority (fleet/contact.h); enrolment is so
 * anyway. */
enum { ROUTE_ON_LOOP = 1, ROUTE_FULL_HANDSHAKE = 2, ROUTE_HEALS = 4 };

/* How errors of a route are told. */
enum error_style { ERRORS_PROBLEM, ERRORS_TEXT };

struct route {
    enum http_method method;
    const char *path; /* "/api/v1/devices/{id}"; a segment is literal or one parameter; "{name}.crl" is a
                         parameter with a suffix */
    unsigned listeners;
    enum access access;
    uint32_t scopes; /* any of these bits (fleet/access.h), ACCESS_CALLER only */
    size_t body_limit;
    unsigned flags;
    enum error_style errors;
    handler_fn handler;
    /* or NULL: tried first, on the loop, before the caller was judged. Reads memory that is ready; where
       others than ANYONE have access it answers by what the connection's memo proves and by nothing else.
       Leaves the status 0, and the response as it was, where it has no answer: then the caller is judged and
       the handler called, on a worker */
    handler_fn quick;
    const struct body_sink *sink; /* or NULL */
};

struct route_table {
    const struct route *routes;
    size_t count;
};

#endif
