/* The terminal while `whorl top` draws on it: another screen without a cursor, keys one by one, its size, and
 * signals that wait until the terminal is as it was. On no terminal, and on a dumb one, nothing is done to
 * it. */
#ifndef WHORL_CMD_WHORL_TOP_TERMINAL_H
#define WHORL_CMD_WHORL_TOP_TERMINAL_H

#include <signal.h>
#include <termios.h>

#include "cmd/whorl/output.h"

struct cli_screen {
    struct cli_output *output; /* borrowed */
    bool is_open, is_drawn_on;
    bool has_keys; /* standard input is the terminal too */
    struct termios before;
    int end_fd, event_fd; /* signalfd: of what ends the program; of what it goes on after */
    sigset_t mask_before;
};

enum cli_wake {
    CLI_WAKE_TIME,   /* the time has come */
    CLI_WAKE_RESIZE, /* draw again */
    CLI_WAKE_END,    /* q, or a signal that ends */
};

/** Signals are held back from now on. @param may_draw false: plain pages whatever the output is */
void cli_screen_open(struct cli_screen *screen, struct cli_output *output, bool may_draw);
/** The terminal is as it was; a signal that waited ends the program here. A second time does nothing. */
void cli_screen_close(struct cli_screen *screen);
DEFINE_AUTO_VAL(cli_screen, cli_screen_close);

/** 0, 0 where it is not known, or where nothing is drawn. */
void cli_screen_size(const struct cli_screen *screen, size_t *columns, size_t *lines);
/** Shows a page in the place of the one before. @errors as cli_put() */
err_t cli_screen_show(struct cli_screen *screen, struct bytes page);
/** Waits so long for a key or a signal. Stopped and continued (^Z) it draws again. */
enum cli_wake cli_screen_wait(struct cli_screen *screen, int64_t ms);
/** Whether the end was asked for, without waiting. */
bool cli_screen_ends(struct cli_screen *screen);

#endif
