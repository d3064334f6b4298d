/* Statements about manifest keys: one is made offline with the recovery key, and needs no server; another
 * time it is put in force. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cmd/whorl/cli.h"
#include "cmd/whorl/request.h"
#include "cmd/whorl/tables.h"
#include "cmd/whorl/text.h"
#include "pki/anchors_statement.h"
#include "pki/suit.h"

enum { FILE_MAX = 65536 };

static err_t read_key(const struct cli_line *line, const char *option, struct anchor_key *out)
{
    AUTO_VAL(buf) pem = {0};
    const char *path = cli_line_text(line, option);
    TRY(file_read(path, FILE_MAX, &pem));
    err_t error = anchor_key_read(buf_view(&pem), out);
    ENSURE(error.code == ERR_OK, ERR_BAD_REQUEST, "%s: %.120s", option, error.detail);
    return OK;
}

static err_t read_sequence(const struct cli_line *line, int64_t *out)
{
    char *end = NULL;
    const char *text = cli_line_text(line, "--sequence");
    *out = strtoll(text, &end, 10);
    ENSURE(text[0] != '\0' && *end == '\0' && *out >= 1 && *out < INT64_MAX, ERR_BAD_REQUEST,
           "--sequence is a number from 1");
    return OK;
}

/* The passphrase, where a file has one, without the line's end. */
static err_t read_passphrase(const struct cli_line *line, struct secret *out)
{
    const char *path = cli_line_text(line, "--passphrase-file");
    if (path == NULL) {
        return OK;
    }
    TRY(file_read(path, FILE_MAX, &out->bytes));
    while (out->bytes.n > 0 &&
           (out->bytes.p[out->bytes.n - 1] == '\n' || out->bytes.p[out->bytes.n - 1] == '\r')) {
        out->bytes.n--;
    }
    return OK;
}

static err_t put_base64(struct cli *cli, struct bytes der)
{
    AUTO_VAL(buf) text = {0};
    TRY(base64_append(&text, der));
    TRY(buf_append_str(&text, "\n"));
    return cli_put(&cli->output, buf_view(&text));
}

err_t cli_run_statement(struct cli *cli, const struct cli_line *line)
{
    struct anchors_statement statement;
    struct uuid vendor;
    AUTO_VAL(secret) pem = {.bytes = {0}};
    AUTO_VAL(secret) passphrase = {.bytes = {0}};
    AUTO_VAL(buf) out = {0};
    const char *tenant = cli_line_text(line, "--tenant-name");
    TRY(read_sequence(line, &statement.sequence));
    TRY(read_key(line, "--signing-public", &statement.signing));
    TRY(read_key(line, "--recovery-public", &statement.recovery));
    TRY(suit_vendor_of(tenant == NULL ? "default" : tenant, &vendor));
    TRY(suit_class_of(vendor, cli_line_text(line, "--product"), "", &statement.class_id));
    TRY(file_read(cli_line_text(line, "--recovery-key"), FILE_MAX, &pem.bytes));
    TRY(read_passphrase(line, &passphrase));
    const struct recovery_key key = {.pem = buf_view(&pem.bytes), .passphrase = buf_view(&passphrase.bytes)};
    TRY(anchors_statement_make(&statement, &key, &out));
    const char *path = cli_line_text(line, "--output");
    return path == NULL ? put_base64(cli, buf_view(&out)) : file_write_durable(path, buf_view(&out), 0644);
}

/* As it was made, or as it was printed. */
static err_t read_statement(const struct cli_line *line, json_t *body)
{
    AUTO_VAL(buf) content = {0};
    AUTO_VAL(buf) decoded = {0};
    struct anchors_statement statement;
    TRY(file_read(cli_line_text(line, "--statement"), FILE_MAX, &content));
    if (anchors_statement_read(buf_view(&content), &statement).code == ERR_OK ||
        base64_decode_lenient(buf_view(&content), &decoded).code != ERR_OK) {
        return json_set_base64(body, "statement", buf_view(&content));
    }
    return json_set_base64(body, "statement", buf_view(&decoded));
}

err_t cli_run_anchors_put(struct cli *cli, const struct cli_line *line)
{
    const struct cli_request_parts parts = {.clock = cli->clock, .lookup = cli_lookup, .context = cli};
    AUTO_VAL(buf) path = {0};
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(cli_answer) answer = {.status = 0};
    AUTO(json_t) *body = json_object();
    AUTO(json_t) *document = NULL;
    TRY(read_statement(line, body));
    TRY(json_append(&text, body));
    TRY(cli_open(cli, line));
    TRY(cli_request_path(&parts, line, &path));
    const struct cli_call call = {
        .method = CLI_PUT, .path = buf_str(&path), .body = buf_view(&text), .has_body = true};
    TRY(cli_call_json(cli, &call, &answer, &document));
    return cli_show(&cli->output, line->command, document);
}
