/* Reads a backup from its first to its last byte, once. */
#ifndef WHORL_CMD_RESTORE_READ_H
#define WHORL_CMD_RESTORE_READ_H

#include "cmd/whorld/backup_manifest.h"
#include "pki/container.h"

struct backup_reading {
    struct sealed_reader *stream;
    struct buf cms; /* the signed manifest: for a second look, when the trust anchor is known */
    struct backup_manifest manifest;
};
void backup_reading_clear(struct backup_reading *reading);
DEFINE_AUTO_VAL(backup_reading, backup_reading_clear);

/** Reads up to the manifest. @param anchors PEM, or BYTES_NONE: that the signature is of an installation that
 * you know is yet to be checked @param out cleared by the caller, also on failure
 *  @errors of container_read; ERR_FORBIDDEN, ERR_BAD_ENCODING, ERR_UNPROCESSABLE a bad manifest @thread init,
 * like all functions here */
err_t backup_reading_open(const struct operator_key *operator_key, const struct stream_source *source,
                          struct bytes anchors, struct backup_reading *out);
/** The bytes of the next file of the manifest, to its end. @param fn takes them before the digest was
 * compared; NULL: nobody does @errors ERR_CRYPTO; ERR_UNPROCESSABLE they are not those of the manifest; of fn
 */
err_t backup_reading_file(struct backup_reading *reading, const struct backup_file *file, backup_piece_fn fn,
                          void *arg);
/** Nothing is left. @errors ERR_CRYPTO */
err_t backup_reading_end(struct backup_reading *reading);
/** The manifest is signed under this anchor, is of its installation and was signed in its signer's life.
 *  @errors ERR_FORBIDDEN, ERR_UNPROCESSABLE no anchor in the text */
err_t backup_reading_check(const struct backup_reading *reading, struct bytes anchors);

#endif
