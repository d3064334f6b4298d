/* `whorl top`: reads the figures again and again, and shows what changed in between. A server that is away,
 * busy or started anew is told and waited for; only what no waiting would change ends it. */
#include <string.h>

#include "cmd/whorl/cli.h"
#include "cmd/whorl/request.h"
#include "cmd/whorl/tables.h"
#include "cmd/whorl/top_figures.h"
#include "cmd/whorl/top_page.h"
#include "cmd/whorl/top_terminal.h"

enum {
    INTERVAL_S = 2,
    INTERVAL_MAX_S = 3600,
    WAIT_MAX_MS = 30000,
    SILENCE_S = 10,
    ASIDE_LIMIT = 1024 * 1024, /* of an answer beside the figures */
};

struct top {
    struct cli *cli;
    struct cli_screen screen;
    int64_t interval_ms;
    bool is_once;
    struct cli_top_reading readings[2]; /* the one before, and the last */
    size_t count;                       /* of them that are there */
    json_t *page;                       /* as it was shown; kept to be drawn again */
    json_t *aside;                      /* what was asked besides: members of the page */
    char away_since[32], reason[ERR_DETAIL_SIZE];
    int64_t wait_ms; /* until the next try; grows while the server is away */
    bool is_ended;
};

static void top_clear(struct top *top)
{
    cli_screen_close(&top->screen);
    cli_figures_clear(&top->readings[0].figures);
    cli_figures_clear(&top->readings[1].figures);
    json_decref(top->page);
    json_decref(top->aside);
}
DEFINE_AUTO_VAL(top, top_clear);

/* --- asking ------------------------------------------------------------------------------------------- */

static bool goes_on(void *context, int64_t sent)
{
    struct top *top = context;
    (void)sent;
    top->is_ended = top->is_ended || cli_screen_ends(&top->screen);
    return !top->is_ended;
}

static err_t get(struct top *top, const char *path, const char *accept, struct cli_answer *out)
{
    const struct cli_call call = {.method = CLI_GET,
                                  .path = path,
                                  .accept = accept,
                                  .progress = goes_on,
                                  .progress_context = top,
                                  .silence_s = SILENCE_S};
    return cli_http_call(top->cli->http, &call, out);
}

/* What passes by itself: too many requests, a server that starts or stops. */
static bool is_passing(int status)
{
    return status == 429 || (status >= 502 && status <= 504);
}

/* @errors ERR_UNAVAILABLE the server is away: it may come back; others end the program */
static err_t read_figures(struct top *top, struct cli_top_reading *out)
{
    AUTO_VAL(cli_answer) answer = {.status = 0};
    TRY(get(top, "/metrics", "application/openmetrics-text", &answer));
    ENSURE(!is_passing(answer.status), ERR_UNAVAILABLE, "the server answers %d", answer.status);
    if (answer.status != 200) {
        cli_screen_close(&top->screen); /* what is told now stays to be read */
        return cli_problem(&top->cli->output, &answer);
    }
    out->at_ms = clock_monotonic_ms(top->cli->clock);
    out->now_ms = clock_now_ms(top->cli->clock);
    return cli_figures_read(buf_view(&answer.body), &out->figures);
}

/* Who may not see it, and a server that has none, leave the member out; so does an answer that is none. */
static err_t ask_aside(struct top *top, const char *path, const char *member, const char *inner)
{
    AUTO_VAL(cli_answer) answer = {.status = 0};
    AUTO(json_t) *document = NULL;
    err_t error = get(top, path, NULL, &answer);
    bool is_good = answer.status == 200 || (inner == NULL && answer.status == 503);
    if (error.code != ERR_OK || !is_good ||
        json_parse(buf_view(&answer.body), ASIDE_LIMIT, &document).code != ERR_OK) {
        return OK;
    }
    json_t *value = inner != NULL ? json_object_get(document, inner) : document;
    return value != NULL ? json_take(top->aside, member, json_incref(value)) : OK;
}

