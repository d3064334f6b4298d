/* Server-Sent Events (WHATWG HTML §9.2.6), read from pieces of any size. Limits on what is held. */
#ifndef WHORL_CMD_WHORL_SSE_H
#define WHORL_CMD_WHORL_SSE_H

#include "base/bytes.h"

enum { CLI_SSE_ID_SIZE = 256, CLI_SSE_LIMIT = 1024 * 1024 };

struct cli_sse_event {
    const char *type; /* "message" when none was named */
    const char *id;   /* the last one that was named, also by an earlier event; "" for none */
    struct bytes data;
};

/* {0} with `fn` set is a reader at the start of a stream. */
struct cli_sse {
    err_t (*fn)(void *context, const struct cli_sse_event *event);
    void *context;
    struct buf line, data, type;
    char id[CLI_SSE_ID_SIZE]; /* Last-Event-ID of the next connection */
    int64_t retry_ms;         /* as the server wishes; 0: it said nothing */
    bool has_data, has_begun, was_cr;
};
void cli_sse_clear(struct cli_sse *sse);
DEFINE_AUTO_VAL(cli_sse, cli_sse_clear);

/** Calls `fn` for each event that is whole. @errors ERR_TOO_LARGE a line or an event over the limit; those of
 * `fn`
 *  @thread any */
err_t cli_sse_feed(struct cli_sse *sse, struct bytes piece);
/** Another connection: what was begun of an event is dropped; id and retry stay. */
void cli_sse_restart(struct cli_sse *sse);

#endif
