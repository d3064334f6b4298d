/* Where a restore goes: a directory that was empty. Everything is made in DIR/.restore, where nothing starts
 * it, and moved up when all of it was found good; the marker that makes it an installation comes last. A
 * restore that was killed leaves what only the next restore takes, and clears away. */
#ifndef WHORL_CMD_RESTORE_TARGET_H
#define WHORL_CMD_RESTORE_TARGET_H

#include "base/bytes.h"

struct restore_target {
    char *folder, *staging; /* DIR and DIR/.restore */
    int lock_fd;            /* of the staging folder: one restore at a time; -1 when there is none yet */
    bool is_made;           /* the directory was not there before */
    bool is_published;
};
/** @errors ERR_CONFLICT a server runs on it, an installation or anything else is there, another restore is at
 * work; ERR_IO @thread init, like all functions here */
err_t restore_target_open(const char *folder, struct restore_target *out);
/** Moves everything up. Afterwards it is an installation, durably. @errors ERR_IO */
err_t restore_target_publish(struct restore_target *target);
/** What was not published is removed. */
void restore_target_close(struct restore_target *target);
DEFINE_AUTO_VAL(restore_target, restore_target_close);

/** Makes the folders that lead to "staging/name". */
err_t restore_target_folders(const struct restore_target *target, const char *name);

#endif
