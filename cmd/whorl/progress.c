/* Bytes, share and rate of an upload. */
#include "cmd/whorl/progress.h"

#include <unistd.h>

enum { REDRAW_MS = 100 };

void cli_progress_begin(struct cli_progress *progress, struct cli_output *output, const struct clock *clock,
                        int64_t size)
{
    *progress = (struct cli_progress){.output = output,
                                      .clock = clock,
                                      .size = size,
                                      .begun_ms = clock_monotonic_ms(clock),
                                      .is_shown = isatty(STDERR_FILENO) == 1};
}

static err_t append_amount(struct buf *out, int64_t bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    double amount = (double)bytes / 1000;
    size_t unit = 0;
    while (amount >= 1000 && unit < 3) {
        amount /= 1000;
        unit++;
    }
    return buf_printf(out, "%.1f %s", amount, units[unit]);
}

err_t cli_progress_text(int64_t sent, int64_t size, int64_t elapsed_ms, struct buf *out)
{
    TRY(append_amount(out, sent));
    if (size > 0) {
        TRY(buf_append_str(out, " of "));
        TRY(append_amount(out, size));
        TRY(buf_printf(out, ", %d %%", (int)(100.0 * (double)sent / (double)size)));
    }
    if (size >= 0 && sent >= size) {
        return buf_append_str(out, ", the server is at work");
    }
    if (elapsed_ms > 0) {
        TRY(buf_append_str(out, ", "));
        TRY(append_amount(out, (int64_t)((double)sent * 1000 / (double)elapsed_ms)));
        TRY(buf_append_str(out, "/s"));
    }
    return OK;
}

void cli_progress_tell(struct cli_progress *progress, int64_t sent)
{
    AUTO_VAL(buf) text = {0};
    int64_t now_ms = clock_monotonic_ms(progress->clock);
    bool is_due = !progress->is_drawn || now_ms - progress->drawn_ms >= REDRAW_MS;
    if (!progress->is_shown || !is_due ||
        cli_progress_text(sent, progress->size, now_ms - progress->begun_ms, &text).code != ERR_OK) {
        return;
    }
    (void)fprintf(progress->output->err, "\r\033[K  %s", buf_str(&text));
    (void)fflush(progress->output->err);
    progress->drawn_ms = now_ms;
    progress->is_drawn = true;
}

void cli_progress_end(struct cli_progress *progress)
{
    if (progress->is_drawn) {
        (void)fputs("\r\033[K", progress->output->err);
        (void)fflush(progress->output->err);
        progress->is_drawn = false;
    }
}
