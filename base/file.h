/* Files, durably: temporary, fsync, rename, fsync of the folder. A failed fsync ends the process (it is never
 * retried: the kernel may have dropped the dirty pages). */
#ifndef WHORL_BASE_FILE_H
#define WHORL_BASE_FILE_H

#include <sys/types.h>

#include "base/bytes.h"

/** Reads a whole file of at most `limit` bytes. @errors ERR_NOT_FOUND, ERR_TOO_LARGE, ERR_IO @thread any */
err_t file_read(const char *path, size_t limit, struct buf *out);
/* In the names of temporaries: what a crash may leave, and nothing ever reads. */
#define FILE_TEMPORARY ".tmp-"

/** Replaces or makes a file atomically and durably. @errors ERR_IO, ERR_DISK_FULL */
err_t file_write_durable(const char *path, struct bytes content, mode_t mode);
/** fsync of the file `from`, then it takes the place of `to` in the same file system, durably. @errors
 * ERR_IO, ERR_DISK_FULL, ERR_NOT_FOUND */
err_t file_move_durable(const char *from, const char *to);
/** fsync of an open file or folder; a failed one ends the process. @param path for the message */
void descriptor_sync(int fd, const char *path);
/** fsync of a folder. */
err_t folder_sync(const char *path);
/** mkdir, then fsync of the parent. @errors ERR_CONFLICT when it is there already */
err_t folder_make(const char *path, mode_t mode);
/** What is free for us in the file system of a folder, in bytes; INT64_MAX where it does not say. @errors
 * ERR_IO, ERR_NOT_FOUND */
err_t folder_room(const char *path, int64_t *out);
bool file_exists(const char *path);
/** "folder/name" as heap text; caller owns. */
err_t path_join(const char *folder, const char *name, char **out);

#endif
