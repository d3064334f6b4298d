/* Calls of the management API over HTTPS. TLS is checked against the given certificates alone; redirects are
 * not followed, no proxy is taken from the environment, every answer has a limit. A call that may be repeated
 * is made once more when its connection breaks. libcurl stays behind this header. */
#ifndef WHORL_CMD_WHORL_HTTP_H
#define WHORL_CMD_WHORL_HTTP_H

#include "cmd/whorl/command.h"

struct cli_http;

struct cli_http_options {
    const char *server; /* https://HOST:PORT */
    struct bytes ca;    /* PEM */
    bool is_unverified; /* any certificate will do: to fetch a trust anchor that a person confirms */
    const char *token;  /* or NULL */
    const char *certificate, *key; /* files of a client certificate, or NULL */
};

struct cli_call {
    enum cli_method method;
    const char *path; /* with its query */
    struct bytes body;
    bool has_body;
    /* or a body that is read as it goes; -1 when nobody knows its size. 0 bytes: the end */
    err_t (*read)(void *context, char *out, size_t size, size_t *n);
    void *read_context;
    int64_t read_size;
    const char *content_type, *accept;                                      /* NULL: JSON */
    const char *if_match, *idempotency_key, *last_event_id, *upload_offset; /* or NULL */
    /* takes the body of a 2xx answer piece by piece; NULL: it is collected */
    err_t (*sink)(void *context, struct bytes piece);
    void *sink_context;
    /* now and then; false stops the call */
    bool (*progress)(void *context, int64_t sent);
    void *progress_context;
    long silence_s; /* after which the connection is given up; 0: two minutes */
};

struct cli_answer {
    int status;
    char etag[128], content_type[64], retry_after[16], location[256];
    struct buf body; /* never of what a sink took */
};
void cli_answer_clear(struct cli_answer *answer);
DEFINE_AUTO_VAL(cli_answer, cli_answer_clear);

/** @param options borrowed for its life @errors ERR_NO_MEMORY @thread any, one at a time */
err_t cli_http_new(const struct cli_http_options *options, struct cli_http **out);
void cli_http_free(struct cli_http *http);
DEFINE_AUTO_PTR(cli_http, cli_http_free);

/** Makes the call; every status is an answer.
 *  @param[out] out {0} before; cleared by the caller @errors ERR_UNAVAILABLE no answer, and why; ERR_TIMEOUT
 * stopped by progress; ERR_TOO_LARGE; those of `read` and `sink` */
err_t cli_http_call(struct cli_http *http, const struct cli_call *call, struct cli_answer *out);

#endif
