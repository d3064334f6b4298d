/* A signature that another key made, from its file to the server. */
#include "base/file.h"
#include "cmd/whorl/cli.h"
#include "cmd/whorl/request.h"
#include "cmd/whorl/tables.h"

enum { FILE_MAX = 4096 };

err_t cli_run_signature_bring(struct cli *cli, const struct cli_line *line)
{
    const struct cli_request_parts parts = {.clock = cli->clock};
    AUTO_VAL(buf) signature = {0};
    AUTO_VAL(buf) path = {0};
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(cli_answer) answer = {.status = 0};
    AUTO(json_t) *body = json_object();
    AUTO(json_t) *document = NULL;
    TRY(file_read(cli_line_text(line, "--signature"), FILE_MAX, &signature));
    TRY(json_set_base64(body, "signature", buf_view(&signature)));
    TRY(json_append(&text, body));
    TRY(cli_open(cli, line));
    TRY(cli_request_path(&parts, line, &path));
    const struct cli_call call = {
        .method = CLI_POST, .path = buf_str(&path), .body = buf_view(&text), .has_body = true};
    TRY(cli_call_json(cli, &call, &answer, &document));
    return cli_show(&cli->output, line->command, document);
}
