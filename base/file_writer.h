/* A file that is too long for memory, made piece by piece and then there at once: a temporary beside its
 * place, fsync, rename, fsync of the folder, as file_write_durable() does for short ones. Or a stream:
 * standard output has no place to rename to. */
#ifndef WHORL_BASE_FILE_WRITER_H
#define WHORL_BASE_FILE_WRITER_H

#include <sys/types.h>

#include "base/bytes.h"

struct file_writer;

/** @errors ERR_IO, ERR_DISK_FULL, ERR_NOT_FOUND no such folder @thread any, one at a time, like all here */
err_t file_writer_new(const char *path, mode_t mode, struct file_writer **out);
/** Writes to a descriptor that stays the caller's. @param name for messages */
err_t file_writer_on(int fd, const char *name, struct file_writer **out);
/** Without file_writer_commit() nothing of it stays. */
void file_writer_free(struct file_writer *writer);
DEFINE_AUTO_PTR(file_writer, file_writer_free);

/** @errors ERR_IO, ERR_DISK_FULL */
err_t file_writer_add(struct file_writer *writer, struct bytes piece);
/** What was added is durable, under its temporary name; a failed fsync ends the process. Nothing may be added
 * afterwards. */
err_t file_writer_sync(struct file_writer *writer);
/** Gives it its name, durably. @errors ERR_IO */
err_t file_writer_commit(struct file_writer *writer);

#endif
