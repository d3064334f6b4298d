/* Maps whole files. Nothing here writes. */
#include "base/file_map.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static err_t map(int fd, const char *path, struct file_map *out)
{
    struct stat status;
    ENSURE(fstat(fd, &status) == 0, ERR_IO, "cannot look at %.120s (%d)", path, errno);
    if (status.st_size == 0) {
        out->bytes = BYTES_NONE;
        return OK;
    }
    void *at = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    ENSURE(at != MAP_FAILED, ERR_IO, "cannot map %.120s (%d)", path, errno);
    (void)madvise(at, (size_t)status.st_size, MADV_SEQUENTIAL);
    out->bytes = (struct bytes){at, (size_t)status.st_size};
    return OK;
}

err_t file_map_open(const char *path, struct file_map *out)
{
    *out = (struct file_map){.bytes = BYTES_NONE};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ENSURE(fd >= 0 || errno != ENOENT, ERR_NOT_FOUND, "there is no file %.120s", path);
    ENSURE(fd >= 0, ERR_IO, "cannot open %.120s (%d)", path, errno);
    err_t error = map(fd, path, out);
    (void)close(fd);
    return error;
}

void file_map_clear(struct file_map *map)
{
    union { /* munmap takes what it does not change without const */
        const uint8_t *in;
        void *out;
    } at = {.in = map->bytes.p};
    if (map->bytes.n > 0) {
        (void)munmap(at.out, map->bytes.n);
    }
    map->bytes = BYTES_NONE;
}
