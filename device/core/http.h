/* An HTTP/1.1 client for small JSON messages over the transport port (RFC 9112). One buffer of the caller
 * takes the whole answer: head, then body; chunked bodies are joined in place. Opens and closes no
 * connection; understands no JSON. */
#ifndef WHORL_DEVICE_CORE_HTTP_H
#define WHORL_DEVICE_CORE_HTTP_H

#include "device/core/ports.h"
#include "device/core/rekey_after.h"

enum { WHORL_HTTP_TIMEOUT_MS = 30000, WHORL_HTTP_HEAD_MAX = 512 };

struct whorl_http {
    const struct whorl_transport *transport;
    const struct whorl_clock *clock;
    const struct whorl_endpoint *server;
};

struct whorl_http_request {
    const char *method;
    const char *path;
    struct whorl_bytes body; /* JSON; empty: none is sent */
};

/* What the head of an answer asks of a device. Fields that do not parse, or come twice, are not there. */
struct whorl_http_hints {
    bool has_rekey_after;
    struct whorl_rekey_after rekey_after;
    uint32_t retry_after_s; /* Retry-After in seconds (RFC 9110 §10.2.3); 0: not given */
};

struct whorl_http_answer {
    unsigned status;
    struct whorl_http_hints hints;
    struct whorl_bytes body; /* inside the buffer of the exchange */
    bool is_kept;            /* the connection may be used again */
};

/* A part of something larger: bytes first … last of `whole`. */
struct whorl_http_part {
    const char *path;
    uint64_t first, last, whole;
    /* what comes of it, piece by piece and in order; anything but WHORL_OK ends the exchange with it */
    enum whorl_result (*take)(void *context, struct whorl_bytes piece);
    void *context;
};

/** Sends the request and waits for its final answer. The request's body may stand in `buffer`: it is sent
 * before anything is read. WHORL_ERROR_COMMUNICATION, WHORL_ERROR_SPACE (answer larger than the buffer),
 * WHORL_ERROR_ANSWER (not HTTP/1.1). */
enum whorl_result whorl_http_exchange(const struct whorl_http *http, const struct whorl_http_request *request,
                                      struct whorl_space buffer, struct whorl_http_answer *answer);

/** Fetches a part (RFC 9110 §14) through `buffer`, which takes the head and then piece after piece; the time
 *  limit is for each of them. 206 with exactly this part, or 200 with all of it where all was asked for, is
 *  WHORL_OK; `answer->status` is another one when the server said so, with its body. WHORL_ERROR_SIZE: the
 * whole has another size than this. */
enum whorl_result whorl_http_fetch(const struct whorl_http *http, const struct whorl_http_part *part,
                                   struct whorl_space buffer, struct whorl_http_answer *answer);

#endif
