/* Calls that change or read files below WHORL_FAULTS_ROOT. The C library's own streams (FILE) do not come
 * through here: they call the kernel from inside of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faults.h"

enum { PATH_SIZE = 512 };

static char unsynced[PATH_SIZE]; /* whose sync had failed */

static bool is_below(const char *path)
{
    const char *root = getenv("WHORL_FAULTS_ROOT");
    return faults_control() != NULL && root != NULL && strncmp(path, root, strlen(root)) == 0;
}

static bool is_file(int fd, char path[PATH_SIZE])
{
    char link[40];
    if (faults_control() == NULL) {
        return false;
    }
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_SIZE - 1);
    path[n > 0 ? n : 0] = '\0';
    return is_below(path);
}

/* @return whether the call fails, with errno set; *is_short: half of it is done instead */
static bool fails(enum kind kind, const char *call, const char *path, bool *is_short)
{
    if (!faults_hit(kind, call, path)) {
        return false;
    }
    int error = atomic_load(&faults_control()->error);
    if (error == ERROR_SHORT && is_short != NULL) {
        *is_short = true;
        return false;
    }
    errno = error;
    return true;
}

static bool fd_fails(enum kind kind, const char *call, int fd, bool *is_short)
{
    char path[PATH_SIZE];
    return is_file(fd, path) && fails(kind, call, path, is_short);
}

static bool path_fails(enum kind kind, const char *call, const char *path)
{
    return is_below(path) && fails(kind, call, path, NULL);
}

static size_t half(size_t n)
{
    return n > 1 ? n / 2 : n;
}

/* --- bytes */

typedef ssize_t (*pwrite_fn)(int, const void *, size_t, off_t);
typedef ssize_t (*pread_fn)(int, void *, size_t, off_t);

ssize_t write(int fd, const void *bytes, size_t n)
{
    bool is_short = false;
    ssize_t (*next)(int, const void *, size_t) = (ssize_t(*)(int, const void *, size_t))faults_real("write");
    if (fd_fails(KIND_WRITE, "write", fd, &is_short)) {
        return -1;
    }
    return next(fd, bytes, is_short ? half(n) : n);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    bool is_short = false;
    if (fd_fails(KIND_WRITE, "pwrite", fd, &is_short)) {
        return -1;
    }
    return ((pwrite_fn)faults_real("pwrite"))(fd, bytes, is_short ? half(n) : n, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at)
{
    return pwrite(fd, bytes, n, at);
}

ssize_t read(int fd, void *bytes, size_t n)
{
    bool is_short = false;
    ssize_t (*next)(int, void *, size_t) = (ssize_t(*)(int, void *, size_t))faults_real("read");
    if (fd_fails(KIND_READ, "read", fd, &is_short)) {
        return -1;
    }
    return next(fd, bytes, is_short ? half(n) : n);
}

ssize_t pread(int fd, void *bytes, size_t n, off_t at)
{
    bool is_short = false;
    if (fd_fails(KIND_READ, "pread", fd, &is_short)) {
        return -1;
    }
    return ((pread_fn)faults_real("pread"))(fd, bytes, is_short ? half(n) : n, at);
}

ssize_t pread64(int fd, void *bytes, size_t n, off64_t at)
{
    return pread(fd, bytes, n, at);
}

int ftruncate(int fd, off_t size)
{
    if (fd_fails(KIND_TRUNCATE, "ftruncate", fd, NULL)) {
        return -1;
    }
    return ((int (*)(int, off_t))faults_real("ftruncate"))(fd, size);
}

int ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, size);
}

int fallocate(int fd, int mode, off_t at, off_t size)
{
    if (fd_fails(KIND_RESERVE, "fallocate", fd, NULL)) {
        return -1;
    }
    return ((int (*)(int, int, off_t, off_t))faults_real("fallocate"))(fd, mode, at, size);
}

void *mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
    void *(*next)(void *, size_t, int, int, int, off_t) =
        (void *(*)(void *, size_t, int, int, int, off_t))faults_real("mmap");
    if (fd >= 0 && fd_fails(KIND_MAP, "mmap", fd, NULL)) {
        return MAP_FAILED;
    }
    return next(at, n, protection, flags, fd, offset);
}

void *mmap64(void *at, size_t n, int protection, int flags, int fd, off64_t offset)
{
    return mmap(at, n, protection, flags, fd, offset);
}

/* --- syncs */

static int sync_by(const char *call, int fd)
{
    char path[PATH_SIZE];
    if (is_file(fd, path)) {
        struct control *control = faults_control();
        (void)usleep(atomic_load(&control->delay_us));
        if (unsynced[0] != '\0' && strcmp(unsynced, path) == 0) {
            atomic_fetch_add(&control->resynced, 1);
        }
        if (fails(KIND_SYNC, call, path, NULL)) {
            memcpy(unsynced, path, sizeof unsynced);
            return -1;
        }
    }
    return ((int (*)(int))faults_real(call))(fd);
}

int fsync(int fd)
{
    return sync_by("fsync", fd);
}

int fdatasync(int fd)
{
    return sync_by("fdatasync", fd);
}

/* --- names */

int rename(const char *from, const char *to)
{
    if (path_fails(KIND_NAME, "rename", to)) {
        return -1;
    }
    return ((int (*)(const char *, const char *))faults_real("rename"))(from, to);
}

int link(const char *from, const char *to)
{
    if (path_fails(KIND_NAME, "link", to)) {
        return -1;
    }
    return ((int (*)(const char *, const char *))faults_real("link"))(from, to);
}

int unlink(const char *path)
{
    if (path_fails(KIND_NAME, "unlink", path)) {
        return -1;
    }
    return ((int (*)(const char *))faults_real("unlink"))(path);
}

int mkdir(const char *path, mode_t mode)
{
    if (path_fails(KIND_MAKE, "mkdir", path)) {
        return -1;
    }
    return ((int (*)(const char *, mode_t))faults_real("mkdir"))(path, mode);
}

int mkostemp(char *path, int flags)
{
    if (path_fails(KIND_MAKE, "mkostemp", path)) {
        return -1;
    }
    if (faults_hit(KIND_OPEN, "mkostemp", path)) {
        errno = atomic_load(&faults_control()->error);
        return -1;
    }
    return ((int (*)(char *, int))faults_real("mkostemp"))(path, flags);
}

int open(const char *path, int flags, ...)
{
    va_list values;
    va_start(values, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(values, mode_t) : 0;
    va_end(values);
    if ((flags & O_CREAT) != 0 && path_fails(KIND_MAKE, "open", path)) {
        return -1;
    }
    if (faults_hit(KIND_OPEN, "open", path)) {
        errno = atomic_load(&faults_control()->error);
        return -1;
    }
    return ((int (*)(const char *, int, ...))faults_real("open"))(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list values;
    va_start(values, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(values, mode_t) : 0;
    va_end(values);
    return open(path, flags, mode);
}
