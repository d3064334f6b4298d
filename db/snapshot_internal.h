/* Copies of an inventory, between the files of the engine. */
#ifndef WHORL_DB_SNAPSHOT_INTERNAL_H
#define WHORL_DB_SNAPSHOT_INTERNAL_H

#include "db/internal.h"

/** Copies the database of a connection, as its open read transaction sees it, to a new file. @errors
 * ERR_CONFLICT the file is there, ERR_DISK_FULL, ERR_IO, ERR_DB; nothing stays */
err_t connection_copy(struct connection *connection, const char *path);
/** One moment of the connection's database, after it was seen that there is room for it. @errors like
 * connection_copy() */
err_t snapshot_of(struct connection *connection, const char *path);

/** When `list` has steps to run on a schema that is there already: keeps a copy of the inventory as
 * "<folder>/<schema>-<time>.db", durably, in place of an earlier copy of this schema, and removes all but the
 * copies of the last BEFORE_MIGRATION_KEPT schemas. A migration that was cut goes on with the copy that it
 * began with. Without a folder in the options: nothing.
 *  @errors ERR_DISK_FULL there is no room for it: then nothing is migrated; ERR_IO, ERR_DB */
err_t before_migration_keep(struct connection *connection, const struct db_options *options,
                            const struct migration_list *list);
enum { BEFORE_MIGRATION_KEPT = 3 };

#endif
