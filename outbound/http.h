/* Calls to others over HTTP(S): webhooks, the keys of an OIDC issuer, clouds. One call is one value in and
 * one value out, and blocks; it runs on workers and background jobs, never on a loop. The address is resolved
 * here, checked, and pinned for the connection, so that what was checked is what is connected to (DNS
 * rebinding); private, loopback, link-local and other special addresses (RFC 6890) are refused unless the
 * operator's list allows them. Redirects are not followed, proxies of the environment are not used, TLS is
 * verified. Knows nothing of who calls and why. libcurl stays behind this header. */
#ifndef WHORL_OUTBOUND_HTTP_H
#define WHORL_OUTBOUND_HTTP_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

struct outbound;

/* How names become addresses. Asked once for each call: what it said is judged, and nothing else is connected
 * to. */
struct outbound_resolver {
    void *context;
    /** Appends addresses as text, one a line ("192.0.2.7\n2001:db8::1\n"). @errors ERR_UNAVAILABLE no such
     * name, no answer @thread worker, background (blocks) */
    err_t (*resolve)(void *context, const char *host, struct buf *out);
};

struct outbound_options {
    /* CIDRs, comma-separated, that may be called although they are special ("127.0.0.0/8,10.1.2.0/24"); ""
       none. Borrowed during the call */
    const char *allow;
    /* PEM of further trust anchors for TLS, beside the system's; read at each call. NULL or "": those alone.
       Copied */
    const char *ca_file;
    bool allow_http;                          /* plain http:// too, otherwise https:// only */
    const struct outbound_resolver *resolver; /* NULL: the system's (getaddrinfo). Borrowed for life */
};
/** @errors ERR_UNPROCESSABLE no list of networks; ERR_NO_MEMORY @thread init */
err_t outbound_new(const struct outbound_options *options, struct outbound **out);
void outbound_free(struct outbound *outbound);
DEFINE_AUTO_PTR(outbound, outbound_free);

enum { OUTBOUND_HEADERS_MAX = 12 };
struct outbound_call {
    const char *method; /* "GET", "POST" */
    const char *url;
    struct {
        const char *name, *value; /* borrowed; without CR, LF and NUL */
    } headers[OUTBOUND_HEADERS_MAX];
    size_t header_count;
    struct bytes body;
    int64_t connect_ms, total_ms; /* limits; 0: 5 s, 15 s */
    size_t answer_limit;          /* a longer answer is refused; 0: 64 KiB */
};
struct outbound_answer {
    int status;
    struct buf body;
    char content_type[128]; /* "" without one */
    int64_t retry_after_s;  /* of Retry-After in seconds; 0 without */
    int64_t max_age_s;      /* of Cache-Control; -1 without */
    char address[46];       /* that was called, for logs */
};
void outbound_answer_clear(struct outbound_answer *answer);
DEFINE_AUTO_VAL(outbound_answer, outbound_answer_clear);

/** Whatever status came back is OK. @param[out] answer {0} before; cleared by the caller on failure too
 *  @errors ERR_UNPROCESSABLE the URL, or an address that may not be called (the detail says which, and is
 * safe to show); ERR_UNAVAILABLE not resolved, not reached, TLS, too slow; ERR_TOO_LARGE the answer @thread
 * worker, background (blocks) */
err_t outbound_send(struct outbound *outbound, const struct outbound_call *call,
                    struct outbound_answer *answer);

/** The server ends: calls on their way end within a second or so, later ones at once, ERR_UNAVAILABLE all of
 * them. NULL is legal.
 * @thread any */
void outbound_abandon(struct outbound *outbound);

/** Judges a URL as outbound_send() would, without connecting and without resolving names: scheme, host, port,
 * no user information, no fragment; an address in place of a name is checked against the list. For the moment
 * when somebody stores a URL.
 *  @errors ERR_UNPROCESSABLE @thread any */
err_t outbound_check_url(const struct outbound *outbound, const char *url);

#endif
