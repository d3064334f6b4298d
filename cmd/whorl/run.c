/* Every command that its row describes whole: a list, one thing, a new thing, a change, an order. */
#include <string.h>

#include "cmd/whorl/cli.h"
#include "cmd/whorl/prompt.h"
#include "cmd/whorl/request.h"
#include "cmd/whorl/tables.h"

enum { ANSWER_LIMIT = 512 * 1024 * 1024 };

err_t cli_call(struct cli *cli, const struct cli_call *call, struct cli_answer *out)
{
    TRY(cli_http_call(cli->http, call, out));
    return out->status >= 200 && out->status < 300 ? OK : cli_problem(&cli->output, out);
}

err_t cli_call_json(struct cli *cli, const struct cli_call *call, struct cli_answer *answer,
                    json_t **document)
{
    *document = NULL;
    TRY(cli_call(cli, call, answer));
    if (answer->body.n == 0) {
        return OK;
    }
    err_t error = json_parse(buf_view(&answer->body), ANSWER_LIMIT, document);
    ENSURE(error.code == ERR_OK, ERR_UNAVAILABLE, "the answer of %.60s is no JSON: %.60s",
           buf_str(&cli->server), error.detail);
    return OK;
}

static err_t ask(struct cli *cli, const struct cli_line *line)
{
    bool is_harmless = (line->command->flags & CLI_DANGEROUS) == 0 || cli_line_has(line, "--dry-run");
    if (is_harmless || line->options.is_yes) {
        return OK;
    }
    const char *id = cli_line_text(line, "ID");
    return cli_confirm(&cli->output, line->command->help, id == NULL ? "yes" : id);
}

/* 202: accepted, not done yet. Somebody else must agree first, or it goes on by itself. */
static err_t show_waiting(struct cli *cli, const struct cli_line *line, const json_t *document)
{
    const char *id = json_string_value(json_object_get(document, "id"));
    TRY(cli_show(&cli->output, line->command, document));
    if (json_object_get(document, "requested_by") != NULL) {
        cli_note(&cli->output, "not done yet: a second person must agree (whorl approval approve %s)",
                 id == NULL ? "ID" : id);
    } else if (json_object_get(document, "started_by") != NULL) {
        cli_note(&cli->output, "it goes on by itself: whorl operation show %s", id == NULL ? "ID" : id);
    }
    return OK;
}

static err_t show_answer(struct cli *cli, const struct cli_line *line, const struct cli_answer *answer,
                         const json_t *document)
{
    if (document == NULL) {
        cli_note(&cli->output, "done");
        return OK;
    }
    if (answer->status == 202) {
        return show_waiting(cli, line, document);
    }
    TRY(cli_show(&cli->output, line->command, document));
    if ((line->command->flags & CLI_ONCE) != 0) {
        cli_note(&cli->output, "the secret is shown this once: keep it now");
    }
    return OK;
}

static err_t send(struct cli *cli, const struct cli_line *line, const struct cli_call *call)
{
    AUTO_VAL(cli_answer) answer = {.status = 0};
    AUTO(json_t) *document = NULL;
    TRY(cli_call_json(cli, call, &answer, &document));
    return show_answer(cli, line, &answer, document);
}

/* A change is based on what the thing is now; another change in between is told by the server (412). */
static err_t change(struct cli *cli, const struct cli_line *line, struct cli_call *call)
{
    AUTO_VAL(cli_answer) present = {.status = 0};
    const struct cli_call look = {.method = CLI_GET, .path = call->path};
    ENSURE(call->body.n > 2, ERR_BAD_REQUEST,
           "nothing to change is given; `whorl %s %s --help` tells what can be", line->command->group,
           line->command->verb);
    TRY(cli_call(cli, &look, &present));
    ENSURE(present.etag[0] != '\0', ERR_UNAVAILABLE, "the server does not tell a version");
    call->if_match = present.etag;
    return send(cli, line, call);
}

static err_t carry_out(struct cli *cli, const struct cli_line *line, struct cli_call *call)
{
    char key[CLI_KEY_SIZE];
    switch (line->command->method) {
    case CLI_PATCH:
        return change(cli, line, call);
    case CLI_POST:
        TRY(ask(cli, line));
        TRY(cli_new_key(cli, key));
        call->idempotency_key = key;
        return send(cli, line, call);
    case CLI_DELETE:
        TRY(ask(cli, line));
        return send(cli, line, call);
    case CLI_PUT:
    case CLI_GET:
        break;
    }
    return send(cli, line, call);
}

static err_t run_by_row(struct cli *cli, const struct cli_line *line)
{
    const struct cli_request_parts parts = {.clock = cli->clock, .lookup = cli_lookup, .context = cli};
    AUTO_VAL(buf) path = {0};
    AUTO_VAL(secret) body = {0};
    AUTO(json_t) *document = NULL;
    TRY(cli_open(cli, line));
    TRY(cli_request_path(&parts, line, &path));
    if (line->command->items != NULL) {
        return cli_list(cli, line, buf_str(&path));
    }
    TRY(cli_request_body(&parts, line, &document));
    struct cli_call call = {.method = line->command->method, .path = buf_str(&path)};
    if (call.method == CLI_POST || call.method == CLI_PATCH || call.method == CLI_PUT) {
        TRY(json_append(&body.bytes, document));
        call.body = buf_view(&body.bytes);
        call.has_body = true;
    }
    return carry_out(cli, line, &call);
}

int cli_run(struct cli *cli, const struct cli_line *line)
{
    err_t error = line->options.is_help        ? cli_run_help(cli, line)
                  : line->command->run != NULL ? line->command->run(cli, line)
                                               : run_by_row(cli, line);
    return cli_finish(&cli->output, error);
}
