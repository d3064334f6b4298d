/* Questions to the person, and Ctrl-C: nobody may be left with a terminal that shows nothing, nor an upload
 * with a half-drawn line. Signals are held back and looked at, so that no variable outlives a call. */
#ifndef WHORL_CMD_WHORL_PROMPT_H
#define WHORL_CMD_WHORL_PROMPT_H

#include <signal.h>

#include "cmd/whorl/output.h"

/* While it is open, SIGINT and SIGTERM wait; they end the program when it is closed. */
struct cli_interrupt {
    int fd;
    sigset_t before;
};
void cli_interrupt_open(struct cli_interrupt *interrupt);
void cli_interrupt_close(struct cli_interrupt *interrupt);
DEFINE_AUTO_VAL(cli_interrupt, cli_interrupt_close);
/** Whether a signal came. */
bool cli_interrupt_came(const struct cli_interrupt *interrupt);
/** Waits until `fd` can be read. False when a signal came first. */
bool cli_interrupt_wait(const struct cli_interrupt *interrupt, int fd);

bool cli_can_ask(void);
/** One line of standard input, without its end; the question goes to the person when a terminal is there.
 *  @param is_secret it is not shown while it is written @errors ERR_BAD_REQUEST no line; ERR_TIMEOUT a signal
 * came, without a detail */
err_t cli_prompt(struct cli_output *output, const char *question, bool is_secret, struct buf *out);
/** Asks for the first characters of an id before what cannot be undone.
 *  @errors ERR_BAD_REQUEST no terminal; ERR_CONFLICT something else was written */
err_t cli_confirm(struct cli_output *output, const char *what, const char *id);

#endif
