/* `whorl firmware upload FILE`: begins an upload, or goes on with the one that an earlier run left, and sends
 * the rest of the file in one request; after a cut it asks how far the server is and goes on there. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "cmd/whorl/cli.h"
#include "cmd/whorl/progress.h"
#include "cmd/whorl/prompt.h"
#include "cmd/whorl/tables.h"

enum { PIECE = 256 * 1024, TRIES = 8, WAIT_MAX_S = 8, PATH_SIZE = 96 };
static const char UPLOADS[] = "/api/v1/firmware/uploads";

struct file {
    int fd;
    const char *name;
    int64_t size, from, at; /* from: where this request begins */
    char sha256[2 * SHA256_SIZE + 1];
    struct cli_interrupt interrupt;
    struct cli_progress progress;
};

static void file_close(struct file *file)
{
    if (file->fd >= 0) {
        (void)close(file->fd); /* it was only read */
    }
}
DEFINE_AUTO_VAL(file, file_close);

static err_t read_at(struct file *file, int64_t at, void *out, size_t size, size_t *n)
{
    ssize_t got = -1;
    do {
        got = pread(file->fd, out, size, (off_t)at);
    } while (got < 0 && errno == EINTR);
    ENSURE(got >= 0, ERR_IO, "cannot read %.120s", file->name);
    *n = (size_t)got;
    return OK;
}

static err_t hash_file(struct file *file)
{
    AUTO_PTR(sha256_stream) *stream = NULL;
    AUTO_VAL(buf) piece = {0};
    struct sha256 hash;
    size_t n = 0;
    TRY(sha256_stream_new(&stream));
    TRY(buf_reserve(&piece, PIECE));
    for (int64_t at = 0; at < file->size; at += (int64_t)n) {
        TRY(read_at(file, at, piece.p, PIECE, &n));
        ENSURE(n > 0, ERR_IO, "%.120s became shorter meanwhile", file->name);
        TRY(sha256_stream_add(stream, (struct bytes){piece.p, n}));
    }
    TRY(sha256_stream_finish(stream, &hash));
    hex_encode(BYTES_OF(hash.b), file->sha256);
    return OK;
}

static err_t open_file(struct file *file)
{
    struct stat facts;
    file->fd = open(file->name, O_RDONLY | O_CLOEXEC);
    ENSURE(file->fd >= 0 && fstat(file->fd, &facts) == 0, ERR_NOT_FOUND, "cannot open %.120s", file->name);
    ENSURE(S_ISREG(facts.st_mode), ERR_NOT_FOUND, "%.120s is no file that can be read twice", file->name);
    file->size = (int64_t)facts.st_size;
    return hash_file(file);
}

/* --- which upload ----------------------------------------------------------------------------------- */

static const char *text_of(const struct cli_line *line, const char *option, const char *otherwise)
{
    return cli_line_has(line, option) ? cli_line_text(line, option) : otherwise;
}

static const char *filename_of(const struct cli_line *line, const struct file *file)
{
    const char *slash = strrchr(file->name, '/');
    return text_of(line, "--filename", slash == NULL ? file->name : slash + 1);
}

static err_t make_order(const struct cli_line *line, const struct file *file, json_t **out)
{
    AUTO(json_t) *order = json_object();
    *out = NULL;
    TRY(json_set_text(order, "product", text_of(line, "--product", "default")));
    TRY(json_set_text(order, "filename", filename_of(line, file)));
    TRY(json_set_int(order, "size", file->size));
    TRY(json_set_text(order, "sha256", file->sha256));
    if (cli_line_has(line, "--format")) {
        TRY(json_set_text(order, "format", cli_line_text(line, "--format")));
    }
    if (cli_line_has(line, "--version")) {
        TRY(json_set_text(order, "version", cli_line_text(line, "--version")));
    }
    TRY(json_set_bool(order, "may_be_unsigned", cli_line_has(line, "--unsigned")));
    *out = TAKE(order);
    return OK;
}

