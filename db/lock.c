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
#include <unistd.h>

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

err_t lock_take(const char *path, const char *node, int *out_fd)
{
    *out_fd = -1;
    AUTO_VAL(buf) name = {0};
    TRY(buf_printf(&name, "%s.%s.lock", path, node));
    int fd = open(buf_str(&name), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    ENSURE(fd >= 0, ERR_IO, "%s: %s", buf_str(&name), strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int reason = errno;
        char holder[32] = "";
        holder_read(fd, holder);
        (void)close(fd);
        ENSURE(reason == EWOULDBLOCK, ERR_IO, "%s: %s", buf_str(&name), strerror(reason));
        return ERR(ERR_CONFLICT, "process %s has the inventory %s open", holder, path);
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
