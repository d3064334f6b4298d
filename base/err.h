/* Errors as values. One row per code carries the RFC 9457 problem that it becomes at the edge, so no handler
 * chooses an HTTP status of its own. Does not allocate, does not log. Used by every layer. */
#ifndef WHORL_BASE_ERR_H
#define WHORL_BASE_ERR_H

/* X(code, HTTP status, problem type slug, title). `detail` of a 4xx is shown to the caller; of a 5xx only
 * logged. */
#define ERR_TABLE(X)                                                                                         \
    X(ERR_OK, 200, "ok", "OK")                                                                               \
    X(ERR_BAD_REQUEST, 400, "bad-request", "The request is malformed")                                       \
    X(ERR_BAD_JSON, 400, "bad-json", "The body is not valid JSON")                                           \
    X(ERR_BAD_ENCODING, 400, "bad-encoding", "The body is not valid base64 or DER")                          \
    X(ERR_BAD_CSR, 400, "bad-csr", "The certificate request is not acceptable")                              \
    X(ERR_UNAUTHORIZED, 401, "unauthorized", "Authentication is needed")                                     \
    X(ERR_TOKEN_EXPIRED, 401, "token-expired", "The token has expired")                                      \
    X(ERR_ENROLMENT_CODE, 401, "enrolment-code", "An enrolment code that is good is needed")                 \
    X(ERR_POP_FAILED, 401, "pop-failed", "Possession of the key was not proved")                             \
    X(ERR_FORBIDDEN, 403, "forbidden", "Not permitted")                                                      \
    X(ERR_DEVICE_REFUSED, 403, "device-refused", "The device is not admitted")                               \
    X(ERR_FULL_HANDSHAKE, 403, "full-handshake-required", "A resumed session proves no key")                 \
    X(ERR_NOT_FOUND, 404, "not-found", "No such resource")                                                   \
    X(ERR_METHOD, 405, "method-not-allowed", "The method is not allowed here")                               \
    X(ERR_NOT_ACCEPTABLE, 406, "not-acceptable", "No form that the caller accepts is offered")               \
    X(ERR_TIMEOUT, 408, "request-timeout", "The request was too slow")                                       \
    X(ERR_CONFLICT, 409, "conflict", "The request conflicts with the present state")                         \
    X(ERR_WRONG_STATE, 409, "wrong-state", "The state does not allow this")                                  \
    X(ERR_GONE, 410, "gone", "It was there, and is not any more")                                            \
    X(ERR_PRECONDITION, 412, "precondition-failed", "The resource has changed")                              \
    X(ERR_TOO_LARGE, 413, "too-large", "The body is too large")                                              \
    X(ERR_MEDIA_TYPE, 415, "unsupported-media-type", "The content type is not supported")                    \
    X(ERR_RANGE, 416, "range-not-satisfiable", "Nothing of what was asked for is there")                     \
    X(ERR_UNPROCESSABLE, 422, "unprocessable", "The request is well-formed but cannot be carried out")       \
    X(ERR_PRECONDITION_REQUIRED, 428, "precondition-required",                                               \
      "A change must name the version it is based on")                                                       \
    X(ERR_TOO_MANY, 429, "too-many-requests", "Too many attempts")                                           \
    X(ERR_HEADERS_TOO_LARGE, 431, "headers-too-large", "The header fields are too large")                    \
    X(ERR_INTERNAL, 500, "internal", "Internal error")                                                       \
    X(ERR_NO_MEMORY, 500, "no-memory", "Out of memory")                                                      \
    X(ERR_IO, 500, "io", "Input or output failed")                                                           \
    X(ERR_DB, 500, "database", "The inventory failed")                                                       \
    X(ERR_CRYPTO, 500, "crypto", "A cryptographic operation failed")                                         \
    X(ERR_SIGNER_REFUSED, 500, "signer-refused", "The process that holds the keys does not sign this")       \
    X(ERR_NOT_IMPLEMENTED, 501, "not-implemented", "Not offered by this server")                             \
    X(ERR_UNAVAILABLE, 503, "unavailable", "The service cannot take this now")                               \
    X(ERR_CLOCK_HELD, 503, "clock-held", "The server's clock must be confirmed by an operator first")        \
    X(ERR_DISK_FULL, 503, "disk-full", "The disk is full")                                                   \
    X(ERR_BUSY, 503, "busy", "The service is busy")

#define ERR_ENUM_ROW(code, status, slug, title) code,
typedef enum { ERR_TABLE(ERR_ENUM_ROW) ERR_COUNT } err_code;
#undef ERR_ENUM_ROW

/* clang takes the attribute on a type: every ignored err_t is then an error in the clang build. */
#if defined(__clang__)
#define ERR_MUST_USE __attribute__((warn_unused_result))
#else
#define ERR_MUST_USE
#endif

enum { ERR_DETAIL_SIZE = 160 };

typedef struct ERR_MUST_USE {
    err_code code;
    int line;
    int retry_after_s; /* when to come again, for Retry-After; 0: the usual */
    const char *file;  /* static text */
    char detail[ERR_DETAIL_SIZE];
} err_t;

#define OK             (err_ok())
#define ERR(code, ...) (err_make((code), __FILE__, __LINE__, __VA_ARGS__))

/* Return the error of `expression` to the caller, if it is one. */
#define TRY(expression)                                                                                      \
    do {                                                                                                     \
        err_t try_error_ = (expression);                                                                     \
        if (try_error_.code != ERR_OK) {                                                                     \
            return try_error_;                                                                               \
        }                                                                                                    \
    } while (0)

/* Return ERR(code, …) unless `condition` holds. */
#define ENSURE(condition, code, ...)                                                                         \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            return ERR((code), __VA_ARGS__);                                                                 \
        }                                                                                                    \
    } while (0)

static inline err_t err_ok(void)
{
    return (err_t){.code = ERR_OK, .line = 0, .file = "", .detail = ""};
}

/** An error with a printf detail, cut at ERR_DETAIL_SIZE. @thread any */
err_t err_make(err_code code, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** The row of a code: HTTP status, problem slug, title. @thread any */
int err_status(err_code code);
const char *err_slug(err_code code);
const char *err_title(err_code code);

/** Drops an error on purpose, where nothing better can be done with it. The reason stands in a comment beside
 * the call. */
static inline void err_ignore(err_t error)
{
    (void)error.code;
}

#endif
