/* `whorl login`, `whorl logout`: what is kept in a profile was tried first. The trust anchor of a server that
 * is met for the first time is shown by its fingerprint, and trusted when a person says so; what comes after
 * is verified with it, so that a wrong one does not get a credential. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "cmd/whorl/cli.h"
#include "cmd/whorl/person.h"
#include "cmd/whorl/prompt.h"
#include "cmd/whorl/request.h"
#include "cmd/whorl/tables.h"
#include "pki/certificate.h"

enum { FINGERPRINT_SIZE = 3 * SHA256_SIZE };

/* "AB:CD:…", as openssl x509 -fingerprint -sha256 writes it. */
static err_t fingerprint_of(struct bytes der, char out[FINGERPRINT_SIZE])
{
    static const char digits[] = "0123456789ABCDEF";
    struct sha256 hash;
    TRY(sha256_of(der, &hash));
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        out[3 * i] = digits[hash.b[i] >> 4];
        out[3 * i + 1] = digits[hash.b[i] & 15];
        out[3 * i + 2] = i + 1 < SHA256_SIZE ? ':' : '\0';
    }
    return OK;
}

/* Whether two fingerprints are the same; colons and case do not count. */
static bool is_same_print(const char *a, const char *b)
{
    for (;;) {
        a += *a == ':' ? 1 : 0;
        b += *b == ':' ? 1 : 0;
        if (strncasecmp(a, b, 1) != 0) {
            return false;
        }
        if (*a == '\0') {
            return true;
        }
        a++;
        b++;
    }
}

/* The root as the server tells it, over a connection that proves nothing. */
static err_t fetch_root(struct cli *cli, struct buf *der)
{
    AUTO_VAL(cli_answer) answer = {.status = 0};
    const struct cli_http_options options = {.server = buf_str(&cli->server), .is_unverified = true};
    const struct cli_call call = {
        .method = CLI_GET, .path = "/ca/root.cer", .accept = "application/pkix-cert"};
    AUTO_PTR(cli_http) *http = NULL;
    TRY(cli_http_new(&options, &http));
    TRY(cli_http_call(http, &call, &answer));
    ENSURE(answer.status == 200, ERR_UNAVAILABLE, "%.80s does not tell its trust anchor: give --ca FILE",
           buf_str(&cli->server));
    return buf_append_bytes(der, buf_view(&answer.body));
}

static err_t ask_trust(struct cli *cli, const char *subject, const char *print)
{
    AUTO_VAL(buf) answer = {0};
    ENSURE(cli_can_ask(), ERR_BAD_REQUEST, "how to know %.80s? give --ca FILE or --fingerprint",
           buf_str(&cli->server));
    cli_note(&cli->output,
             "%s is not known here. It says that its trust anchor is\n  %s\n  SHA-256 %s\nOn the server, "
             "`openssl x509 "
             "-in DIR/ca.pem -noout -fingerprint -sha256` tells the true one.",
             buf_str(&cli->server), subject, print);
    TRY(cli_prompt(&cli->output, "Is it the same? (yes/no) ", false, &answer));
    ENSURE(strcmp(buf_str(&answer), "yes") == 0, ERR_CONFLICT, "not trusted; nothing was kept");
    return OK;
}

/* A server that was never met here: its root becomes the trust anchor, if that is meant. */
static err_t meet(struct cli *cli, const struct cli_line *line)
{
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(certificate_facts) facts = {.serial_size = 0};
    char print[FINGERPRINT_SIZE];
    const char *expected = cli_line_text(line, "--fingerprint");
    ENSURE(expected != NULL || cli_can_ask(), ERR_BAD_REQUEST,
           "how to know %.80s? give --ca FILE or --fingerprint", buf_str(&cli->server));
    TRY(fetch_root(cli, &der));
    err_t error = certificate_read(buf_view(&der), &facts);
    ENSURE(error.code == ERR_OK, ERR_UNAVAILABLE, "the trust anchor of %.80s is no certificate",
           buf_str(&cli->server));
    TRY(fingerprint_of(buf_view(&der), print));
    if (expected == NULL) {
        TRY(ask_trust(cli, facts.subject_text, print));
    } else {
        ENSURE(is_same_print(expected, print), ERR_CONFLICT,
               "the trust anchor of %.60s has another fingerprint", buf_str(&cli->server));
    }
    return certificate_to_pem(buf_view(&der), &cli->ca);
}

