/* A line that tells how far an upload is, redrawn in place, for a person at a terminal. */
#ifndef WHORL_CMD_WHORL_PROGRESS_H
#define WHORL_CMD_WHORL_PROGRESS_H

#include "base/ports.h"
#include "cmd/whorl/output.h"

struct cli_progress {
    struct cli_output *output;
    const struct clock *clock;
    int64_t size; /* -1: nobody knows */
    int64_t begun_ms, drawn_ms;
    bool is_shown; /* a terminal is there */
    bool is_drawn;
};

/** @param size bytes to come, or -1 */
void cli_progress_begin(struct cli_progress *progress, struct cli_output *output, const struct clock *clock,
                        int64_t size);
/** Draws, at most ten times a second. */
void cli_progress_tell(struct cli_progress *progress, int64_t sent);
/** Takes the line away. */
void cli_progress_end(struct cli_progress *progress);
/** The text of the line. @param elapsed_ms since the begin */
err_t cli_progress_text(int64_t sent, int64_t size, int64_t elapsed_ms, struct buf *out);

#endif