static err_t ask_all_aside(struct top *top)
{
    json_decref(top->aside);
    top->aside = json_object();
    ENSURE(top->aside != NULL, ERR_NO_MEMORY, "a page");
    TRY(ask_aside(top, "/readyz", "readiness", NULL));
    TRY(ask_aside(top, "/api/v1/alarms", "alarms", "alarms"));
    return ask_aside(top, "/api/v1/rollouts?state=running&limit=20", "rollouts", "rollouts");
}

/* --- a round ------------------------------------------------------------------------------------------ */

static void forget_first(struct top *top)
{
    cli_figures_clear(&top->readings[0].figures);
    top->readings[0] = top->readings[1];
    top->readings[1] = (struct cli_top_reading){.at_ms = 0};
    top->count = 1;
}

static err_t be_away(struct top *top, const err_t *error)
{
    if (top->away_since[0] == '\0') {
        time_format(clock_now_ms(top->cli->clock), top->away_since);
    }
    (void)snprintf(top->reason, sizeof top->reason, "%s", error->detail);
    bool is_first = top->wait_ms == 0;
    top->wait_ms = is_first ? top->interval_ms : 2 * top->wait_ms;
    int64_t most_ms = top->interval_ms > WAIT_MAX_MS ? top->interval_ms : WAIT_MAX_MS;
    top->wait_ms = top->wait_ms < most_ms ? top->wait_ms : most_ms;
    return top->is_once ? *error : OK;
}

/* @param[out] is_new figures were read */
static err_t read_round(struct top *top, bool *is_new)
{
    if (top->count == 2) {
        forget_first(top);
    }
    struct cli_top_reading *reading = &top->readings[top->count];
    err_t error = read_figures(top, reading);
    *is_new = error.code == ERR_OK;
    if (error.code == ERR_OK) {
        top->count++;
        top->wait_ms = 0;
        top->away_since[0] = '\0';
        return ask_all_aside(top);
    }
    cli_figures_clear(&reading->figures);
    if (top->is_ended) {
        return OK;
    }
    return error.code == ERR_UNAVAILABLE && !top->cli->output.is_closed ? be_away(top, &error) : error;
}

/* --- a page ------------------------------------------------------------------------------------------- */

static err_t add_version(struct top *top, json_t *page)
{
    const struct cli_figures *figures = &top->readings[top->count - 1].figures;
    const struct cli_figure_choice choice = {.name = "whorl_build_info"};
    for (size_t i = 0; i < figures->count; i++) {
        if (cli_figure_is(&figures->items[i], &choice)) {
            json_t *version = json_string(cli_figure_label(&figures->items[i], "version"));
            return version != NULL ? json_take(page, "version", version) : OK;
        }
    }
    return OK;
}

static err_t add_figures(struct top *top, json_t *page)
{
    json_t *view = NULL;
    const struct cli_top_reading *now = &top->readings[top->count - 1];
    const struct cli_top_reading *before = top->count == 2 ? &top->readings[0] : NULL;
    bool is_restarted = before != NULL && cli_top_is_restarted(before, now);
    TRY(add_version(top, page));
    TRY(is_restarted ? json_set_text(page, "notice", "the server was started anew: rates begin again") : OK);
    TRY(json_set_bool(page, "restarted", is_restarted));
    TRY(cli_top_view(is_restarted ? NULL : before, now, &view));
    return json_take(page, "figures", view);
}

static err_t add_away(struct top *top, json_t *page)
{
    AUTO_VAL(buf) notice = {0};
    TRY(buf_printf(&notice, "away since %s: %s; next try in %lld s", top->away_since, top->reason,
                   (long long)(top->wait_ms + 999) / 1000));
    return json_take(page, "notice", json_stringn(buf_str(&notice), notice.n));
}