/* A path that holds in every folder; caller frees. */
static err_t absolute(const char *path, char **out)
{
    *out = path == NULL ? NULL : realpath(path, NULL);
    ENSURE(path == NULL || *out != NULL, ERR_NOT_FOUND, "cannot find %.120s", path);
    return OK;
}

static err_t keep(struct cli *cli, bool is_session)
{
    AUTO(char) *certificate = NULL;
    AUTO(char) *key = NULL;
    TRY(absolute(cli->http_options.certificate, &certificate));
    TRY(absolute(cli->http_options.key, &key));
    const struct cli_profile profile = {.server = buf_str(&cli->server),
                                        .ca = buf_str(&cli->ca),
                                        .token = cli->token.bytes.n == 0 ? NULL : buf_str(&cli->token.bytes),
                                        .certificate = certificate,
                                        .key = key,
                                        .is_session = is_session};
    bool is_first = json_object_size(json_object_get(cli->config.document, "profiles")) == 0;
    TRY(cli_config_set(&cli->config, cli->profile, &profile));
    TRY(is_first ? cli_config_choose(&cli->config, cli->profile) : OK);
    return cli_config_save(&cli->config);
}

/* A token, from where it was given, or asked for. */
static err_t find_token(struct cli *cli, const struct cli_line *line)
{
    TRY(cli_credential_given(cli, line));
    if (cli->token.bytes.n > 0 || line->options.certificate != NULL) {
        return OK;
    }
    TRY(cli_prompt(&cli->output, "Token: ", true, &cli->token.bytes));
    return cli_token_trim(&cli->token.bytes);
}

static err_t try_credential(struct cli *cli)
{
    AUTO_VAL(cli_answer) answer = {.status = 0};
    AUTO(json_t) *caller = NULL;
    const struct cli_call call = {.method = CLI_GET, .path = "/api/v1/whoami"};
    TRY(cli_connect(cli));
    TRY(cli_call_json(cli, &call, &answer, &caller));
    const char *name = json_string_value(json_object_get(caller, "name"));
    const char *tenant = json_string_value(json_object_get(caller, "tenant"));
    cli_note(&cli->output, "logged in to %s as %s, tenant %s", buf_str(&cli->server),
             name == NULL ? "?" : name, tenant == NULL ? "?" : tenant);
    return OK;
}

err_t cli_meet(struct cli *cli, const struct cli_line *line)
{
    TRY(cli_settings(cli, line));
    return cli->ca.n > 0 ? OK : meet(cli, line);
}

err_t cli_run_login(struct cli *cli, const struct cli_line *line)
{
    bool is_person = cli_line_has(line, "--user");
    TRY(cli_meet(cli, line));
    TRY(is_person ? cli_connect(cli) : find_token(cli, line));
    TRY(is_person ? cli_person_login(cli, line) : OK);
    TRY(try_credential(cli));
    return keep(cli, is_person);
}

/* What the profile keeps without its credential. */
static err_t forget(struct cli *cli, const struct cli_profile *profile)
{
    AUTO(char) *server = strdup(profile->server);
    AUTO(char) *ca = profile->ca == NULL ? NULL : strdup(profile->ca);
    ENSURE(server != NULL, ERR_NO_MEMORY, "no memory for a profile");
    const struct cli_profile without = {.server = server, .ca = ca};
    TRY(cli_config_set(&cli->config, cli->profile, &without));
    TRY(cli_config_save(&cli->config));
    cli_note(&cli->output, "profile %s keeps no credential any more", cli->profile);
    return OK;
}

/* The session ends at the server first; one that it does not know any more is as good as ended. */
err_t cli_run_logout(struct cli *cli, const struct cli_line *line)
{
    struct cli_profile profile;
    TRY(cli_settings(cli, line));
    ENSURE(cli_config_find(&cli->config, cli->profile, &profile) &&
               (profile.token != NULL || profile.certificate != NULL),
           ERR_NOT_FOUND, "profile %.64s keeps no credential", cli->profile);
    err_t ended = OK;
    if (profile.is_session) {
        TRY(buf_append_str(&cli->token.bytes, profile.token == NULL ? "" : profile.token));
        TRY(cli_connect(cli));
        ended = cli_person_logout(cli);
    }
    TRY(forget(cli, &profile));
    return ended;
}
