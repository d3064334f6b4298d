/* Answers that are written as they are: the audit log, a chain of certificates, and any call of the API. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/whorl/cli.h"
#include "cmd/whorl/request.h"
#include "cmd/whorl/tables.h"

/* --- to a file, whole or not at all ------------------------------------------------------------------ */

struct target {
    struct cli_output *output;
    struct buf name; /* of the temporary file beside it; empty: standard output */
    FILE *file;
    int64_t lines;
};

static void target_clear(struct target *target)
{
    if (target->file != NULL) {
        (void)fclose(target->file); /* what is to stay was closed before */
    }
    if (target->name.n > 0) {
        (void)unlink(buf_str(&target->name)); /* it was renamed, or is not wanted */
    }
    buf_clear(&target->name);
}
DEFINE_AUTO_VAL(target, target_clear);

static err_t target_open(struct target *target, const char *path)
{
    if (path == NULL) {
        return OK;
    }
    TRY(buf_printf(&target->name, "%s" FILE_TEMPORARY "XXXXXX", path));
    int fd = mkostemp((char *)target->name.p, O_CLOEXEC);
    target->file = fd < 0 ? NULL : fdopen(fd, "w");
    if (target->file == NULL) {
        buf_clear(&target->name);
        return ERR(ERR_IO, "cannot make %.120s", path);
    }
    return OK;
}

static err_t target_take(void *context, struct bytes piece)
{
    struct target *target = context;
    for (size_t i = 0; i < piece.n; i++) {
        target->lines += piece.p[i] == '\n' ? 1 : 0;
    }
    if (target->file == NULL) {
        return cli_put_raw(target->output, piece);
    }
    ENSURE(fwrite(piece.p, 1, piece.n, target->file) == piece.n, ERR_IO, "cannot write %.120s: errno %d",
           buf_str(&target->name), errno);
    return OK;
}

static err_t target_finish(struct target *target, const char *path)
{
    if (target->file == NULL) {
        return OK;
    }
    bool is_written = fflush(target->file) == 0 && fsync(fileno(target->file)) == 0;
    is_written = fclose(TAKE(target->file)) == 0 && is_written;
    ENSURE(is_written && rename(buf_str(&target->name), path) == 0, ERR_IO, "cannot write %.120s: errno %d",
           path, errno);
    buf_clear(&target->name);
    return OK;
}

/* --- commands --------------------------------------------------------------------------------------- */

/* The answer in a file of its own; how much of it there is, if it went there. */
static err_t download(struct cli *cli, const struct cli_line *line, const char *accept, int64_t *lines)
{
    const struct cli_request_parts parts = {.clock = cli->clock};
    const char *path = cli_line_text(line, "--output");
    AUTO_VAL(buf) url = {0};
    AUTO_VAL(cli_answer) answer = {.status = 0};
    AUTO_VAL(target) target = {.output = &cli->output};
    TRY(cli_open(cli, line));
    TRY(cli_request_path(&parts, line, &url));
    TRY(target_open(&target, path));
    const struct cli_call call = {.method = CLI_GET,
                                  .path = buf_str(&url),
                                  .accept = accept,
                                  .sink = target_take,
                                  .sink_context = &target};
    TRY(cli_call(cli, &call, &answer));
    *lines = target.lines;
    return target_finish(&target, path);
}

err_t cli_run_audit_export(struct cli *cli, const struct cli_line *line)
{
    int64_t lines = 0;
    const char *path = cli_line_text(line, "--output");
    TRY(download(cli, line, "application/jsonl", &lines));
    if (path != NULL) {
        cli_note(&cli->output, "%lld lines in %s", (long long)lines, path);
    }
    return OK;
}

err_t cli_run_download(struct cli *cli, const struct cli_line *line)
{
    int64_t lines = 0;
    ENSURE(!cli->output.is_terminal || cli_line_has(line, "--output"), ERR_BAD_REQUEST,
           "that is nothing for a terminal: --output names a file");
    return download(cli, line, "*/*", &lines);
}