static err_t make_page(struct top *top)
{
    bool is_away = top->away_since[0] != '\0';
    AUTO(json_t) *page = json_object();
    TRY(json_set_time(page, "at", clock_now_ms(top->cli->clock)));
    TRY(json_set_text(page, "server", buf_str(&top->cli->server)));
    TRY(json_set_int(page, "interval_s", top->interval_ms / 1000));
    TRY(json_set_bool(page, "away", is_away));
    TRY(is_away ? add_away(top, page) : add_figures(top, page));
    ENSURE(is_away || json_object_update(page, top->aside) == 0, ERR_NO_MEMORY, "a page");
    json_decref(top->page);
    top->page = TAKE(page);
    return OK;
}

static err_t show_page(struct top *top)
{
    struct cli_output *output = &top->cli->output;
    AUTO_VAL(buf) text = {0};
    struct cli_top_form form = {.has_colour = output->has_colour,
                                .line_end = top->screen.is_drawn_on ? "\033[K\n" : "\n"};
    if (output->is_json) {
        TRY(cli_put_json(output, top->page));
        return cli_flush(output);
    }
    cli_screen_size(&top->screen, &form.columns, &form.lines);
    /* the last column and line are kept free: a text that ends there would leave the cursor nowhere */
    form.columns -= form.columns > 1 ? 1 : 0;
    form.lines -= form.lines > 1 ? 1 : 0;
    TRY(cli_top_page(top->page, &form, &text));
    TRY(top->screen.is_drawn_on || top->is_once ? OK : buf_append_str(&text, "\n"));
    return cli_screen_show(&top->screen, buf_view(&text));
}

/* Until the next round; what is drawn is kept at the size of the terminal. */
static err_t wait_round(struct top *top)
{
    int64_t wait_ms = top->wait_ms > 0 ? top->wait_ms : top->interval_ms;
    int64_t until_ms = clock_monotonic_ms(top->cli->clock) + wait_ms;
    while (!top->is_ended) {
        int64_t left_ms = until_ms - clock_monotonic_ms(top->cli->clock);
        enum cli_wake wake = cli_screen_wait(&top->screen, left_ms > 0 ? left_ms : 0);
        top->is_ended = wake == CLI_WAKE_END;
        if (wake == CLI_WAKE_TIME) {
            return OK;
        }
        if (wake == CLI_WAKE_RESIZE && top->screen.is_drawn_on && top->page != NULL) {
            TRY(show_page(top));
        }
    }
    return OK;
}

/* For scripts: two readings, one page. */
static err_t run_once(struct top *top)
{
    bool is_new = false;
    TRY(read_round(top, &is_new));
    TRY(wait_round(top));
    TRY(top->is_ended ? OK : read_round(top, &is_new));
    TRY(top->is_ended ? OK : make_page(top));
    return top->is_ended ? OK : show_page(top);
}

static err_t run_rounds(struct top *top)
{
    while (!top->is_ended) {
        bool is_new = false;
        TRY(read_round(top, &is_new));
        if (!top->is_ended) {
            TRY(make_page(top));
            TRY(show_page(top));
            TRY(wait_round(top));
        }
    }
    return OK;
}

static err_t read_interval(const struct cli_line *line, int64_t *out_ms)
{
    const char *text = cli_line_text(line, "--interval");
    int64_t seconds = INTERVAL_S;
    bool is_good =
        text == NULL || (cli_span_parse(text, &seconds) && seconds >= 1 && seconds <= INTERVAL_MAX_S);
    ENSURE(is_good, ERR_BAD_REQUEST, "--interval is 1s to 1h");
    *out_ms = seconds * 1000;
    return OK;
}

err_t cli_run_top(struct cli *cli, const struct cli_line *line)
{
    int64_t interval_ms = 0;
    TRY(read_interval(line, &interval_ms));
    TRY(cli_open(cli, line));
    bool is_once = cli_line_has(line, "--once");
    AUTO_VAL(top) top = {.cli = cli, .interval_ms = interval_ms, .is_once = is_once};
    cli_screen_open(&top.screen, &cli->output, !is_once && !cli->output.is_json);
    return is_once ? run_once(&top) : run_rounds(&top);
}
