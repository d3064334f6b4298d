/* Reads the bytes of a blob, or of what a writer has so far, at any place. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firmware_store/internal.h"

void file_reader_free(struct blob_reader *base)
{
    struct file_reader *reader = (struct file_reader *)base;
    if (reader->fd >= 0 && !reader->is_borrowed) {
        (void)close(reader->fd); /* it was only read */
    }
    free(reader);
}

err_t file_reader_open(struct blob_store *store, const struct sha256 *name, struct blob_reader **out)
{
    struct stat st;
    AUTO_VAL(buf) path = {0};
    *out = NULL;
    TRY(file_store_blob_path((struct file_store *)store, name, &path));
    AUTO_PTR(blob_reader) *base = calloc(1, sizeof(struct file_reader));
    ENSURE(base != NULL, ERR_NO_MEMORY, "a reader");
    base->driver = store->driver;
    struct file_reader *reader = (struct file_reader *)base;
    reader->fd = open(buf_str(&path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (reader->fd < 0 && errno == ENOENT) {
        return ERR(ERR_NOT_FOUND, "the store does not have these bytes");
    }
    if (reader->fd < 0 && (errno == EMFILE || errno == ENFILE)) { /* says nothing about the bytes */
        return ERR(ERR_BUSY, "too many files are open");
    }
    if (reader->fd < 0 || fstat(reader->fd, &st) != 0) {
        return file_store_failed("open", buf_str(&path));
    }
    reader->size = (int64_t)st.st_size;
    *out = TAKE(base);
    return OK;
}

int64_t file_reader_size(const struct blob_reader *reader)
{
    return ((const struct file_reader *)reader)->size;
}

err_t file_reader_read(struct blob_reader *base, int64_t at, uint8_t *out, size_t n)
{
    const struct file_reader *reader = (const struct file_reader *)base;
    ENSURE(at >= 0 && at <= reader->size && n <= (uint64_t)(reader->size - at), ERR_UNPROCESSABLE,
           "the bytes end at %lld", (long long)reader->size);
    while (n > 0) {
        ssize_t got = pread(reader->fd, out, n, (off_t)at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        ENSURE(got > 0, ERR_IO, "reading firmware failed at byte %lld (%d)", (long long)at,
               got < 0 ? errno : 0);
        out += got;
        at += got;
        n -= (size_t)got;
    }
    return OK;
}

void file_reader_let_go(struct blob_reader *base, int64_t at, size_t n)
{
    const struct file_reader *reader = (const struct file_reader *)base;
    (void)posix_fadvise(reader->fd, (off_t)at, (off_t)n, POSIX_FADV_DONTNEED); /* only a hint */
}
