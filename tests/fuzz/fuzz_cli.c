/* What the command line reads of a server, and of its own file: streams of events in any pieces, JSON that
 * becomes a table and lines, the settings file. Whatever comes, no control character reaches the terminal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "cmd/whorl/cli.h"
#include "cmd/whorl/sse.h"
#include "cmd/whorl/text.h"
#include "tests/fuzz/fuzz.h"

static const struct cli_column columns[] = {{"A", "a"}, {"B", "a.b"}, {"DETAIL", "detail"}, {NULL, NULL}};

static void check_clean(const char *text, size_t size)
{
    if (!utf8_is_valid((struct bytes){(const uint8_t *)text, size})) {
        abort();
    }
    for (size_t i = 0; i < size; i++) {
        if (((unsigned char)text[i] < 0x20 && text[i] != '\n' && text[i] != '\t') || text[i] == 0x7f) {
            abort();
        }
    }
}

static void show(const json_t *value)
{
    static const struct cli_command command = {.inner = "list", .inner_columns = columns};
    char *text = NULL;
    size_t size = 0;
    struct cli_output output = {.out = open_memstream(&text, &size)};
    output.err = output.out;
    AUTO_VAL(cli_table) table = {.columns = columns};
    if (cli_table_add(&table, value).code != ERR_OK || cli_table_flush(&table, &output).code != ERR_OK ||
        cli_show(&output, &command, value).code != ERR_OK) {
        abort();
    }
    (void)fclose(output.out);
    check_clean(text, size);
    free(text);
}

static void check_problem(struct bytes text)
{
    char *said = NULL;
    size_t size = 0;
    AUTO_VAL(cli_answer) answer = {.status = 422};
    struct cli_output output = {.out = open_memstream(&said, &size)};
    output.err = output.out;
    if (buf_append_bytes(&answer.body, text).code != ERR_OK ||
        cli_problem(&output, &answer).code != ERR_CONFLICT) {
        abort();
    }
    (void)fclose(output.out);
    check_clean(said, size);
    free(said);
}

static err_t take_event(void *context, const struct cli_sse_event *event)
{
    struct buf *out = context;
    TRY(buf_printf(out, "%s %s ", event->type, event->id));
    return buf_append_bytes(out, event->data);
}

/* The same events come out, however the stream is cut. */
static void check_stream(struct bytes stream, size_t step)
{
    AUTO_VAL(buf) whole = {0};
    AUTO_VAL(buf) cut = {0};
    AUTO_VAL(cli_sse) first = {.fn = take_event, .context = &whole};
    AUTO_VAL(cli_sse) second = {.fn = take_event, .context = &cut};
    err_t error = cli_sse_feed(&first, stream);
    for (size_t i = 0; error.code == ERR_OK && i < stream.n; i += step) {
        size_t n = stream.n - i < step ? stream.n - i : step;
        error = cli_sse_feed(&second, (struct bytes){stream.p + i, n});
    }
    if (error.code == ERR_OK && !bytes_equal(buf_view(&whole), buf_view(&cut))) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = {data, size};
    AUTO_VAL(buf) clean = {0};
    AUTO(json_t) *config = NULL;
    AUTO(json_t) *value = NULL;
    check_stream(text, size == 0 ? 1 : 1U + data[0] % 7U);
    if (cli_text_escape(text, true, &clean).code != ERR_OK) {
        abort();
    }
    check_clean(buf_str(&clean), clean.n);
    err_ignore(cli_config_parse(text, &config)); /* it is refused or not */
    if (json_parse(text, size, &value).code == ERR_OK) {
        show(value);
    }
    check_problem(text);
    return 0;
}
