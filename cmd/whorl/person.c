/* People: logging in with a password and the authenticator's code, changing the password, and taking up an
 * invitation. What is asked for is never an option: others see the options of a program. */
#include "cmd/whorl/person.h"

#include <string.h>

#include "cmd/whorl/prompt.h"
#include "cmd/whorl/tables.h"

enum { TOTP_DIGITS = 6 };

/* @param body consumed @param[out] document caller owns */
static err_t post(struct cli *cli, const char *path, json_t *body, json_t **document)
{
    AUTO(json_t) *owned = body;
    AUTO_VAL(secret) text = {0};
    AUTO_VAL(cli_answer) answer = {.status = 0};
    TRY(json_append(&text.bytes, owned));
    const struct cli_call call = {
        .method = CLI_POST, .path = path, .body = buf_view(&text.bytes), .has_body = true};
    return cli_call_json(cli, &call, &answer, document);
}

static err_t ask_text(struct cli *cli, const char *question, bool is_secret, struct secret *out)
{
    TRY(cli_prompt(&cli->output, question, is_secret, &out->bytes));
    while (out->bytes.n > 0 && out->bytes.p[out->bytes.n - 1] == '\r') {
        out->bytes.p[--out->bytes.n] = '\0';
    }
    return OK;
}

/* Six digits are the authenticator's; a recovery code is longer. */
static err_t set_code(json_t *body, const struct secret *code)
{
    const char *text = buf_str(&code->bytes);
    bool is_totp = code->bytes.n == TOTP_DIGITS && strspn(text, "0123456789") == TOTP_DIGITS;
    return code->bytes.n == 0 ? OK : json_set_text(body, is_totp ? "totp" : "recovery_code", text);
}

static err_t make_login(struct cli *cli, const struct cli_line *line, json_t **out)
{
    AUTO_VAL(secret) password = {0};
    AUTO_VAL(secret) code = {0};
    const char *tenant = cli_line_text(line, "--tenant");
    *out = NULL;
    AUTO(json_t) *body = json_object();
    TRY(ask_text(cli, "Password: ", true, &password));
    TRY(ask_text(cli, "Code of the authenticator, or a recovery code: ", false, &code));
    TRY(json_set_text(body, "name", cli_line_text(line, "--user")));
    TRY(json_set_text(body, "password", buf_str(&password.bytes)));
    TRY(set_code(body, &code));
    TRY(tenant == NULL ? OK : json_set_text(body, "tenant", tenant));
    *out = TAKE(body);
    return OK;
}

err_t cli_person_login(struct cli *cli, const struct cli_line *line)
{
    json_t *body = NULL;
    AUTO(json_t) *answer = NULL;
    TRY(make_login(cli, line, &body));
    TRY(post(cli, "/api/v1/login", body, &answer));
    const char *session = json_string_value(json_object_get(answer, "session"));
    const char *until = json_string_value(json_object_get(answer, "expires_at"));
    ENSURE(session != NULL, ERR_UNAVAILABLE, "the server's answer holds no session");
    TRY(buf_append_str(&cli->token.bytes, session));
    cli_note(&cli->output, "a session until %s", until == NULL ? "?" : until);
    return cli_token_trim(&cli->token.bytes);
}

err_t cli_person_logout(struct cli *cli)
{
    AUTO(json_t) *answer = NULL;
    return post(cli, "/api/v1/logout", json_object(), &answer);
}

/* --- one's own password ------------------------------------------------------------------------------ */

static err_t choose_password(struct cli *cli, struct secret *out)
{
    AUTO_VAL(secret) again = {0};
    TRY(ask_text(cli, "New password, 12 characters at least: ", true, out));
    TRY(ask_text(cli, "Again: ", true, &again));
    ENSURE(bytes_equal(buf_view(&out->bytes), buf_view(&again.bytes)), ERR_CONFLICT,
           "those are two passwords");
    return OK;
}

err_t cli_run_password(struct cli *cli, const struct cli_line *line)
{
    AUTO_VAL(secret) old = {0};
    AUTO_VAL(secret) chosen = {0};
    AUTO_VAL(secret) code = {0};
    AUTO(json_t) *answer = NULL;
    TRY(cli_open(cli, line));
    TRY(ask_text(cli, "Password: ", true, &old));
    TRY(choose_password(cli, &chosen));
    TRY(ask_text(cli, "Code of the authenticator: ", false, &code));
    json_t *body = json_pack("{s:s, s:s, s:s}", "old_password", buf_str(&old.bytes), "new_password",
                             buf_str(&chosen.bytes), "totp", buf_str(&code.bytes));
    ENSURE(body != NULL, ERR_BAD_REQUEST, "that is not UTF-8");
    TRY(post(cli, line->command->path, body, &answer));
    cli_note(&cli->output, "changed; your other sessions have ended");
    return OK;
}

/* --- an invitation ----------------------------------------------------------------------------------- */

static err_t accept(struct cli *cli, const struct secret *invitation)
{
    AUTO_VAL(secret) password = {0};
    AUTO(json_t) *answer = NULL;
    static const struct cli_command plain = {.group = ""};
    TRY(choose_password(cli, &password));
    json_t *body =
        json_pack("{s:s, s:s}", "code", buf_str(&invitation->bytes), "password", buf_str(&password.bytes));
    ENSURE(body != NULL, ERR_BAD_REQUEST, "that is not UTF-8");
    TRY(post(cli, "/api/v1/invitations/accept", body, &answer));
    TRY(cli_show(&cli->output, &plain, answer));
    cli_note(&cli->output, "Give totp_secret or otpauth_uri to your authenticator.");
    return cli_flush(&cli->output);
}

static err_t confirm(struct cli *cli, const struct secret *invitation)
{
    AUTO_VAL(secret) code = {0};
    AUTO(json_t) *answer = NULL;
    static const struct cli_command plain = {.group = ""};
    TRY(ask_text(cli, "Code of the authenticator: ", false, &code));
    json_t *body = json_pack("{s:s, s:s}", "code", buf_str(&invitation->bytes), "totp", buf_str(&code.bytes));
    ENSURE(body != NULL, ERR_BAD_REQUEST, "that is not UTF-8");
    TRY(post(cli, "/api/v1/invitations/confirm", body, &answer));
    TRY(cli_show(&cli->output, &plain, answer));
    cli_note(&cli->output,
             "Keep the recovery codes: each is good once, without the authenticator. Then: whorl login "
             "--user NAME");
    return OK;
}

err_t cli_run_accept(struct cli *cli, const struct cli_line *line)
{
    AUTO_VAL(secret) invitation = {0};
    TRY(cli_meet(cli, line));
    TRY(cli_connect(cli));
    TRY(ask_text(cli, "Invitation: ", true, &invitation));
    TRY(accept(cli, &invitation));
    return confirm(cli, &invitation);
}
