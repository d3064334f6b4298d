/* Copies of the inventory as it was at one moment, made while others read and write it: for backups, and
 * before a migration changes the schema. The copy is one file that needs no WAL. */
#ifndef WHORL_DB_SNAPSHOT_H
#define WHORL_DB_SNAPSHOT_H

#include "db/db.h"

/** Copies the inventory of `from` (path and vfs count) to the new file `to` (mode 0600), in constant memory.
 * No writer waits for it. The copy is not synced; what is left of a failed one is removed.
 *  @errors ERR_DISK_FULL, also when less room is left than the copy and what a server needs beside it;
 * ERR_CONFLICT `to` is there; ERR_DB, ERR_IO @thread init, worker (blocks) */
err_t db_snapshot_make(const struct db_options *from, const char *to);

struct db_snapshot_facts {
    int64_t schema; /* its last migration */
};
/** Proves that a file is an inventory whose pages are whole (PRAGMA quick_check), of a schema that this
 * program can read or migrate. Nobody else may have it open. @errors ERR_DB with what is wrong @thread init,
 * worker (blocks) */
err_t db_snapshot_check(const struct db_options *file, struct db_snapshot_facts *out);

#endif
