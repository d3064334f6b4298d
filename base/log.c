/* One line, one write(2): lines of several threads do not mix (up to PIPE_BUF they do not even on a pipe). A
 * line has a fixed room; a field that does not fit is left out and "cut":true says so. Logging never fails
 * and never waits for memory. */
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/trace_table.h"
#include "base/utf8.h"

enum { LINE_SIZE = 4096, LINE_TAIL = 16, TEXT_MOST = 256, ESCAPED_MOST = 6 * TEXT_MOST + 1 };

struct log {
    int fd;
    _Atomic int least;
    const struct clock *clock;
    struct trace_table *traces; /* or NULL */
};

struct line {
    char text[LINE_SIZE];
    size_t n;
    bool is_cut;
};

err_t log_new(int fd, enum log_level least, const struct clock *clock, struct log **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "a log");
    (*out)->fd = fd;
    (*out)->clock = clock;
    atomic_init(&(*out)->least, (int)least);
    return OK;
}

void log_free(struct log *log)
{
    free(log);
}

void log_set_traces(struct log *log, struct trace_table *traces)
{
    log->traces = traces;
}

void log_set_level(struct log *log, enum log_level least)
{
    atomic_store(&log->least, (int)least);
}

/* Writes one character of `size` bytes (0: a byte that is no UTF-8) with its JSON escape; gives the end of
 * what was written. */
static char *escape_character(const uint8_t *p, size_t size, char *out)
{
    if (size == 0 || p[0] < 0x20 || p[0] == 0x7f) {
        return out + snprintf(out, 7, "\\u%04x", size == 0 ? 0xfffdU : p[0]);
    }
    if (p[0] == '"' || p[0] == '\\') {
        *out++ = '\\';
    }
    memcpy(out, p, size);
    return out + size;
}

/* Writes `text` with JSON escapes. At most 256 bytes are read, cut between characters; bytes that are no
 * UTF-8 become U+FFFD. */
static void escape(const char *text, char out[ESCAPED_MOST])
{
    struct bytes rest = {(const uint8_t *)text, strnlen(text, TEXT_MOST + 1)};
    bool is_long = rest.n > TEXT_MOST;
    rest.n = is_long ? TEXT_MOST : rest.n;
    while (rest.n > 0) {
        size_t size = utf8_char_size(rest);
        if (size == 0 && is_long && rest.n < 4) {
            break;
        }
        out = escape_character(rest.p, size, out);
        rest.p += size == 0 ? 1 : size;
        rest.n -= size == 0 ? 1 : size;
    }
    *out = '\0';
}

/* Appends the whole text or nothing. */
static void line_add(struct line *line, const char *text)
{
    size_t n = strlen(text);
    if (n > LINE_SIZE - LINE_TAIL - line->n) {
        line->is_cut = true;
        return;
    }
    memcpy(line->text + line->n, text, n);
    line->n += n;
}

static void line_add_text(struct line *line, const char *name, const char *text)
{
    char name_escaped[ESCAPED_MOST];
    char text_escaped[ESCAPED_MOST];
    char member[2 * ESCAPED_MOST + 8];
    escape(name, name_escaped);
    escape(text == NULL ? "" : text, text_escaped);
    (void)snprintf(member, sizeof member, ",\"%s\":\"%s\"", name_escaped, text_escaped);
    line_add(line, member);
}

static void line_add_field(struct line *line, const struct log_field *field)
{
    char name[ESCAPED_MOST];
    char member[ESCAPED_MOST + 32];
    switch (field->kind) {
    case LOG_TEXT:
        if (field->text != NULL) {
            line_add_text(line, field->name, field->text);
        }
        return;
    case LOG_NUMBER:
        escape(field->name, name);
        (void)snprintf(member, sizeof member, ",\"%s\":%" PRId64, name, field->number);
        line_add(line, member);
        return;
    case LOG_BOOL:
        escape(field->name, name);
        (void)snprintf(member, sizeof member, ",\"%s\":%s", name, field->number != 0 ? "true" : "false");
        line_add(line, member);
        return;
    }
}

static void line_start(struct line *line, int64_t at_ms)
{
    char second[32];
    int fraction = (int)((at_ms % 1000 + 1000) % 1000);
    time_format(at_ms, second);
    second[strlen(second) - 1] = '\0'; /* the Z comes after the milliseconds */
    int n = snprintf(line->text, sizeof line->text, "{\"ts\":\"%s.%03dZ\"", second, fraction);
    line->n = n > 0 ? (size_t)n : 0;
    line->is_cut = false;
}

static void line_write(struct line *line, int fd)
{
    const char *end = line->is_cut ? ",\"cut\":true}\n" : "}\n";
    memcpy(line->text + line->n, end, strlen(end));
    line->n += strlen(end);
    ssize_t written = 0;
    do {
        written = write(fd, line->text, line->n);
    } while (written < 0 && errno == EINTR);
    /* a log that cannot be written has nowhere to report it */
}

void log_event(struct log *log, enum log_level level, const char *event, const struct log_field *fields,
               size_t count)
{
    static const char levels[][6] = {"debug", "info", "warn", "error"};
    if (log == NULL || (int)level < atomic_load_explicit(&log->least, memory_order_relaxed)) {
        return;
    }
    struct line line;
    line_start(&line, clock_now_ms(log->clock));
    line_add_text(&line, "level", levels[level]);
    line_add_text(&line, "event", event);
    for (size_t i = 0; i < count; i++) {
        line_add_field(&line, &fields[i]);
    }
    line_write(&line, log->fd);
}

void log_request_error(struct log *log, const char *event, const struct log_origin *origin, err_t error)
{
    LOG(log, LOG_ERROR, event, LOG_STR("request_id", origin->request_id),
        LOG_STR("trace_id", origin->trace_id), LOG_STR("parent_id", origin->parent_id),
        LOG_STR("error", err_slug(error.code)), LOG_STR("detail", error.detail), LOG_STR("file", error.file),
        LOG_INT("line", error.line));
}

void log_error(struct log *log, const char *event, const char *request_id, err_t error)
{
    struct trace trace;
    struct log_origin origin = {.request_id = request_id};
    if (log != NULL && trace_table_find(log->traces, request_id, &trace)) {
        origin.trace_id = trace.id;
        origin.parent_id = trace.parent;
    }
    log_request_error(log, event, &origin, error);
}
