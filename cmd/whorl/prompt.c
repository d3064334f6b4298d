/* The terminal, with echo or without, and signals by signalfd(2). */
#include "cmd/whorl/prompt.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

enum { LINE_LIMIT = 16 * 1024, CONFIRM_SIZE = 8 };

void cli_interrupt_open(struct cli_interrupt *interrupt)
{
    sigset_t held;
    (void)sigemptyset(&held);
    (void)sigaddset(&held, SIGINT);
    (void)sigaddset(&held, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &held, &interrupt->before);
    interrupt->fd =
        signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK); /* -1: a signal is seen at the close only */
}

void cli_interrupt_close(struct cli_interrupt *interrupt)
{
    if (interrupt->fd >= 0) {
        (void)close(interrupt->fd);
    }
    (void)sigprocmask(SIG_SETMASK, &interrupt->before, NULL); /* one that waited ends the program here */
}

/* The signal is not taken from the descriptor: it must still be there when the mask is lifted. */
bool cli_interrupt_came(const struct cli_interrupt *interrupt)
{
    struct pollfd signal = {.fd = interrupt->fd, .events = POLLIN};
    return interrupt->fd >= 0 && poll(&signal, 1, 0) > 0;
}

bool cli_interrupt_wait(const struct cli_interrupt *interrupt, int fd)
{
    struct pollfd both[] = {{.fd = fd, .events = POLLIN}, {.fd = interrupt->fd, .events = POLLIN}};
    while (poll(both, 2, -1) < 0 && errno == EINTR) {
    }
    return both[1].revents == 0;
}

bool cli_can_ask(void)
{
    return isatty(STDIN_FILENO) == 1;
}

/* Byte by byte: what follows the line is for the next question. */
static err_t read_line(const struct cli_interrupt *interrupt, struct buf *out)
{
    for (;;) {
        char c = 0;
        ENSURE(cli_interrupt_wait(interrupt, STDIN_FILENO), ERR_TIMEOUT, "%s", "");
        ssize_t n = read(STDIN_FILENO, &c, 1);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        ENSURE(n >= 0, ERR_IO, "cannot read standard input");
        ENSURE(n > 0 || out->n > 0, ERR_BAD_REQUEST, "standard input has ended");
        if (n == 0 || c == '\n') {
            return OK;
        }
        ENSURE(out->n < LINE_LIMIT, ERR_BAD_REQUEST, "that line is too long");
        TRY(buf_append(out, &c, 1));
    }
}

/* @param hidden changed, to be restored */
static bool hide_echo(struct termios *hidden)
{
    if (tcgetattr(STDIN_FILENO, hidden) != 0) {
        return false;
    }
    struct termios changed = *hidden;
    changed.c_lflag &= ~(tcflag_t)ECHO;
    return tcsetattr(STDIN_FILENO, TCSAFLUSH, &changed) == 0;
}

err_t cli_prompt(struct cli_output *output, const char *question, bool is_secret, struct buf *out)
{
    AUTO_VAL(cli_interrupt) interrupt;
    struct termios before;
    cli_interrupt_open(&interrupt);
    bool is_hidden = cli_can_ask() && is_secret && hide_echo(&before);
    if (cli_can_ask()) {
        (void)fprintf(output->err, "%s", question);
        (void)fflush(output->err);
    }
    err_t error = read_line(&interrupt, out);
    if (is_hidden) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    }
    if (is_hidden || (cli_can_ask() && error.code != ERR_OK)) {
        (void)fputc('\n', output->err);
    }
    return error;
}

err_t cli_confirm(struct cli_output *output, const char *what, const char *id)
{
    AUTO_VAL(buf) answer = {0};
    AUTO_VAL(buf) question = {0};
    ENSURE(cli_can_ask(), ERR_BAD_REQUEST, "this cannot be undone: --yes says that it is meant");
    size_t size = strlen(id) < CONFIRM_SIZE ? strlen(id) : CONFIRM_SIZE;
    cli_note(output, "This will %s:\n  %s", what, id);
    TRY(buf_printf(&question, "Type the id's first %zu characters to go on: ", size));
    TRY(cli_prompt(output, buf_str(&question), false, &answer));
    ENSURE(answer.n >= size && strncmp(buf_str(&answer), id, answer.n) == 0, ERR_CONFLICT,
           "that is another id; nothing was done");
    return OK;
}
