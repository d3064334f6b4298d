/* What stands in front of a backup's files, signed by the installation: which installation and moment it is,
 * how far its audit log had come, and every file with size and digest. */
#ifndef WHORL_CMD_BACKUP_MANIFEST_H
#define WHORL_CMD_BACKUP_MANIFEST_H

#include "base/json.h"
#include "cmd/whorld/backup_files.h"

struct backup_manifest {
    struct sha256 installation; /* of the root authority's key */
    int64_t at_ms;              /* everything that was committed before is in it */
    int64_t schema;
    bool has_keys;
    json_t *journal; /* owned: how far the journal of every node has come (node, seq, hash) */
    json_t *heads; /* owned: the last record of every chain of the audit log (node, epoch, lane, seq, hash) */
    struct backup_list files;
};
void backup_manifest_clear(struct backup_manifest *manifest);
DEFINE_AUTO_VAL(backup_manifest, backup_manifest_clear);

enum { BACKUP_MANIFEST_MAX = 64 << 20 };

/** Compact JSON, appended. */
err_t backup_manifest_write(const struct backup_manifest *manifest, struct buf *out);
/** @param out cleared by the caller, also on failure
 *  @errors ERR_BAD_JSON, ERR_UNPROCESSABLE not a manifest, an unsafe or repeated name, no inventory @thread
 * any */
err_t backup_manifest_read(struct bytes text, struct backup_manifest *out);
/** Bytes of all files together. */
int64_t backup_manifest_size(const struct backup_manifest *manifest);

#endif
