/* A page of figures from a server: what was read is written and read again as the same, and a page of `whorl
 * top` made of it is text that no terminal obeys. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/whorl/top_figures.h"
#include "cmd/whorl/top_page.h"
#include "tests/fuzz/fuzz.h"

static void must(bool is_so)
{
    if (!is_so) {
        abort();
    }
}

static void write_value(struct buf *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        const char *escaped = *p == '\n' ? "\\n" : *p == '"' ? "\\\"" : *p == '\\' ? "\\\\" : NULL;
        must((escaped != NULL ? buf_append_str(out, escaped) : buf_append(out, p, 1)).code == ERR_OK);
    }
}

static void write_figure(struct buf *out, const struct cli_figure *figure)
{
    must(buf_printf(out, "%s{", figure->name).code == ERR_OK);
    for (size_t i = 0; i < figure->label_count; i++) {
        must(buf_printf(out, "%s%s=\"", i > 0 ? "," : "", figure->labels[i].name).code == ERR_OK);
        write_value(out, figure->labels[i].value);
        must(buf_append_str(out, "\"").code == ERR_OK);
    }
    if (isfinite(figure->value)) {
        must(buf_printf(out, "} %.17g\n", figure->value).code == ERR_OK);
    } else {
        must(buf_printf(out, "} %s\n",
                        isnan(figure->value) ? "NaN"
                        : figure->value > 0  ? "+Inf"
                                             : "-Inf")
                 .code == ERR_OK);
    }
}

static void same(const struct cli_figure *a, const struct cli_figure *b)
{
    must(strcmp(a->name, b->name) == 0 && a->label_count == b->label_count);
    must(isnan(a->value) ? isnan(b->value) : !(a->value < b->value) && !(a->value > b->value));
    for (size_t i = 0; i < a->label_count; i++) {
        must(strcmp(a->labels[i].name, b->labels[i].name) == 0);
        must(strcmp(a->labels[i].value, b->labels[i].value) == 0);
    }
}

static void read_again(const struct cli_figures *figures)
{
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(cli_figures) again = {.count = 0};
    for (size_t i = 0; i < figures->count; i++) {
        write_figure(&text, &figures->items[i]);
    }
    must(buf_append_str(&text, "# EOF\n").code == ERR_OK);
    if (text.n > CLI_FIGURES_TEXT_MAX) {
        return;
    }
    must(cli_figures_read(buf_view(&text), &again).code == ERR_OK && again.count == figures->count);
    for (size_t i = 0; i < figures->count; i++) {
        same(&figures->items[i], &again.items[i]);
    }
}

/* Against a reading of nothing, and against itself. */
static void show(const struct cli_top_reading *before, const struct cli_top_reading *now)
{
    static const struct cli_top_form form = {.columns = 60, .lines = 24, .line_end = "\n"};
    AUTO(json_t) *view = NULL;
    AUTO_VAL(buf) text = {0};
    must(cli_top_view(cli_top_is_restarted(before, now) ? NULL : before, now, &view).code == ERR_OK);
    AUTO(json_t) *page = json_object();
    must(json_take(page, "figures", json_incref(view)).code == ERR_OK);
    must(cli_top_page(page, &form, &text).code == ERR_OK);
    size_t lines = 0;
    for (size_t i = 0; i < text.n; i++) {
        lines += text.p[i] == '\n' ? 1 : 0;
        must(text.p[i] >= 0x20 ? text.p[i] != 0x7f : text.p[i] == '\n');
    }
    must(lines <= form.lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cli_top_reading now = {.at_ms = 2000, .now_ms = 1795369239007};
    struct cli_top_reading nothing = {.at_ms = 1000, .now_ms = 1795369238007};
    if (cli_figures_read((struct bytes){data, size}, &now.figures).code == ERR_OK) {
        struct cli_top_reading earlier = now; /* shares the figures */
        earlier.at_ms = 1000;
        read_again(&now.figures);
        show(&nothing, &now);
        show(&earlier, &now);
    }
    cli_figures_clear(&now.figures);
    return 0;
}
