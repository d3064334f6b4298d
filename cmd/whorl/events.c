/* `whorl events`: pages of what happened, or with --follow what happens, as it happens. A connection that
 * ends is made anew behind the last event that was shown, so that none is missed and none comes twice. */
#include <string.h>
#include <time.h>

#include "cmd/whorl/cli.h"
#include "cmd/whorl/request.h"
#include "cmd/whorl/sse.h"
#include "cmd/whorl/tables.h"

/* the server says something four times in that silence */
enum { EVENT_LIMIT = 1024 * 1024, WAIT_MIN_MS = 1000, WAIT_MAX_MS = 30000, SILENCE_SECONDS = 60 };

struct follower {
    struct cli *cli;
    struct cli_table table;
    struct cli_sse sse;
    char shown[CLI_SSE_ID_SIZE];
    int64_t wait_ms; /* before the next connection; grows while none succeeds */
    bool is_told;    /* that the connection was lost */
};

static err_t show_event(void *context, const struct cli_sse_event *event)
{
    struct follower *follower = context;
    struct cli_output *output = &follower->cli->output;
    AUTO(json_t) *document = NULL;
    if (event->id[0] != '\0' && strcmp(event->id, follower->shown) == 0) {
        return OK;
    }
    err_t error = json_parse(event->data, EVENT_LIMIT, &document);
    ENSURE(error.code == ERR_OK, ERR_UNAVAILABLE, "an event is no JSON: %.100s", error.detail);
    TRY(output->is_json ? cli_put_json(output, document) : cli_table_add(&follower->table, document));
    TRY(output->is_json ? OK : cli_table_flush(&follower->table, output));
    (void)snprintf(follower->shown, sizeof follower->shown, "%s", event->id);
    return cli_flush(output);
}

static err_t take_piece(void *context, struct bytes piece)
{
    struct follower *follower = context;
    follower->wait_ms = WAIT_MIN_MS;
    follower->is_told = false;
    return cli_sse_feed(&follower->sse, piece);
}

static void pause_for(int64_t ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
    (void)nanosleep(&left, NULL);
}

/* What passes by itself: too many requests, a server that starts or stops. */
static bool is_passing(int status)
{
    return status == 429 || status == 503 || status == 502 || status == 504;
}

/* One connection, until it ends. @return an error only when another try would not help */
static err_t follow_once(struct follower *follower, const char *path)
{
    AUTO_VAL(cli_answer) answer = {.status = 0};
    const char *last = follower->shown[0] == '\0' ? NULL : follower->shown;
    const struct cli_call call = {.method = CLI_GET,
                                  .path = path,
                                  .accept = "text/event-stream",
                                  .last_event_id = last,
                                  .sink = take_piece,
                                  .sink_context = follower,
                                  .silence_s = SILENCE_SECONDS};
    cli_sse_restart(&follower->sse);
    err_t error = cli_http_call(follower->cli->http, &call, &answer);
    if (error.code != ERR_OK) {
        bool is_lost = error.code == ERR_UNAVAILABLE && !follower->cli->output.is_closed;
        return is_lost ? OK : error;
    }
    bool is_good = answer.status >= 200 && answer.status < 300;
    return is_good || is_passing(answer.status) ? OK : cli_problem(&follower->cli->output, &answer);
}

static err_t follow(struct follower *follower, const char *path)
{
    follower->wait_ms = WAIT_MIN_MS;
    for (;;) {
        TRY(follow_once(follower, path));
        if (!follower->is_told) {
            cli_note(&follower->cli->output, "the connection ended; trying again");
            follower->is_told = true;
        }
        int64_t wish_ms = follower->sse.retry_ms < WAIT_MAX_MS ? follower->sse.retry_ms : WAIT_MAX_MS;
        pause_for(wish_ms > follower->wait_ms ? wish_ms : follower->wait_ms);
        follower->wait_ms = follower->wait_ms * 2 < WAIT_MAX_MS ? follower->wait_ms * 2 : WAIT_MAX_MS;
    }
}

/* Without a place to begin at, a follower wants what comes. */
static err_t add_begin(const struct cli_line *line, struct buf *path)
{
    const char *after = cli_line_text(line, "--after");
    return cli_request_add_query(path, "after", after == NULL ? "latest" : after);
}

err_t cli_run_events(struct cli *cli, const struct cli_line *line)
{
    const struct cli_request_parts parts = {.clock = cli->clock};
    AUTO_VAL(buf) path = {0};
    TRY(cli_open(cli, line));
    TRY(cli_request_path(&parts, line, &path));
    if (!cli_line_has(line, "--follow")) {
        return cli_list(cli, line, buf_str(&path));
    }
    ENSURE(line->options.limit == NULL && !line->options.is_all, ERR_BAD_REQUEST,
           "--follow has no end to limit");
    TRY(add_begin(line, &path));
    struct follower follower = {.cli = cli, .table = {.columns = line->command->columns}};
    follower.sse.fn = show_event;
    follower.sse.context = &follower;
    err_t error = follow(&follower, buf_str(&path));
    cli_table_clear(&follower.table);
    cli_sse_clear(&follower.sse);
    return error;
}