/* All that was ordered is the same. */
static bool is_of(const json_t *upload, json_t *order)
{
    static const char *const names[] = {"product", "filename", "size",           "sha256",
                                        "format",  "version",  "may_be_unsigned"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const json_t *ours = json_object_get(order, names[i]);
        const json_t *theirs = json_object_get(upload, names[i]);
        if ((ours != NULL || theirs != NULL) && !json_equal(ours, theirs)) {
            return false;
        }
    }
    return true;
}

static void take_place(const json_t *upload, char path[PATH_SIZE], struct file *file)
{
    const char *id = json_string_value(json_object_get(upload, "id"));
    (void)snprintf(path, PATH_SIZE, "%s/%.40s", UPLOADS, id == NULL ? "" : id);
    file->from = json_integer_value(json_object_get(upload, "offset"));
}

static err_t find_former(struct cli *cli, json_t *order, char path[PATH_SIZE], struct file *file)
{
    AUTO_VAL(cli_answer) answer = {.status = 0};
    AUTO(json_t) *page = NULL;
    const struct cli_call call = {.method = CLI_GET, .path = "/api/v1/firmware/uploads?limit=1000"};
    TRY(cli_call_json(cli, &call, &answer, &page));
    const json_t *uploads = json_object_get(page, "uploads");
    for (size_t i = 0; i < json_array_size(uploads) && path[0] == '\0'; i++) {
        if (is_of(json_array_get(uploads, i), order)) {
            take_place(json_array_get(uploads, i), path, file);
        }
    }
    return OK;
}

static err_t begin(struct cli *cli, json_t *order, char path[PATH_SIZE], struct file *file)
{
    AUTO_VAL(cli_answer) answer = {.status = 0};
    AUTO_VAL(buf) body = {0};
    AUTO(json_t) *upload = NULL;
    char key[CLI_KEY_SIZE];
    path[0] = '\0';
    TRY(find_former(cli, order, path, file));
    if (path[0] != '\0') {
        cli_note(&cli->output, "goes on at byte %lld of %lld", (long long)file->from, (long long)file->size);
        return OK;
    }
    TRY(json_append(&body, order));
    TRY(cli_new_key(cli, key));
    const struct cli_call call = {.method = CLI_POST,
                                  .path = UPLOADS,
                                  .body = buf_view(&body),
                                  .has_body = true,
                                  .idempotency_key = key};
    TRY(cli_call_json(cli, &call, &answer, &upload));
    take_place(upload, path, file);
    return OK;
}

/* --- its bytes -------------------------------------------------------------------------------------- */

static err_t read_piece(void *context, char *out, size_t size, size_t *n)
{
    struct file *file = context;
    TRY(read_at(file, file->at, out, size, n));
    file->at += (int64_t)*n;
    return OK;
}

static bool on_progress(void *context, int64_t sent)
{
    struct file *file = context;
    cli_progress_tell(&file->progress, file->from + sent);
    return !cli_interrupt_came(&file->interrupt);
}

static err_t send_rest(struct cli *cli, const char *path, struct file *file, struct cli_answer *answer)
{
    char offset[24];
    (void)snprintf(offset, sizeof offset, "%lld", (long long)file->from);
    file->at = file->from;
    const struct cli_call call = {.method = CLI_PATCH,
                                  .path = path,
                                  .content_type = "application/partial-upload",
                                  .upload_offset = offset,
                                  .read = read_piece,
                                  .read_context = file,
                                  .read_size = file->size - file->from,
                                  .progress = on_progress,
                                  .progress_context = file,
                                  .silence_s = 600}; /* the server reads all of it behind the last byte */
    cli_progress_begin(&file->progress, &cli->output, cli->clock, file->size);
    err_t error = cli_http_call(cli->http, &call, answer);
    cli_progress_end(&file->progress);
    return error;
}

