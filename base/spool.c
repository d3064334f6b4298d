/* Over stdio, whose buffer makes small records cheap. The position is counted here: ftell would flush. */
#include "base/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"

enum { BUFFER_SIZE = 64 * 1024 };

struct spool {
    FILE *file;
    int64_t at;
};

static err_t error_of_errno(const char *what)
{
    bool is_full = errno == ENOSPC || errno == EDQUOT;
    return ERR(is_full ? ERR_DISK_FULL : ERR_IO, "%s a temporary file failed (%d)", what, errno);
}

/* @param[out] file has no name any more */
static err_t open_nameless(const char *folder, FILE **file)
{
    AUTO(char) *path = NULL;
    TRY(path_join(folder, "spool" FILE_TEMPORARY "XXXXXX", &path));
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0) {
        return error_of_errno("making");
    }
    if (unlink(path) == 0) {
        *file = fdopen(fd, "w+");
    }
    if (*file == NULL) {
        err_t error = error_of_errno("opening");
        (void)close(fd); /* the error is told already */
        return error;
    }
    return OK;
}

err_t spool_new(const char *folder, struct spool **out)
{
    *out = NULL;
    AUTO_PTR(spool) *spool = calloc(1, sizeof *spool);
    ENSURE(spool != NULL, ERR_NO_MEMORY, "no memory for a temporary file");
    TRY(open_nameless(folder, &spool->file));
    ENSURE(setvbuf(spool->file, NULL, _IOFBF, BUFFER_SIZE) == 0, ERR_NO_MEMORY,
           "no memory for a temporary file");
    *out = TAKE(spool);
    return OK;
}

void spool_free(struct spool *spool)
{
    if (spool != NULL && spool->file != NULL) {
        (void)fclose(spool->file); /* nobody reads it any more */
    }
    free(spool);
}

int64_t spool_at(const struct spool *spool)
{
    return spool->at;
}

err_t spool_go(struct spool *spool, int64_t at)
{
    if (fseeko(spool->file, (off_t)at, SEEK_SET) != 0) {
        return error_of_errno("seeking in");
    }
    spool->at = at;
    return OK;
}

err_t spool_write(struct spool *spool, const void *p, size_t n)
{
    if (fwrite(p, 1, n, spool->file) != n) {
        return error_of_errno("writing");
    }
    spool->at += (int64_t)n;
    return OK;
}

err_t spool_read(struct spool *spool, void *p, size_t n)
{
    ENSURE(fread(p, 1, n, spool->file) == n, ERR_IO, "reading a temporary file failed");
    spool->at += (int64_t)n;
    return OK;
}

err_t spool_read_at(struct spool *spool, int64_t at, void *p, size_t n)
{
    uint8_t *to = p;
    while (n > 0) {
        ssize_t got = pread(fileno(spool->file), to, n, (off_t)at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        ENSURE(got > 0, ERR_IO, "reading a temporary file failed");
        to += got;
        at += got;
        n -= (size_t)got;
    }
    return OK;
}
