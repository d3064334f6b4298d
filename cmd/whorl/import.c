/* `whorl batch import FILE`: a list of any length goes to the server as it is read, with a line that tells
 * how far it is. Ctrl-C cuts the upload, and the server takes nothing of a list that was cut. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/whorl/cli.h"
#include "cmd/whorl/progress.h"
#include "cmd/whorl/prompt.h"
#include "cmd/whorl/request.h"
#include "cmd/whorl/tables.h"

enum { ANSWER_LIMIT = 512 * 1024 * 1024 };

struct upload {
    int fd;
    const char *name;
    struct cli_interrupt interrupt;
    struct cli_progress progress;
};

static void upload_close(struct upload *upload)
{
    if (upload->fd > STDIN_FILENO) {
        (void)close(upload->fd); /* it was only read */
    }
}
DEFINE_AUTO_VAL(upload, upload_close);

/* @param[out] size -1 when only the end will tell */
static err_t open_file(struct upload *upload, int64_t *size)
{
    struct stat facts;
    bool is_stdin = strcmp(upload->name, "-") == 0;
    upload->fd = is_stdin ? STDIN_FILENO : open(upload->name, O_RDONLY | O_CLOEXEC);
    ENSURE(upload->fd >= 0 && fstat(upload->fd, &facts) == 0, ERR_NOT_FOUND, "cannot open %.120s",
           upload->name);
    ENSURE(!S_ISDIR(facts.st_mode), ERR_NOT_FOUND, "%.120s is a folder", upload->name);
    *size = S_ISREG(facts.st_mode) && !is_stdin ? (int64_t)facts.st_size : -1;
    return OK;
}

static err_t read_piece(void *context, char *out, size_t size, size_t *n)
{
    struct upload *upload = context;
    for (;;) {
        ENSURE(cli_interrupt_wait(&upload->interrupt, upload->fd), ERR_TIMEOUT, "stopped");
        ssize_t got = read(upload->fd, out, size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        ENSURE(got >= 0, ERR_IO, "cannot read %.120s", upload->name);
        *n = (size_t)got;
        return OK;
    }
}

static bool on_progress(void *context, int64_t sent)
{
    struct upload *upload = context;
    cli_progress_tell(&upload->progress, sent);
    return !cli_interrupt_came(&upload->interrupt);
}

/* The ending decides when no format is said; the server asks for one where that says nothing. */
static err_t add_format(const struct cli_line *line, struct buf *path)
{
    static const struct {
        const char *ending, *format;
    } endings[] = {{".csv", "csv"}, {".jsonl", "jsonl"}, {".ndjson", "jsonl"}, {".json", "quarklink"}};
    const char *name = cli_line_text(line, "FILE");
    const char *dot = strrchr(name, '.');
    if (cli_line_has(line, "--format")) {
        return OK;
    }
    for (size_t i = 0; dot != NULL && i < sizeof endings / sizeof endings[0]; i++) {
        if (strcasecmp(dot, endings[i].ending) == 0) {
            return cli_request_add_query(path, "format", endings[i].format);
        }
    }
    return ERR(ERR_BAD_REQUEST, "which format is %.80s? give --format", name);
}

static err_t send(struct cli *cli, struct upload *upload, const struct cli_call *call,
                  struct cli_answer *answer)
{
    cli_interrupt_open(&upload->interrupt);
    cli_progress_begin(&upload->progress, &cli->output, cli->clock, call->read_size);
    err_t error = cli_http_call(cli->http, call, answer);
    cli_progress_end(&upload->progress);
    if (cli_interrupt_came(&upload->interrupt)) {
        cli_note(&cli->output, "whorl: stopped; the server takes nothing of a list that was cut");
    }
    cli_interrupt_close(&upload->interrupt); /* ends the program when a signal came */
    return error;
}

static err_t show_lines(struct cli *cli, const struct cli_command *command, const json_t *lines)
{
    AUTO_VAL(cli_table) table = {.columns = command->inner_columns};
    for (size_t i = 0; i < json_array_size(lines); i++) {
        TRY(cli_table_add(&table, json_array_get(lines, i)));
    }
    return cli_table_flush(&table, &cli->output);
}

static int64_t number_at(const json_t *report, const char *name)
{
    return json_integer_value(json_object_get(report, name));
}

static void tell(struct cli *cli, const json_t *report)
{
    const char *name = json_string_value(cli_value_at(report, "batch.name"));
    const char *id = json_string_value(cli_value_at(report, "batch.id"));
    long long accepted = (long long)number_at(report, "accepted");
    long long refused = (long long)number_at(report, "refused");
    if (json_is_true(json_object_get(report, "dry_run"))) {
        cli_note(&cli->output, "dry run: %lld would be registered, %lld refused; nothing was done", accepted,
                 refused);
    } else {
        cli_note(&cli->output, "batch %s (%s): %lld registered, %lld refused", name == NULL ? "?" : name,
                 id == NULL ? "?" : id, accepted, refused);
    }
}

/* The report of a success and of a refusal have the same lines. */
static err_t show_report(struct cli *cli, const struct cli_command *command, const struct cli_answer *answer)
{
    AUTO(json_t) *report = NULL;
    bool is_done = answer->status >= 200 && answer->status < 300;
    bool is_json = json_parse(buf_view(&answer->body), ANSWER_LIMIT, &report).code == ERR_OK;
    if (is_json && cli->output.is_json) {
        TRY(cli_put_json(&cli->output, report));
    } else if (is_json) {
        TRY(show_lines(cli, command, json_object_get(report, "lines")));
    }
    if (!is_done) {
        return cli_problem(&cli->output, answer);
    }
    ENSURE(is_json, ERR_UNAVAILABLE, "the server's report is no JSON");
    tell(cli, report);
    return number_at(report, "refused") == 0 ? OK : ERR(ERR_CONFLICT, "%s", "");
}

err_t cli_run_import(struct cli *cli, const struct cli_line *line)
{
    const struct cli_request_parts parts = {.clock = cli->clock};
    AUTO_VAL(buf) path = {0};
    AUTO_VAL(cli_answer) answer = {.status = 0};
    AUTO_VAL(upload) upload = {.fd = -1, .name = cli_line_text(line, "FILE")};
    struct cli_call call = {.method = CLI_POST,
                            .content_type = "application/octet-stream",
                            .read = read_piece,
                            .read_context = &upload,
                            .progress = on_progress,
                            .progress_context = &upload};
    TRY(cli_request_path(&parts, line, &path));
    TRY(add_format(line, &path));
    TRY(cli_open(cli, line));
    TRY(open_file(&upload, &call.read_size));
    call.path = buf_str(&path);
    TRY(send(cli, &upload, &call, &answer));
    return show_report(cli, line->command, &answer);
}
