/* The steps of a restore in its staging folder: files, keys, proofs. */
#ifndef WHORL_CMD_RESTORE_PLACE_H
#define WHORL_CMD_RESTORE_PLACE_H

#include "cmd/whorld/house.h"
#include "cmd/whorld/restore_read.h"
#include "cmd/whorld/restore_target.h"

/* What restore_settle() goes by. */
struct restore_settling {
    const struct backup_manifest *manifest;
    bool accepts_rollback;         /* --accept-rollback: the journal is not replayed */
    struct house_brought *brought; /* filled: what was */
};

/** Writes every file of the backup, and reads the backup to its end. @errors of backup_reading_file;
 * ERR_DISK_FULL before anything is written when there is no room @thread init, like all functions here */
err_t restore_place_files(struct backup_reading *reading, const struct restore_target *target);
/** Copies the keys (and, where it lies there, the passphrase) of a keys folder that the operator brought.
 *  @errors ERR_NOT_FOUND no key is in it */
err_t restore_place_keys(const char *from, const struct restore_target *target);
/** A copy of the journal from this folder (--journal), for restore_settle() to replay. Where the settings
 * keep the journal outside of the directory it has to lie there. @errors ERR_NOT_FOUND no journal is there,
 * ERR_UNPROCESSABLE it belongs elsewhere, ERR_IO */
err_t restore_place_journal(const char *from, const struct restore_target *target);
/** The inventory's pages are whole and of the schema that the manifest names; the signature leads to the
 * trust anchor that the backup holds. */
err_t restore_prove(const struct backup_reading *reading, const struct restore_target *target);
/** Brings it up to date by the journal, opens it as `serve` would (settings, passphrase, keys that fit the
 * authorities' certificates), brings the schema up to date, and records the restore. */
err_t restore_settle(const struct restore_settling *settling, const struct restore_target *target);

#endif
