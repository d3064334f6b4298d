/* Files that survive a power cut: temporary beside the target, fsync, rename, fsync of the folder (identity
 * and CA material, settings). A failed fsync ends the process: after it the kernel may call lost pages clean,
 * so a second try would lie. Does not lock. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* An open descriptor that ends with its scope. */
struct descriptor {
    int fd;
};

static void descriptor_close(struct descriptor *d)
{
    if (d->fd >= 0) {
        (void)close(d->fd); /* what had to be durable was synced before */
    }
    d->fd = -1;
}
DEFINE_AUTO_VAL(descriptor, descriptor_close);

/* The error for `errno` as it is now; for a full disk the caller can wait for room. */
static err_t error_of_errno(const char *verb, const char *path)
{
    int number = errno;
    err_code code = ERR_IO;
    if (number == ENOSPC || number == EDQUOT) {
        code = ERR_DISK_FULL;
    } else if (number == ENOENT || number == ENOTDIR) {
        code = ERR_NOT_FOUND;
    } else if (number == EEXIST) {
        code = ERR_CONFLICT;
    }
    char reason[64] = "";
    const char *text = strerror_r(number, reason, sizeof reason);
    return ERR(code, "%s %s: %s", verb, path, text);
}

void descriptor_sync(int fd, const char *path)
{
    if (fsync(fd) == 0) {
        return;
    }
    (void)dprintf(STDERR_FILENO,
                  "{\"level\":\"error\",\"event\":\"fsync_failed\",\"errno\":%d}\n"
                  "fsync of %s failed; ending, because what was written may be lost\n",
                  errno, path);
    _exit(EXIT_FAILURE);
}

static err_t read_all(int fd, const char *path, size_t limit, struct buf *out)
{
    for (;;) {
        TRY(buf_reserve(out, 4096));
        ssize_t n = read(fd, out->p + out->n, out->capacity - out->n - 1);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        ENSURE(n >= 0, ERR_IO, "cannot read %s: errno %d", path, errno);
        out->n += (size_t)n;
        out->p[out->n] = '\0';
        ENSURE(out->n <= limit, ERR_TOO_LARGE, "%s has more than %zu bytes", path, limit);
        if (n == 0) {
            return OK;
        }
    }
}

err_t file_read(const char *path, size_t limit, struct buf *out)
{
    AUTO_VAL(descriptor) file = {open(path, O_RDONLY | O_CLOEXEC)};
    if (file.fd < 0) {
        return error_of_errno("cannot open", path);
    }
    AUTO_VAL(secret) content = {0}; /* wiped on failure: the file may be a key */
    TRY(read_all(file.fd, path, limit, &content.bytes));
    if (out->n == 0) {
        buf_clear(out);
        *out = content.bytes;
        content.bytes = (struct buf){0};
        return OK;
    }
    return buf_append_bytes(out, buf_view(&content.bytes));
}

static err_t write_all(int fd, const char *path, struct bytes content)
{
    while (content.n > 0) {
        ssize_t n = write(fd, content.p, content.n);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return error_of_errno("cannot write", path);
        }
        content.p += n;
        content.n -= (size_t)n;
    }
    return OK;
}

/* The folder that holds `path`, as heap text. */
static err_t parent_of(const char *path, char **out)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash == NULL ? 0 : (size_t)(slash - path);
    *out = slash == NULL ? strdup(".") : n == 0 ? strdup("/") : strndup(path, n);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "a path");
    return OK;
}

static err_t write_temporary(int fd, const char *temporary, struct bytes content, mode_t mode)
{
    if (fchmod(fd, mode) != 0) {
        return error_of_errno("cannot set the mode of", temporary);
    }
    TRY(write_all(fd, temporary, content));
    descriptor_sync(fd, temporary);
    return OK;
}

err_t file_write_durable(const char *path, struct bytes content, mode_t mode)
{
    AUTO_VAL(buf) temporary = {0};
    AUTO(char) *folder = NULL;
    TRY(parent_of(path, &folder));
    TRY(buf_printf(&temporary, "%s" FILE_TEMPORARY "XXXXXX", path));
    char *name = (char *)temporary.p;
    AUTO_VAL(descriptor) file = {mkostemp(name, O_CLOEXEC)};
    if (file.fd < 0) {
        return error_of_errno("cannot make", path);
    }
    err_t error = write_temporary(file.fd, name, content, mode);
    if (error.code == ERR_OK && rename(name, path) != 0) {
        error = error_of_errno("cannot replace", path);
    }
    if (error.code != ERR_OK) {
        (void)unlink(name); /* a leftover harms nobody: nothing reads *.tmp-* */
        return error;
    }
    return folder_sync(folder);
}

err_t file_move_durable(const char *from, const char *to)
{
    AUTO(char) *folder = NULL;
    TRY(parent_of(to, &folder));
    AUTO_VAL(descriptor) file = {open(from, O_RDONLY | O_CLOEXEC)};
    if (file.fd < 0) {
        return error_of_errno("cannot open", from);
    }
    descriptor_sync(file.fd, from);
    if (rename(from, to) != 0) {
        return error_of_errno("cannot replace", to);
    }
    return folder_sync(folder);
}

err_t folder_room(const char *path, int64_t *out)
{
    struct statvfs room;
    *out = 0;
    if (statvfs(path, &room) != 0) {
        return error_of_errno("cannot ask for the room of", path);
    }
    /* one without a size (some in user space, some of the network) says nothing: a write will tell */
    *out = room.f_blocks == 0 ? INT64_MAX : (int64_t)room.f_bavail * (int64_t)room.f_frsize;
    return OK;
}

err_t folder_sync(const char *path)
{
    AUTO_VAL(descriptor) folder = {open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (folder.fd < 0) {
        return error_of_errno("cannot open folder", path);
    }
    descriptor_sync(folder.fd, path);
    return OK;
}

err_t folder_make(const char *path, mode_t mode)
{
    AUTO(char) *parent = NULL;
    TRY(parent_of(path, &parent));
    if (mkdir(path, mode) != 0) {
        return error_of_errno("cannot make folder", path);
    }
    return folder_sync(parent);
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

err_t path_join(const char *folder, const char *name, char **out)
{
    *out = NULL;
    size_t n = strlen(folder);
    const char *slash = n > 0 && folder[n - 1] == '/' ? "" : "/";
    ENSURE(asprintf(out, "%s%s%s", folder, slash, name) >= 0, ERR_NO_MEMORY, "a path");
    return OK;
}
