/* One line after the other; a section is a line, or more where it does not fit. */
#include "cmd/whorl/top_page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cmd/whorl/table.h"
#include "cmd/whorl/text.h"
#include "cmd/whorl/top_figures.h"

enum { HEAD = 14, GAP = 3, TEXT_MAX = 32, LIST_MAX = 8 };
#define RED "\033[31m"

struct page {
    const struct cli_top_form *form;
    struct buf *out;
    size_t line, left_out;
};

/* --- lines -------------------------------------------------------------------------------------------- */

/* As much of a clean text as fits into so many columns. */
static size_t fitting(struct bytes text, size_t columns)
{
    size_t n = 0;
    size_t next = 0;
    while (next < text.n) {
        next++;
        while (next < text.n && (text.p[next] & 0xc0) == 0x80) {
            next++;
        }
        if (cli_text_width((struct bytes){text.p, next}) > columns) {
            break;
        }
        n = next;
    }
    return n;
}

/* @param colour of the whole line, or "" */
static err_t put_line(struct page *page, const char *colour, struct bytes text)
{
    const struct cli_top_form *form = page->form;
    bool is_coloured = form->has_colour && colour[0] != '\0';
    if (form->lines > 0 && page->line + 1 >= form->lines) { /* one is kept for what is left out */
        page->left_out++;
        return OK;
    }
    page->line++;
    size_t n = form->columns > 0 ? fitting(text, form->columns) : text.n;
    TRY(is_coloured ? buf_append_str(page->out, colour) : OK);
    TRY(buf_append(page->out, text.p, n));
    TRY(is_coloured ? buf_append_str(page->out, CLI_COLOUR_OFF) : OK);
    return buf_append_str(page->out, form->line_end);
}

/* A head, and a text that is clean. */
static err_t put_headed(struct page *page, const char *colour, const char *head, const struct buf *text)
{
    AUTO_VAL(buf) line = {0};
    TRY(buf_printf(&line, "%-*s%s", HEAD, head, buf_str(text)));
    return put_line(page, colour, buf_view(&line));
}

static err_t add_clean(struct buf *out, const json_t *text)
{
    const char *value = json_string_value(text);
    return value == NULL ? OK
                         : cli_text_escape((struct bytes){(const uint8_t *)value, json_string_length(text)},
                                           false, out);
}

/* --- numbers ------------------------------------------------------------------------------------------ */

static void span_text(double seconds, char out[TEXT_MAX])
{
    static const struct {
        double seconds;
        const char *unit;
    } units[] = {{2 * 365 * 86400.0, "y"}, {2 * 86400.0, "d"}, {2 * 3600.0, "h"}, {120.0, "m"}};
    static const double lengths[] = {365 * 86400.0, 86400.0, 3600.0, 60.0};
    double length = fabs(seconds);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (length >= units[i].seconds) {
            (void)snprintf(out, TEXT_MAX, "%.0f %s", trunc(seconds / lengths[i]), units[i].unit);
            return;
        }
    }
    (void)snprintf(out, TEXT_MAX, "%.0f s", trunc(seconds));
}

static void short_text(double seconds, char out[TEXT_MAX])
{
    if (seconds < 1) {
        (void)snprintf(out, TEXT_MAX, "%.3g ms", seconds * 1000);
    } else {
        (void)snprintf(out, TEXT_MAX, "%.3g s", seconds);
    }
}

static void bytes_text(double bytes, char out[TEXT_MAX])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t unit = 0;
    while (bytes >= 1000 && unit < 4) {
        bytes /= 1000;
        unit++;
    }
    (void)snprintf(out, TEXT_MAX, "%.3g %s", bytes, units[unit]);
}

