/* A counted descriptor and pread(2). Knows neither who reads nor what is in it. */
#include "base/shared_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct shared_file {
    atomic_size_t references;
    int fd;
    int64_t size;
};

err_t shared_file_open(const char *path, struct shared_file **out)
{
    *out = NULL;
    struct shared_file *file = malloc(sizeof *file);
    ENSURE(file != NULL, ERR_NO_MEMORY, "an open file");
    atomic_init(&file->references, 1);
    struct stat status;
    /* O_NONBLOCK: of a pipe by that name there would be no end */
    file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file->fd < 0 || fstat(file->fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        shared_file_unref(file);
        return ERR(ERR_IO, "a file cannot be opened for reading");
    }
    file->size = status.st_size;
    (void)posix_fadvise(file->fd, 0, 0, POSIX_FADV_SEQUENTIAL); /* only a hint */
    *out = file;
    return OK;
}

struct shared_file *shared_file_ref(struct shared_file *file)
{
    atomic_fetch_add_explicit(&file->references, 1, memory_order_relaxed);
    return file;
}

void shared_file_unref(struct shared_file *file)
{
    if (file != NULL && atomic_fetch_sub_explicit(&file->references, 1, memory_order_acq_rel) == 1) {
        if (file->fd >= 0) {
            close(file->fd);
        }
        free(file);
    }
}

int64_t shared_file_size(const struct shared_file *file)
{
    return file->size;
}

err_t shared_file_read(const struct shared_file *file, int64_t at, uint8_t *out, size_t n)
{
    while (n > 0) {
        ssize_t got = pread(file->fd, out, n, at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        ENSURE(got > 0, ERR_IO, "a file cannot be read, or is shorter than it was");
        at += got;
        out += got;
        n -= (size_t)got;
    }
    return OK;
}

void shared_file_expect(const struct shared_file *file, int64_t at, int64_t n)
{
    (void)posix_fadvise(file->fd, at, n, POSIX_FADV_WILLNEED); /* only a hint */
}
