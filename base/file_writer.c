/* Long files, durably: the same steps as file_write_durable(), with the bytes in pieces between them. */
#include "base/file_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

struct file_writer {
    int fd;
    bool is_stream; /* the descriptor is the caller's */
    bool is_done;   /* it has its name */
    char *path;     /* of a stream: its name */
    struct buf temporary;
};

void file_writer_free(struct file_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    if (writer->fd >= 0 && !writer->is_stream) {
        (void)close(writer->fd); /* what had to be durable was synced before */
        if (!writer->is_done) {
            (void)unlink(buf_str(&writer->temporary));
        }
    }
    buf_clear(&writer->temporary);
    free(writer->path);
    free(writer);
}

static err_t new_writer(const char *name, struct file_writer **out)
{
    *out = NULL;
    AUTO_PTR(file_writer) *writer = calloc(1, sizeof *writer);
    ENSURE(writer != NULL, ERR_NO_MEMORY, "no memory for a file");
    writer->fd = -1;
    writer->path = strdup(name);
    ENSURE(writer->path != NULL, ERR_NO_MEMORY, "no memory for a file");
    *out = TAKE(writer);
    return OK;
}

static err_t failed(const char *verb, const char *path)
{
    int number = errno;
    bool is_full = number == ENOSPC || number == EDQUOT || number == EFBIG;
    char reason[64] = "";
    const char *text = strerror_r(number, reason, sizeof reason);
    return ERR(is_full            ? ERR_DISK_FULL
               : number == ENOENT ? ERR_NOT_FOUND
                                  : ERR_IO,
               "cannot %s %.90s: %s", verb, path, text);
}

err_t file_writer_new(const char *path, mode_t mode, struct file_writer **out)
{
    *out = NULL;
    AUTO_PTR(file_writer) *writer = NULL;
    TRY(new_writer(path, &writer));
    TRY(buf_printf(&writer->temporary, "%s" FILE_TEMPORARY "XXXXXX", path));
    writer->fd = mkostemp((char *)writer->temporary.p, O_CLOEXEC);
    if (writer->fd < 0) {
        return failed("make", path);
    }
    if (fchmod(writer->fd, mode) != 0) {
        return failed("set the mode of", path);
    }
    *out = TAKE(writer);
    return OK;
}

err_t file_writer_on(int fd, const char *name, struct file_writer **out)
{
    TRY(new_writer(name, out));
    (*out)->fd = fd;
    (*out)->is_stream = true;
    return OK;
}

err_t file_writer_add(struct file_writer *writer, struct bytes piece)
{
    while (piece.n > 0) {
        ssize_t n = write(writer->fd, piece.p, piece.n);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return failed("write", writer->path);
        }
        piece.p += n;
        piece.n -= (size_t)n;
    }
    return OK;
}

err_t file_writer_sync(struct file_writer *writer)
{
    if (fsync(writer->fd) == 0 || (writer->is_stream && errno == EINVAL)) { /* a pipe has nothing to sync */
        return OK;
    }
    (void)dprintf(STDERR_FILENO, "fsync of %s failed (%d); ending, because what was written may be lost\n",
                  writer->path, errno);
    _exit(EXIT_FAILURE);
}

err_t file_writer_commit(struct file_writer *writer)
{
    if (writer->is_stream) {
        return OK;
    }
    TRY(file_move_durable(buf_str(&writer->temporary), writer->path));
    writer->is_done = true;
    return OK;
}
