/* A strict reader of HTTP/1.x framing that stands in front of the HTTP library: it looks at every byte of a
 * connection, knows where headers and bodies are, and refuses what must never get through (request smuggling
 * starts where two readers disagree). Pure: no socket, no heap. It changes no byte; the caller forwards what
 * was released. RFC 9112. */
#ifndef WHORL_SERVER_HTTP_FILTER_H
#define WHORL_SERVER_HTTP_FILTER_H

#include "base/bytes.h"

/* X(reason, error of the answer, label in the metrics, what the client is told) */
#define FILTER_REFUSALS(X)                                                                                   \
    X(FILTER_OK, ERR_OK, "", "")                                                                             \
    X(FILTER_REQUEST_LINE, ERR_BAD_REQUEST, "request_line", "the request line is malformed")                 \
    X(FILTER_TARGET, ERR_BAD_REQUEST, "target",                                                              \
      "the request target must be a path, or an http or https URI")                                          \
    X(FILTER_ASTERISK, ERR_NOT_IMPLEMENTED, "asterisk", "OPTIONS of the whole server is not offered")        \
    X(FILTER_VERSION, ERR_BAD_REQUEST, "version", "only HTTP/1.1 and HTTP/1.0 are spoken here")              \
    X(FILTER_LINE_END, ERR_BAD_REQUEST, "line_end", "lines end with CR LF")                                  \
    X(FILTER_FIELD, ERR_BAD_REQUEST, "field", "a header field is malformed")                                 \
    X(FILTER_FOLD, ERR_BAD_REQUEST, "fold", "header fields must not be folded")                              \
    X(FILTER_LENGTH, ERR_BAD_REQUEST, "length", "Content-Length must be one decimal number")                 \
    X(FILTER_FRAMING, ERR_BAD_REQUEST, "framing", "the framing of the body is ambiguous")                    \
    X(FILTER_ENCODING, ERR_NOT_IMPLEMENTED, "encoding", "the only transfer coding understood is chunked")    \
    X(FILTER_HOST, ERR_BAD_REQUEST, "host", "exactly one Host field is needed")                              \
    X(FILTER_CHUNK, ERR_BAD_REQUEST, "chunk", "the chunked body is malformed")                               \
    X(FILTER_TOO_LARGE, ERR_HEADERS_TOO_LARGE, "too_large",                                                  \
      "the request line and header fields are too large")                                                    \
    X(FILTER_TOO_MANY, ERR_HEADERS_TOO_LARGE, "too_many", "there are too many header fields")

#define FILTER_ENUM_ROW(reason, code, label, text) reason,
enum filter_refusal { FILTER_REFUSALS(FILTER_ENUM_ROW) FILTER_REFUSAL_COUNT };
#undef FILTER_ENUM_ROW

enum { FILTER_NAME_MAX = 18, FILTER_VALUE_MAX = 20 };

struct http_filter {
    size_t header_bytes_max;
    int header_count_max;

    enum filter_refusal refusal; /* set once; nothing is consumed any more */
    uint64_t requests;           /* header sections completed */
    size_t pending;              /* bytes of a header section that is not complete: hold them back */

    uint64_t body_left; /* of the body or of the present chunk */
    size_t section;     /* bytes of the present header or trailer section */
    int fields;
    int state;
    int field; /* which field the value belongs to */
    uint8_t name_size, value_size, version_size, lengths, encodings, hosts, blank_lines, chunk_digits;
    bool is_1_0, in_trailer;
    bool has_meaning; /* the value is one that decides about framing */
    char name[FILTER_NAME_MAX], value[FILTER_VALUE_MAX];
};

void http_filter_init(struct http_filter *filter, size_t header_bytes_max, int header_count_max);
/** Looks at the next bytes of the connection. Of all bytes seen so far, the last `pending` must be held back,
 * the others may go on.
 *  @return how many of `chunk` were taken: all of them unless filter->refusal is set @thread loop */
size_t http_filter_feed(struct http_filter *filter, struct bytes chunk);
/** Between two requests, not a byte of the next one seen. */
bool http_filter_is_between(const struct http_filter *filter);
bool http_filter_in_body(const struct http_filter *filter);
/** Static texts of a refusal. */
err_code filter_refusal_code(enum filter_refusal refusal);
const char *filter_refusal_label(enum filter_refusal refusal);
const char *filter_refusal_text(enum filter_refusal refusal);

#endif
