/* Which server, which trust anchor, which credential. A credential never goes to another server than the one
 * it was kept for. */
#include <stdlib.h>
#include <string.h>

#include "cmd/whorl/cli.h"
#include "cmd/whorl/request.h"

void cli_clear(struct cli *cli)
{
    cli_http_free(cli->http);
    cli_config_clear(&cli->config);
    buf_clear(&cli->server);
    buf_clear(&cli->ca);
    secret_clear(&cli->token);
    cli->http = NULL;
}

/* An option, else the environment's variable unless it is empty. */
static const char *option_or(const char *option, const char *variable)
{
    const char *value = option == NULL ? getenv(variable) : option;
    return value == NULL || value[0] == '\0' ? NULL : value;
}

static err_t choose_profile(struct cli *cli, const struct cli_line *line, struct cli_profile *out)
{
    const char *asked = option_or(line->options.profile, "WHORL_PROFILE");
    cli->profile = asked == NULL ? cli_config_chosen(&cli->config) : asked;
    ENSURE(cli_profile_name_is_good(cli->profile), ERR_BAD_REQUEST, "`%.64s` is no name of a profile",
           cli->profile);
    (void)cli_config_find(&cli->config, cli->profile, out); /* there may be none yet */
    return OK;
}

/* What the profile keeps, if it is of the server in use. */
static struct cli_profile kept(const struct cli *cli)
{
    struct cli_profile profile;
    bool has_one = cli_config_find(&cli->config, cli->profile, &profile);
    bool is_same = has_one && strcmp(profile.server, buf_str(&cli->server)) == 0;
    return is_same ? profile : (struct cli_profile){.server = NULL};
}

static err_t read_ca(struct cli *cli, const char *path)
{
    TRY(cli_file_read(path, &cli->ca));
    ENSURE(cli->ca.n > 0 && cli->ca.n <= CLI_CA_LIMIT, ERR_BAD_REQUEST, "%.100s is no file of trust anchors",
           path);
    return OK;
}

err_t cli_settings(struct cli *cli, const struct cli_line *line)
{
    struct cli_profile profile;
    TRY(cli_config_load(&cli->config));
    TRY(choose_profile(cli, line, &profile));
    const char *server = option_or(line->options.server, "WHORL_SERVER");
    server = server == NULL ? profile.server : server;
    ENSURE(server != NULL, ERR_BAD_REQUEST, "which server? `whorl login --server URL --ca FILE` keeps it");
    TRY(cli_server_parse(server, &cli->server));
    profile = kept(cli);
    const char *ca = option_or(line->options.ca, "WHORL_CA");
    TRY(ca != NULL ? read_ca(cli, ca) : buf_append_str(&cli->ca, profile.ca == NULL ? "" : profile.ca));
    cli->http_options.certificate =
        line->options.certificate == NULL ? profile.certificate : line->options.certificate;
    cli->http_options.key = line->options.certificate == NULL ? profile.key : line->options.key;
    ENSURE((cli->http_options.certificate == NULL) == (cli->http_options.key == NULL), ERR_BAD_REQUEST,
           "--cert and --key go together");
    return OK;
}

err_t cli_credential_given(struct cli *cli, const struct cli_line *line)
{
    const char *variable = getenv("WHORL_TOKEN");
    if (line->options.token_file != NULL) {
        TRY(cli_file_read(line->options.token_file, &cli->token.bytes));
    } else if (variable != NULL && variable[0] != '\0') {
        TRY(buf_append_str(&cli->token.bytes, variable));
    } else {
        return OK;
    }
    return cli_token_trim(&cli->token.bytes);
}

static err_t find_credential(struct cli *cli, const struct cli_line *line)
{
    const char *token = kept(cli).token;
    TRY(cli_credential_given(cli, line));
    bool has_one = cli->token.bytes.n > 0 || token == NULL;
    return has_one ? OK : buf_append_str(&cli->token.bytes, token);
}

err_t cli_connect(struct cli *cli)
{
    cli->http_options.server = buf_str(&cli->server);
    cli->http_options.ca = buf_view(&cli->ca);
    cli->http_options.token = cli->token.bytes.n == 0 ? NULL : buf_str(&cli->token.bytes);
    return cli->http == NULL ? cli_http_new(&cli->http_options, &cli->http) : OK;
}

err_t cli_open(struct cli *cli, const struct cli_line *line)
{
    TRY(cli_settings(cli, line));
    TRY(find_credential(cli, line));
    ENSURE(cli->ca.n > 0, ERR_BAD_REQUEST, "how to know %.80s? give --ca FILE, or `whorl login` first",
           buf_str(&cli->server));
    ENSURE(cli->token.bytes.n > 0 || cli->http_options.certificate != NULL, ERR_BAD_REQUEST,
           "no credential for %.80s: `whorl login`, --token-file or WHORL_TOKEN", buf_str(&cli->server));
    return cli_connect(cli);
}

err_t cli_new_key(struct cli *cli, char out[CLI_KEY_SIZE])
{
    struct uuid id;
    char text[UUID_TEXT_SIZE];
    TRY(uuid_new(cli->clock, cli->random, &id));
    uuid_format(id, text);
    (void)snprintf(out, CLI_KEY_SIZE, "\"%s\"", text); /* a string of RFC 8941 */
    return OK;
}