static void number_text(const json_t *value, enum cli_top_unit unit, char out[TEXT_MAX])
{
    double number = json_number_value(value);
    if (!json_is_number(value)) {
        (void)snprintf(out, TEXT_MAX, "-");
        return;
    }
    switch (unit) {
    case CLI_TOP_RATE:
        (void)snprintf(out, TEXT_MAX, number > 0 && number < 10 ? "%.2f" : "%.0f", number);
        return;
    case CLI_TOP_COUNT:
        (void)snprintf(out, TEXT_MAX, "%.0f", number);
        return;
    case CLI_TOP_SECONDS:
        short_text(number, out);
        return;
    case CLI_TOP_SPAN:
        span_text(number, out);
        return;
    case CLI_TOP_SHARE:
        (void)snprintf(out, TEXT_MAX, "%.0f %%", number * 100);
        return;
    case CLI_TOP_BYTES:
        bytes_text(number, out);
        return;
    case CLI_TOP_PLAIN:
        break;
    }
    (void)snprintf(out, TEXT_MAX, "%.3g", number);
}

/* --- sections ----------------------------------------------------------------------------------------- */

/* Adds "name number"; begins another line where the room ends. */
static err_t add_number(struct page *page, struct buf *line, const struct cli_top_number *row,
                        const json_t *value)
{
    char number[TEXT_MAX], text[3 * TEXT_MAX];
    number_text(value, row->unit, number);
    int n = snprintf(text, sizeof text, "%s %s", row->name, number);
    size_t columns = page->form->columns;
    if (columns > 0 && line->n > HEAD && line->n + GAP + (size_t)n > columns) {
        TRY(put_line(page, "", buf_view(line)));
        line->n = 0;
        TRY(buf_printf(line, "%-*s", HEAD, ""));
    }
    return buf_printf(line, "%s%s", line->n > HEAD ? "   " : "", text);
}

static err_t put_section(struct page *page, const json_t *figures, size_t first, size_t *next)
{
    const char *section = cli_top_numbers[first].section;
    const json_t *values = json_object_get(figures, section);
    AUTO_VAL(buf) line = {0};
    bool is_rate = cli_top_numbers[first].unit == CLI_TOP_RATE;
    TRY(buf_printf(&line, "%s%s", section, is_rate ? "/s" : ""));
    TRY(buf_printf(&line, "%*s", line.n < HEAD ? (int)(HEAD - line.n) : 1, ""));
    size_t i = first;
    for (; i < cli_top_number_count && strcmp(cli_top_numbers[i].section, section) == 0; i++) {
        const json_t *value = json_object_get(values, cli_top_numbers[i].name);
        TRY(value != NULL ? add_number(page, &line, &cli_top_numbers[i], value) : OK);
    }
    *next = i;
    return values != NULL ? put_line(page, "", buf_view(&line)) : OK;
}

static err_t put_routes(struct page *page, const json_t *routes)
{
    size_t index = 0;
    const json_t *route = NULL;
    json_array_foreach(routes, index, route)
    {
        char number[TEXT_MAX];
        AUTO_VAL(buf) line = {0};
        number_text(json_object_get(route, "rate"), CLI_TOP_RATE, number);
        TRY(buf_printf(&line, "%9s  ", number));
        TRY(add_clean(&line, json_object_get(route, "route")));
        TRY(put_headed(page, "", "", &line));
    }
    return OK;
}

static err_t put_figures(struct page *page, const json_t *figures)
{
    size_t next = 0;
    while (next < cli_top_number_count) {
        bool is_first = next == 0;
        TRY(put_section(page, figures, next, &next));
        TRY(is_first ? put_routes(page, json_object_get(figures, "routes")) : OK);
    }
    return OK;
}

/* --- what was asked besides --------------------------------------------------------------------------- */

static err_t put_readiness(struct page *page, const json_t *readiness)
{
    AUTO_VAL(buf) text = {0};
    const char *status = json_string_value(json_object_get(readiness, "status"));
    bool is_ready = status != NULL && strcmp(status, "ready") == 0;
    if (readiness == NULL) {
        return OK;
    }
    TRY(buf_append_str(&text, is_ready ? "yes" : "NO"));
    const json_t *reason = json_object_get(readiness, "reason");
    if (json_is_string(reason) && json_string_length(reason) > 0) {
        TRY(buf_append_str(&text, ": "));
        TRY(add_clean(&text, reason));
    }
    return put_headed(page, is_ready ? "" : RED, "ready", &text);
}

