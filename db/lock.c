/* One process at a time is a node of an inventory: flock() on "<path>.<node>.lock". Two nodes may write
 * (SQLite takes turns), since each has epochs and audit chains of its own; two processes that were the same
 * node would fork its chain. The kernel drops the lock with the process, so a crash leaves no stale one. The
 * file itself stays: removing it would race. Readers do not come here. */
#include "db/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_STEP_MS = 20 };

/* The process that wrote its number into the lock file; "?" when it did not come to that. */
static void holder_read(int fd, char out[32])
{
    ssize_t n = pread(fd, out, 31, 0);
    size_t length = n > 0 ? strspn(out, "0123456789") : 0;
    if (length == 0 || length > (size_t)n) {
        (void)snprintf(out, 32, "?");
        return;
    }
    out[length] = '\0';
}

static void holder_write(int fd)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (n < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n) {
        return; /* it is only a help for the message of the one who is refused */
    }
}

/* flock() that waits at most `wait_ms`: its own waiting has no end. */
static bool lock_within(int fd, int wait_ms)
{
    const struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000L};
    bool is_mine = flock(fd, LOCK_EX | LOCK_NB) == 0;
    for (int waited = 0; !is_mine && errno == EWOULDBLOCK && waited < wait_ms; waited += LOCK_STEP_MS) {
        (void)nanosleep(&step, NULL);
        is_mine = flock(fd, LOCK_EX | LOCK_NB) == 0;
    }
    return is_mine;
}

err_t lock_take(const struct db_options *options, int *out_fd)
{
    *out_fd = -1;
    AUTO_VAL(buf) name = {0};
    TRY(buf_printf(&name, "%s.%s.lock", options->path, options->node_name));
    int fd = open(buf_str(&name), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    ENSURE(fd >= 0, ERR_IO, "%s: %s", buf_str(&name), strerror(errno));
    if (!lock_within(fd, options->lock_wait_ms)) {
        int reason = errno;
        char holder[32] = "";
        holder_read(fd, holder);
        (void)close(fd);
        ENSURE(reason == EWOULDBLOCK, ERR_IO, "%s: %s", buf_str(&name), strerror(reason));
        return ERR(ERR_CONFLICT, "process %s has the inventory %s open", holder, options->path);
    }
    holder_write(fd);
    *out_fd = fd;
    return OK;
}

void lock_release(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}
