/* Records as files. Atomic: a reader sees the old record or the new one, also after a power cut. */
#include "device/host/file_storage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *name_of(enum whorl_record record)
{
    switch (record) {
    case WHORL_RECORD_HELPER:
        return "helper.bin";
    case WHORL_RECORD_STATE:
        return "state.bin";
    case WHORL_RECORD_CREDENTIAL:
        return "credential.bin";
    case WHORL_RECORD_PENDING:
        return "pending.bin";
    case WHORL_RECORD_HUB:
        return "hub.bin";
    case WHORL_RECORD_FAILURES:
        return "failures.bin";
    case WHORL_RECORD_ANCHORS:
        return "anchors.bin";
    case WHORL_RECORD_MANIFEST_KEYS:
        return "manifest-keys.bin";
    case WHORL_RECORD_INSTALLED:
        return "installed.bin";
    case WHORL_RECORD_UPDATE:
        return "update.bin";
    }
    return "unknown.bin";
}

static bool path_of(char path[PATH_MAX], const char *folder, const char *name, const char *suffix)
{
    int size = snprintf(path, PATH_MAX, "%s/%s%s", folder, name, suffix);
    return size > 0 && size < PATH_MAX;
}

static bool sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool is_synced = fsync(fd) == 0;
    return close(fd) == 0 && is_synced;
}

static bool write_synced(const char *path, struct whorl_bytes data)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return false;
    }
    bool is_written = true;
    while (is_written && data.size != 0) {
        ssize_t n = write(fd, data.data, data.size);
        if (n > 0) {
            data.data += n;
            data.size -= (size_t)n;
        } else {
            is_written = n < 0 && errno == EINTR;
        }
    }
    is_written = is_written && fsync(fd) == 0;
    return close(fd) == 0 && is_written;
}

bool host_file_write(const char *folder, const char *name, struct whorl_bytes data)
{
    char path[PATH_MAX];
    char temporary[PATH_MAX];
    return path_of(path, folder, name, "") && path_of(temporary, folder, name, ".tmp") &&
           write_synced(temporary, data) && rename(temporary, path) == 0 && sync_folder(folder);
}

enum whorl_result host_file_read(const char *folder, const char *name, struct whorl_space into, size_t *size)
{
    char path[PATH_MAX];
    *size = 0;
    if (!path_of(path, folder, name, "")) {
        return WHORL_ERROR_STORAGE;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? WHORL_ERROR_NOT_AVAILABLE : WHORL_ERROR_STORAGE;
    }
    ssize_t n = 1;
    while (n > 0 && *size < into.size) {
        n = read(fd, into.data + *size, into.size - *size);
        *size += n > 0 ? (size_t)n : 0;
    }
    uint8_t more;
    bool is_whole = n == 0 || (n > 0 && read(fd, &more, 1) == 0);
    close(fd);
    if (!is_whole) {
        return n > 0 ? WHORL_ERROR_SPACE : WHORL_ERROR_STORAGE;
    }
    return WHORL_OK;
}

void host_change(uint64_t *die_in)
{
    if (die_in != NULL && *die_in != 0) {
        *die_in -= 1;
        if (*die_in == 0) {
            (void)raise(SIGKILL);
        }
    }
}

static enum whorl_result storage_read(void *context, enum whorl_record record, struct whorl_space into,
                                      size_t *size)
{
    const struct host_storage *storage = context;
    return host_file_read(storage->folder, name_of(record), into, size);
}

static enum whorl_result storage_write(void *context, enum whorl_record record, struct whorl_bytes data)
{
    const struct host_storage *storage = context;
    host_change(storage->die_in);
    return host_file_write(storage->folder, name_of(record), data) ? WHORL_OK : WHORL_ERROR_STORAGE;
}

static enum whorl_result storage_erase(void *context, enum whorl_record record)
{
    const struct host_storage *storage = context;
    char path[PATH_MAX];
    host_change(storage->die_in);
    if (!path_of(path, storage->folder, name_of(record), "") || (unlink(path) != 0 && errno != ENOENT)) {
        return WHORL_ERROR_STORAGE;
    }
    return sync_folder(storage->folder) ? WHORL_OK : WHORL_ERROR_STORAGE;
}

void host_storage_init(struct host_storage *storage, const char *folder)
{
    storage->port = (struct whorl_storage){
        .context = storage, .read = storage_read, .write = storage_write, .erase = storage_erase};
    storage->folder = folder;
    storage->die_in = NULL;
}
