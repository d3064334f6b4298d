/* Writing, with its errors. Escaping is in text.c, tables in table.c. */
#include "cmd/whorl/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/whorl/text.h"

void cli_output_init(struct cli_output *output, bool is_json)
{
    const char *terminal = getenv("TERM");
    const char *no_colour = getenv("NO_COLOR");
    *output = (struct cli_output){.out = stdout, .err = stderr, .is_json = is_json};
    output->is_terminal = isatty(STDOUT_FILENO) == 1;
    output->has_colour = output->is_terminal && (no_colour == NULL || no_colour[0] == '\0') &&
                         terminal != NULL && strcmp(terminal, "dumb") != 0;
}

static err_t failure(struct cli_output *output)
{
    int number = errno;
    char reason[64] = "";
    output->is_closed = number == EPIPE;
    if (output->is_closed) {
        return ERR(ERR_IO, "%s", "");
    }
    return ERR(ERR_IO, "cannot write: %s", strerror_r(number, reason, sizeof reason));
}

err_t cli_put(struct cli_output *output, struct bytes text)
{
    errno = 0;
    bool is_written = text.n == 0 || fwrite(text.p, 1, text.n, output->out) == text.n;
    return is_written ? OK : failure(output);
}

err_t cli_put_raw(struct cli_output *output, struct bytes text)
{
    if (!output->is_terminal) {
        return cli_put(output, text);
    }
    AUTO_VAL(buf) clean = {0};
    TRY(cli_text_escape(text, true, &clean));
    return cli_put(output, buf_view(&clean));
}

err_t cli_put_json(struct cli_output *output, const json_t *value)
{
    size_t flags = JSON_COMPACT | JSON_ENCODE_ANY | (output->is_terminal ? JSON_ENSURE_ASCII : 0);
    AUTO(char) *text = json_dumps(value, flags);
    ENSURE(text != NULL, ERR_NO_MEMORY, "no memory for a line");
    TRY(cli_put(output, bytes_str(text)));
    return cli_put(output, bytes_str("\n"));
}

err_t cli_flush(struct cli_output *output)
{
    errno = 0;
    return fflush(output->out) == 0 ? OK : failure(output);
}

void cli_note(struct cli_output *output, const char *format, ...)
{
    AUTO(char) *text = NULL;
    AUTO_VAL(buf) clean = {0};
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (size < 0) {
        text = NULL; /* its content is undefined then */
        return;
    }
    if (cli_text_escape(bytes_str(text), true, &clean).code == ERR_OK) {
        (void)fflush(output->out); /* what was found stands before what is said of it */
        (void)fprintf(output->err, "%s\n", buf_str(&clean));
    }
}

int cli_finish(struct cli_output *output, err_t error)
{
    errno = 0;
    bool is_flushed = fflush(output->out) == 0 && !ferror(output->out);
    if (error.code == ERR_OK && !is_flushed) {
        error = failure(output);
    }
    if (output->is_closed || error.code == ERR_OK) {
        return CLI_EXIT_OK;
    }
    if (error.detail[0] != '\0') {
        cli_note(output, "whorl: %s", error.detail);
    }
    return error.code == ERR_BAD_REQUEST ? CLI_EXIT_USAGE : CLI_EXIT_FAILED;
}