/* Where the server is after a cut. @param[out] is_there false: it is no upload any more */
static err_t ask_place(struct cli *cli, const char *path, struct file *file, bool *is_there)
{
    AUTO_VAL(cli_answer) answer = {.status = 0};
    AUTO(json_t) *upload = NULL;
    const struct cli_call call = {.method = CLI_GET, .path = path};
    TRY(cli_http_call(cli->http, &call, &answer));
    *is_there = answer.status == 200;
    if (*is_there) {
        TRY(json_parse(buf_view(&answer.body), PIECE, &upload));
        file->from = json_integer_value(json_object_get(upload, "offset"));
    }
    return OK;
}

/* Busy, cut, or at another place than we thought: asking again helps. */
static bool is_worth_a_try(err_t error, const struct cli_answer *answer)
{
    return error.code == ERR_UNAVAILABLE ||
           (error.code == ERR_OK &&
            (answer->status == 408 || answer->status == 409 || answer->status == 503));
}

static void rest(int tries)
{
    const struct timespec span = {.tv_sec = tries < WAIT_MAX_S ? tries : WAIT_MAX_S};
    (void)nanosleep(&span, NULL); /* shorter does no harm */
}

struct run {
    struct cli *cli;
    const struct cli_line *line;
    json_t *order;
    struct file *file;
    char path[PATH_SIZE];
};

static err_t find_place_again(struct run *run)
{
    bool is_there = false;
    err_t error = ask_place(run->cli, run->path, run->file, &is_there);
    if (error.code == ERR_OK &&
        !is_there) { /* its last answer was lost: the same bytes give the same image */
        return begin(run->cli, run->order, run->path, run->file);
    }
    return error.code == ERR_UNAVAILABLE ? OK : error; /* it is not back yet */
}

static err_t send_all(struct run *run, struct cli_answer *answer)
{
    int64_t best = -1;
    int tries = 0;
    for (;;) {
        cli_answer_clear(answer);
        err_t error = send_rest(run->cli, run->path, run->file, answer);
        ENSURE(!cli_interrupt_came(&run->file->interrupt), ERR_TIMEOUT, "%s", "");
        bool is_done = error.code == ERR_OK && answer->status < 300 && answer->status != 204;
        if (is_done || (answer->status != 204 && !is_worth_a_try(error, answer))) {
            return error;
        }
        tries = run->file->from > best ? 1 : tries + 1;
        best = run->file->from > best ? run->file->from : best;
        if (tries > TRIES) {
            return error;
        }
        rest(tries);
        TRY(find_place_again(run));
    }
}

static err_t show(struct run *run, const struct cli_answer *answer)
{
    AUTO(json_t) *image = NULL;
    if (answer->status >= 300) {
        return cli_problem(&run->cli->output, answer);
    }
    TRY(json_parse(buf_view(&answer->body), 1 << 20, &image));
    TRY(cli_show(&run->cli->output, run->line->command, image));
    const json_t *warnings = json_object_get(image, "warnings");
    for (size_t i = 0; i < json_array_size(warnings); i++) {
        cli_note(&run->cli->output, "whorl: %s", json_string_value(json_array_get(warnings, i)));
    }
    if (answer->status == 200) {
        cli_note(&run->cli->output, "these bytes were there already");
    }
    return OK;
}

err_t cli_run_firmware_upload(struct cli *cli, const struct cli_line *line)
{
    AUTO_VAL(file) file = {.fd = -1, .name = cli_line_text(line, "FILE")};
    AUTO_VAL(cli_answer) answer = {.status = 0};
    AUTO(json_t) *order = NULL;
    TRY(cli_open(cli, line));
    TRY(open_file(&file));
    TRY(make_order(line, &file, &order));
    struct run run = {.cli = cli, .line = line, .order = order, .file = &file};
    TRY(begin(cli, order, run.path, &file));
    cli_interrupt_open(&file.interrupt);
    err_t error = send_all(&run, &answer);
    if (cli_interrupt_came(&file.interrupt)) {
        cli_note(&cli->output, "whorl: stopped; the same command goes on where it is");
    }
    cli_interrupt_close(&file.interrupt); /* ends the program when a signal came */
    TRY(error);
    return show(&run, &answer);
}
