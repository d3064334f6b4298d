#include "cmd/whorld/init_folder.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

/* What init makes, children before their folders: the only names that a repeated init removes. */
static const char *const MADE_FILES[] = {
    "keys/ca-root.key",
    "keys/ca-device.key",
    "keys/ca-infrastructure.key",
    "keys/" HOUSE_TLS_KEY ".key",
    "keys/owner-salt.secret",
    "keys/pkcs11-pin.secret",
    "keys/pin-attempts",
    HOUSE_PASSPHRASE,
    HOUSE_SERVER_CERTIFICATE,
    "tls/hosts",
    HOUSE_ANCHOR,
    HOUSE_TOKEN,
    HOUSE_CONFIG,
    HOUSE_DATABASE,
    HOUSE_DATABASE "-journal", /* until WAL is switched on */
    HOUSE_DATABASE "-wal",
    HOUSE_DATABASE "-shm",
    HOUSE_DATABASE ".admin.lock",
};
static const char *const MADE_FOLDERS[] = {"keys", "tls", HOUSE_FIRMWARE};

static err_t folder_is_empty(const char *folder, bool *out)
{
    DIR *dir = opendir(folder);
    ENSURE(dir != NULL, ERR_IO, "%.100s: %s", folder, strerror(errno));
    *out = true;
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            strcmp(e->d_name, "lost+found") != 0) {
            *out = false;
        }
    }
    (void)closedir(dir);
    return OK;
}

/* Temporary files of an interrupted durable write, in one folder: those whose name begins so. */
static err_t clear_temporaries(const char *folder, const char *beginning)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return OK;
    }
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (strncmp(e->d_name, beginning, strlen(beginning)) == 0 &&
            strstr(e->d_name, FILE_TEMPORARY) != NULL) {
            (void)unlinkat(dirfd(dir), e->d_name, 0);
        }
    }
    (void)closedir(dir);
    return OK;
}

/* The mark goes last: whatever ends this in the middle, the next init still knows whose the rest is. */
static err_t clear_half_made(const char *folder, const char *started)
{
    AUTO(char) *keys = NULL;
    AUTO(char) *tls = NULL;
    TRY(path_join(folder, "keys", &keys));
    TRY(path_join(folder, "tls", &tls));
    TRY(clear_temporaries(keys, ""));
    TRY(clear_temporaries(tls, ""));
    TRY(clear_temporaries(folder, ""));
    for (size_t i = 0; i < sizeof MADE_FILES / sizeof MADE_FILES[0]; i++) {
        AUTO(char) *path = NULL;
        TRY(path_join(folder, MADE_FILES[i], &path));
        ENSURE(unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR, ERR_IO, "%.100s: %s", path,
               strerror(errno));
    }
    for (size_t i = 0; i < sizeof MADE_FOLDERS / sizeof MADE_FOLDERS[0]; i++) {
        AUTO(char) *path = NULL;
        TRY(path_join(folder, MADE_FOLDERS[i], &path));
        ENSURE(rmdir(path) == 0 || errno == ENOENT, ERR_CONFLICT, "%.100s: %s", path, strerror(errno));
    }
    TRY(folder_sync(folder));
    ENSURE(unlink(started) == 0, ERR_IO, "%.100s: %s", started, strerror(errno));
    return folder_sync(folder);
}

/* An empty or missing folder, or one that an interrupted init left, becomes one that is marked as half-made.
 */
err_t init_prepare(const struct house *house)
{
    const char *folder = house->folder;
    AUTO(char) *started = NULL;
    AUTO(char) *marker = NULL;
    TRY(path_join(folder, HOUSE_STARTED, &started));
    TRY(path_join(folder, HOUSE_MARKER, &marker));
    if (!file_exists(folder)) {
        TRY(folder_make(folder, 0700));
    }
    ENSURE(!file_exists(marker), ERR_CONFLICT, "there is an installation in %.100s already", folder);
    if (file_exists(started)) {
        TRY(keystore_forget_half_made(folder, &house->config));
        TRY(clear_half_made(folder, started));
    }
    TRY(clear_temporaries(folder, HOUSE_STARTED)); /* an init that ended before its mark stood */
    bool empty = false;
    TRY(folder_is_empty(folder, &empty));
    ENSURE(empty, ERR_CONFLICT, "%.100s is not empty", folder);
    TRY(file_write_durable(started, bytes_str("init is at work\n"), 0600));
    for (size_t i = 0; i < sizeof MADE_FOLDERS / sizeof MADE_FOLDERS[0]; i++) {
        AUTO(char) *path = NULL;
        TRY(path_join(folder, MADE_FOLDERS[i], &path));
        TRY(folder_make(path, 0700));
    }
    return OK;
}
