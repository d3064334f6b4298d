/* Orders of ECMA-48 and of xterm that every terminal of today knows; the few that do not are TERM=dumb. */
#include "cmd/whorl/top_terminal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define SCREEN_ON  "\033[?1049h\033[?25l\033[2J"
#define SCREEN_OFF "\033[?25h\033[?1049l"
#define PAGE_BEGIN "\033[H"
#define PAGE_END   "\033[J"

static void write_order(const struct cli_screen *screen, const char *order)
{
    (void)fputs(order, screen->output->out);
    (void)fflush(screen->output->out);
}

/* Keys at once and without echo; signals of keys stay. */
static void enter(struct cli_screen *screen)
{
    if (!screen->is_drawn_on) {
        return;
    }
    screen->has_keys = tcgetattr(STDIN_FILENO, &screen->before) == 0;
    if (screen->has_keys) {
        struct termios changed = screen->before;
        changed.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        changed.c_cc[VMIN] = 0;
        changed.c_cc[VTIME] = 0;
        screen->has_keys = tcsetattr(STDIN_FILENO, TCSADRAIN, &changed) == 0;
    }
    write_order(screen, SCREEN_ON);
}

static void leave(const struct cli_screen *screen)
{
    if (!screen->is_drawn_on) {
        return;
    }
    if (screen->has_keys) {
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &screen->before);
    }
    write_order(screen, SCREEN_OFF); /* last: whoever sees it has all of the terminal back */
}

static int hold(const int *numbers, size_t count, sigset_t *all)
{
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t i = 0; i < count; i++) {
        (void)sigaddset(&set, numbers[i]);
        (void)sigaddset(all, numbers[i]);
    }
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

void cli_screen_open(struct cli_screen *screen, struct cli_output *output, bool may_draw)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    static const int events[] = {SIGWINCH, SIGTSTP};
    const char *terminal = getenv("TERM");
    bool is_able = terminal != NULL && terminal[0] != '\0' && strcmp(terminal, "dumb") != 0;
    sigset_t all;
    *screen = (struct cli_screen){.output = output, .is_open = true};
    (void)sigemptyset(&all);
    screen->end_fd = hold(ends, sizeof ends / sizeof ends[0], &all);
    screen->event_fd = hold(events, sizeof events / sizeof events[0], &all);
    (void)sigprocmask(SIG_BLOCK, &all, &screen->mask_before);
    screen->is_drawn_on = may_draw && output->is_terminal && is_able;
    enter(screen);
}

static void drop(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
    *fd = -1;
}

/* The signal was not taken from its descriptor: it ends the program when the mask is lifted. */
void cli_screen_close(struct cli_screen *screen)
{
    if (!screen->is_open) {
        return;
    }
    leave(screen);
    screen->is_open = screen->is_drawn_on = screen->has_keys = false;
    drop(&screen->end_fd);
    drop(&screen->event_fd);
    (void)fflush(screen->output->out);
    (void)sigprocmask(SIG_SETMASK, &screen->mask_before, NULL);
}

void cli_screen_size(const struct cli_screen *screen, size_t *columns, size_t *lines)
{
    struct winsize size = {.ws_col = 0};
    bool is_known = screen->is_drawn_on && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    *columns = is_known ? size.ws_col : 0;
    *lines = is_known ? size.ws_row : 0;
}

err_t cli_screen_show(struct cli_screen *screen, struct bytes page)
{
    TRY(screen->is_drawn_on ? cli_put(screen->output, bytes_str(PAGE_BEGIN)) : OK);
    TRY(cli_put(screen->output, page));
    TRY(screen->is_drawn_on ? cli_put(screen->output, bytes_str(PAGE_END)) : OK);
    return cli_flush(screen->output);
}

/* Stopped as any program is: with the terminal as it was, and drawn on again when it goes on. */
static void stop_here(struct cli_screen *screen)
{
    leave(screen);
    (void)raise(SIGSTOP);
    enter(screen);
}

static void take_event(struct cli_screen *screen)
{
    struct signalfd_siginfo event;
    while (read(screen->event_fd, &event, sizeof event) == (ssize_t)sizeof event) {
        if (event.ssi_signo == SIGTSTP) {
            stop_here(screen);
        }
    }
}

/* @param[out] is_gone the terminal is */
static bool is_quit(bool *is_gone)
{
    char key = 0;
    ssize_t n = read(STDIN_FILENO, &key, 1);
    *is_gone = n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
    return n == 1 && (key == 'q' || key == 'Q');
}

enum cli_wake cli_screen_wait(struct cli_screen *screen, int64_t ms)
{
    struct pollfd all[] = {{.fd = screen->end_fd, .events = POLLIN},
                           {.fd = screen->event_fd, .events = POLLIN},
                           {.fd = screen->has_keys ? STDIN_FILENO : -1, .events = POLLIN}};
    bool is_gone = false;
    int ready = poll(all, 3, (int)(ms < INT32_MAX ? ms : INT32_MAX));
    if (ready < 0) {
        return errno == EINTR ? CLI_WAKE_RESIZE : CLI_WAKE_END;
    }
    if (all[0].revents != 0 || (all[2].revents != 0 && (is_quit(&is_gone) || is_gone))) {
        return CLI_WAKE_END;
    }
    if (all[1].revents != 0) {
        take_event(screen);
    }
    return ready == 0 ? CLI_WAKE_TIME : CLI_WAKE_RESIZE;
}

bool cli_screen_ends(struct cli_screen *screen)
{
    return cli_screen_wait(screen, 0) == CLI_WAKE_END;
}
