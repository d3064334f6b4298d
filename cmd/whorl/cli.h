/* What a running command has at hand, and the steps that commands share. */
#ifndef WHORL_CMD_WHORL_CLI_H
#define WHORL_CMD_WHORL_CLI_H

#include "base/ports.h"
#include "cmd/whorl/config.h"
#include "cmd/whorl/http.h"
#include "cmd/whorl/line.h"
#include "cmd/whorl/output.h"

struct cli {
    struct cli_output output;
    const struct clock *clock;
    const struct random *random;
    struct cli_config config;
    /* set by cli_open() */
    const char *profile;
    struct buf server, ca;
    struct secret token;
    struct cli_http_options http_options;
    struct cli_http *http;
};
void cli_clear(struct cli *cli);

/** Reads the config, and finds server and trust anchor: options before environment before profile. What a
 * profile keeps is used for its own server only. @errors ERR_BAD_REQUEST, those of the config */
err_t cli_settings(struct cli *cli, const struct cli_line *line);
/** The token of an option or of the environment; none at all is no error. @errors ERR_BAD_REQUEST, ERR_IO */
err_t cli_credential_given(struct cli *cli, const struct cli_line *line);
/** Both, and a connection. @errors ERR_BAD_REQUEST no server, no trust anchor, no credential */
err_t cli_open(struct cli *cli, const struct cli_line *line);
/** A connection with what was found. */
err_t cli_connect(struct cli *cli);

/** Runs any command. @return the exit code */
int cli_run(struct cli *cli, const struct cli_line *line);
/** A call that must succeed: another status is told to the person.
 *  @errors without a detail when it was told */
err_t cli_call(struct cli *cli, const struct cli_call *call, struct cli_answer *out);
/** The same, with a JSON answer. @param[out] document caller owns */
err_t cli_call_json(struct cli *cli, const struct cli_call *call, struct cli_answer *answer,
                    json_t **document);
/** A fresh Idempotency-Key; 40 bytes. */
enum { CLI_KEY_SIZE = 40 };
err_t cli_new_key(struct cli *cli, char out[CLI_KEY_SIZE]);

/** Tells what a server said when it did not do what was asked: title, detail, errors[], request id.
 *  @return ERR_CONFLICT without a detail */
err_t cli_problem(struct cli_output *output, const struct cli_answer *answer);
/** Shows the answer to a command about one thing. */
err_t cli_show(struct cli_output *output, const struct cli_command *command, const json_t *thing);
/** Lists, page after page. @param path with its query, without limit and cursor */
err_t cli_list(struct cli *cli, const struct cli_line *line, const char *path);
/** The id of the thing with this name in a list of the API. Is a cli_lookup_fn; the context is the cli. */
err_t cli_lookup(void *context, const char *list, const char *name, struct buf *out);

#endif