static err_t take_raw(void *context, struct bytes piece)
{
    return cli_put_raw(context, piece);
}

static err_t take_exactly(void *context, struct bytes piece)
{
    return cli_put(context, piece);
}

struct form {
    const char *name, *type;
};

/* Writes the answer in the form that --form names, the first of `forms` without it; the first is the one for
 * terminals too. */
static err_t write_form(struct cli *cli, const struct cli_line *line, const struct form *forms, size_t count)
{
    const struct cli_request_parts parts = {.clock = cli->clock};
    const char *name = cli_line_text(line, "--form");
    struct cli_call call = {.method = CLI_GET, .sink = take_exactly, .sink_context = &cli->output};
    AUTO_VAL(buf) path = {0};
    AUTO_VAL(cli_answer) answer = {.status = 0};
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name == NULL ? forms[0].name : name, forms[i].name) == 0) {
            call.accept = forms[i].type;
        }
    }
    ENSURE(call.accept != NULL, ERR_BAD_REQUEST, "`%s %s` has no such form", line->command->group,
           line->command->verb);
    bool is_text = call.accept == forms[0].type;
    ENSURE(!cli->output.is_terminal || is_text, ERR_BAD_REQUEST,
           "that is nothing for a terminal: send it to a file");
    call.sink = is_text ? take_raw : take_exactly;
    TRY(cli_open(cli, line));
    TRY(cli_request_path(&parts, line, &path));
    call.path = buf_str(&path);
    TRY(cli_call(cli, &call, &answer));
    return OK;
}

err_t cli_run_chain(struct cli *cli, const struct cli_line *line)
{
    static const struct form forms[] = {{"pem", "application/pem-certificate-chain"},
                                        {"der", "application/pkix-cert"},
                                        {"pkcs7", "application/pkcs7-mime"}};
    return write_form(cli, line, forms, sizeof forms / sizeof forms[0]);
}

err_t cli_run_key_request(struct cli *cli, const struct cli_line *line)
{
    static const struct form forms[] = {{"pem", "application/x-pem-file"}};
    return write_form(cli, line, forms, sizeof forms / sizeof forms[0]);
}

err_t cli_run_checkpoint(struct cli *cli, const struct cli_line *line)
{
    static const struct form forms[] = {{"json", "application/json"}, {"der", "application/pkcs7-mime"}};
    TRY(write_form(cli, line, forms, sizeof forms / sizeof forms[0]));
    return cli_line_has(line, "--form") ? OK : cli_put(&cli->output, bytes_str("\n"));
}

static err_t read_method(const char *text, enum cli_method *out)
{
    static const char *const words[] = {"GET", "POST", "PATCH", "DELETE", "PUT"};
    for (int i = CLI_GET; i <= CLI_PUT; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *out = (enum cli_method)i;
            return OK;
        }
    }
    return ERR(ERR_BAD_REQUEST, "the method is GET, POST, PATCH, DELETE or PUT");
}

err_t cli_run_raw(struct cli *cli, const struct cli_line *line)
{
    AUTO_VAL(buf) body = {0};
    AUTO_VAL(cli_answer) answer = {.status = 0};
    const char *data = cli_line_text(line, "--data");
    struct cli_call call = {.path = cli_line_text(line, "PATH"),
                            .if_match = cli_line_text(line, "--if-match"),
                            .idempotency_key = cli_line_text(line, "--idempotency-key"),
                            .sink = take_raw,
                            .sink_context = &cli->output,
                            .has_body = data != NULL,
                            .accept = "*/*"};
    TRY(read_method(cli_line_text(line, "METHOD"), &call.method));
    ENSURE(call.path[0] == '/' && strcspn(call.path, " #\t\r\n") == strlen(call.path), ERR_BAD_REQUEST,
           "PATH is a path with its query, percent-encoded: /api/v1/devices?limit=5");
    TRY(data == NULL ? OK : cli_file_read(data, &body));
    call.body = buf_view(&body);
    TRY(cli_open(cli, line));
    return cli_call(cli, &call, &answer);
}