static err_t put_alarm(struct page *page, const json_t *alarm, const char *head)
{
    AUTO_VAL(buf) text = {0};
    static const char *const members[] = {"severity", "kind", "subject", "detail"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        TRY(buf_append_str(&text, i > 0 ? " " : ""));
        TRY(add_clean(&text, json_object_get(alarm, members[i])));
    }
    return put_headed(page, RED, head, &text);
}

static err_t put_rollout(struct page *page, const json_t *rollout, const char *head)
{
    AUTO_VAL(buf) text = {0};
    static const struct {
        const char *name, *path;
    } counts[] = {{"offered", "devices.offered"},
                  {"succeeded", "devices.succeeded"},
                  {"failed", "devices.failed"},
                  {"waiting", "devices.waiting"},
                  {"wave", "wave.number"}};
    TRY(add_clean(&text, json_object_get(rollout, "name")));
    TRY(buf_append_str(&text, " "));
    TRY(add_clean(&text, json_object_get(rollout, "version")));
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        const json_t *value = cli_value_at(rollout, counts[i].path);
        TRY(json_is_integer(value)
                ? buf_printf(&text, "   %s %lld", counts[i].name, (long long)json_integer_value(value))
                : OK);
    }
    return put_headed(page, "", head, &text);
}

/* The first ones, and how many more. */
static err_t put_list(struct page *page, const json_t *list, const char *head,
                      err_t (*put)(struct page *page, const json_t *item, const char *head))
{
    size_t count = json_array_size(list);
    for (size_t i = 0; i < count && i < LIST_MAX; i++) {
        TRY(put(page, json_array_get(list, i), i == 0 ? head : ""));
    }
    if (count > LIST_MAX) {
        AUTO_VAL(buf) more = {0};
        TRY(buf_printf(&more, "and %zu more", count - LIST_MAX));
        TRY(put_headed(page, "", "", &more));
    }
    return OK;
}

static err_t put_title(struct page *page, const json_t *given)
{
    AUTO_VAL(buf) line = {0};
    TRY(buf_append_str(&line, "whorl top     "));
    TRY(add_clean(&line, json_object_get(given, "server")));
    const json_t *version = json_object_get(given, "version");
    if (version != NULL) {
        TRY(buf_append_str(&line, "   whorld "));
        TRY(add_clean(&line, version));
    }
    TRY(buf_append_str(&line, "   "));
    TRY(add_clean(&line, json_object_get(given, "at")));
    TRY(buf_printf(&line, "   every %lld s",
                   (long long)json_integer_value(json_object_get(given, "interval_s"))));
    TRY(put_line(page, CLI_COLOUR_BOLD, buf_view(&line)));
    const json_t *notice = json_object_get(given, "notice");
    if (notice == NULL) {
        return OK;
    }
    AUTO_VAL(buf) text = {0};
    TRY(add_clean(&text, notice));
    return put_headed(page, RED, "", &text);
}

err_t cli_top_page(const json_t *given, const struct cli_top_form *form, struct buf *out)
{
    struct page page = {.form = form, .out = out};
    TRY(put_title(&page, given));
    TRY(put_readiness(&page, json_object_get(given, "readiness")));
    TRY(put_list(&page, json_object_get(given, "alarms"), "alarms", put_alarm));
    TRY(put_list(&page, json_object_get(given, "rollouts"), "rollouts", put_rollout));
    const json_t *figures = json_object_get(given, "figures");
    TRY(figures != NULL ? put_figures(&page, figures) : OK);
    if (page.left_out > 0) {
        struct cli_top_form whole = *form;
        char text[2 * TEXT_MAX];
        whole.lines = 0;
        page.form = &whole;
        (void)snprintf(text, sizeof text, "… %zu more lines", page.left_out);
        TRY(put_line(&page, "", bytes_str(text)));
    }
    return OK;
}
