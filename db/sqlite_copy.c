/* Copies a database page by page (SQLite's backup API) while others write it: the connection holds one
 * snapshot of the WAL all the while, so what is copied is one moment, and no writer waits. Called by
 * db/snapshot.c. */
#include "db/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "db/snapshot_internal.h"

enum { STEP_PAGES = 256 };

static void copy_close(sqlite3_backup *backup)
{
    (void)sqlite3_backup_finish(backup); /* repeats the error of the step */
}
DEFINE_AUTO(sqlite3_backup, copy_close);

/* SQLite would take what is there and make it with another mode. */
static err_t make_empty(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ENSURE(fd >= 0 || errno != EEXIST, ERR_CONFLICT, "%.120s is there already", path);
    ENSURE(fd >= 0, errno == ENOSPC ? ERR_DISK_FULL : ERR_IO, "%.100s cannot be made (%d)", path, errno);
    (void)close(fd);
    return OK;
}

/* The copy is read by nobody until it is whole, and made again after a crash: nothing of it need be durable
 * yet. */
static err_t open_target(struct connection *source, const char *path, struct connection *target)
{
    target->log = source->log;
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE;
    if (sqlite3_open_v2(path, &target->handle, flags, NULL) != SQLITE_OK) {
        ENSURE(target->handle != NULL, ERR_NO_MEMORY, "a connection");
        return sqlite_error(target, path);
    }
    (void)sqlite3_extended_result_codes(target->handle, 1);
    return connection_script(
        target, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -2048;");
}

static void target_close(struct connection *target)
{
    (void)sqlite3_close(target->handle);
}
DEFINE_AUTO_VAL(connection, target_close);

static err_t copy_pages(struct connection *source, const char *path)
{
    AUTO_VAL(connection) target = {.handle = NULL};
    TRY(open_target(source, path, &target));
    AUTO(sqlite3_backup) *backup = sqlite3_backup_init(target.handle, "main", source->handle, "main");
    if (backup == NULL) {
        return sqlite_error(&target, "copy");
    }
    int code = SQLITE_OK;
    while (code == SQLITE_OK) {
        code = sqlite3_backup_step(backup, STEP_PAGES);
    }
    if (code == SQLITE_DONE) {
        return OK;
    }
    int at_target = sqlite3_backup_finish(TAKE(backup)); /* puts the error where it can be read */
    ENSURE((at_target & 0xff) != SQLITE_FULL, ERR_DISK_FULL, "copying the inventory: the disk is full");
    return ERR(ERR_DB, "copying the inventory: %s (%d)", sqlite3_errstr(at_target), at_target);
}

/* The pages say that the file has a WAL, as the original has: a copy that moves about alone should not. */
static err_t leave_wal(struct connection *source, const char *path)
{
    AUTO_VAL(connection) target = {.log = source->log};
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE;
    if (sqlite3_open_v2(path, &target.handle, flags, NULL) != SQLITE_OK) {
        ENSURE(target.handle != NULL, ERR_NO_MEMORY, "a connection");
        return sqlite_error(&target, path);
    }
    (void)sqlite3_extended_result_codes(target.handle, 1);
    return connection_script(&target, "PRAGMA synchronous = OFF; PRAGMA journal_mode = DELETE;");
}

err_t connection_copy(struct connection *connection, const char *path)
{
    TRY(make_empty(path));
    err_t error = copy_pages(connection, path);
    if (error.code == ERR_OK) {
        error = leave_wal(connection, path);
    }
    if (error.code != ERR_OK) {
        (void)unlink(path);
    }
    return error;
}
