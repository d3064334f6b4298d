/* Writes a backup: the sealed beginning, the signed manifest, the files. */
#ifndef WHORL_CMD_BACKUP_WRITE_H
#define WHORL_CMD_BACKUP_WRITE_H

#include "base/file_writer.h"
#include "cmd/whorld/backup_manifest.h"
#include "pki/envelope.h"
#include "pki/signer.h"

struct backup_writing {
    struct backup_manifest *manifest; /* complete but for sizes and digests of its files, which are set */
    const struct signer *signer;
    const struct recipients *recipients;
    struct file_writer *file;
    int64_t size; /* of what was written */
};
/** Reads every file twice: for the manifest, then to write it. @errors ERR_CONFLICT a file changed between
 * the two; ERR_IO, ERR_DISK_FULL, ERR_CRYPTO @thread init */
err_t backup_write(struct backup_writing *writing);

#endif
